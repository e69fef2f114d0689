package wan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/florianl/go-nfqueue/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// firstQueue is the number of the first rule's queue in its namespace.
	firstQueue = 7700
	// longest is how many packets are on a line at most; what comes beyond is lost, as
	// in a router. At 300 ms that is 200,000 packets a second.
	longest = 1 << 16
	// buffer is the size of the socket on which the kernel tells us of packets.
	buffer = 8 << 20
)

// line delivers packets late, in the order in which they came.
type line struct {
	queue    *nfqueue.Nfqueue
	effect   Effect
	random   *rand.Rand // of the goroutine that receives alone
	last     time.Time  // when the packet before is to arrive; likewise
	stop     context.CancelFunc
	onTheWay chan packet
	count    atomic.Int64  // packets on the way
	hurry    chan struct{} // closed when all is to arrive at once
	arrived  chan struct{} // closed when deliver has ended
}

type packet struct {
	id  uint32
	due time.Time
}

func openLine(space *namespace, number uint16, effect Effect, random *rand.Rand) (*line, error) {
	queue, err := nfqueue.Open(&nfqueue.Config{
		NetNS: int(space.file.Fd()), NfQueue: number, AfFamily: unix.AF_INET,
		// The number of a packet is all that we want of it. Large ones needn't be cut in
		// pieces for us (GSO), and no packet is lost for being too late for the queue.
		Copymode: nfqueue.NfQnlCopyMeta, MaxQueueLen: longest,
		Flags: nfqueue.NfQaCfgFlagGSO | nfqueue.NfQaCfgFlagFailOpen,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %d: %w", number, err)
	}
	// A packet of which we weren't told would never arrive.
	err = errors.Join(queue.SetOption(netlink.NoENOBUFS, true), queue.Con.SetReadBuffer(buffer))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare queue %d: %w", number, err), queue.Con.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &line{
		queue: queue, effect: effect, random: random, stop: stop,
		onTheWay: make(chan packet, longest), hurry: make(chan struct{}), arrived: make(chan struct{}),
	}
	goOn := func(error) int {
		if ctx.Err() != nil {
			return 1
		}
		return 0
	}
	if err := queue.RegisterWithErrorFunc(ctx, l.receive, goOn); err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("listen to queue %d: %w", number, err), queue.Con.Close())
	}
	go l.deliver()
	return l, nil
}

// receive notes when a packet is to arrive, and never waits.
func (l *line) receive(a nfqueue.Attribute) int {
	if a.PacketID == nil {
		return 0
	}
	late := l.effect.delay
	if j := l.effect.jitter; j > 0 {
		late += time.Duration(l.random.Int64N(int64(2*j)+1)) - j
	}
	due := time.Now().Add(late)
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	l.count.Add(1)
	select {
	case l.onTheWay <- packet{*a.PacketID, due}:
	default:
		l.count.Add(-1)
		_ = l.queue.SetVerdict(*a.PacketID, nfqueue.NfDrop)
	}
	return 0
}

func (l *line) deliver() {
	defer close(l.arrived)
	for p := range l.onTheWay {
		if wait := time.Until(p.due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-l.hurry:
			}
		}
		// A verdict fails when the namespace is gone, and the packet with it.
		_ = l.queue.SetVerdict(p.id, nfqueue.NfAccept)
		l.count.Add(-1)
	}
}

// close has what is on its way arrive, and ends the line. No rule may lead to it any
// more. The kernel loses what nobody has decided on when we stop listening, so that
// comes last.
func (l *line) close() error {
	close(l.hurry)
	for until := time.Now().Add(time.Second); l.count.Load() > 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	l.stop()
	err := l.queue.Close() // waits for receive
	close(l.onTheWay)
	<-l.arrived
	return err
}
