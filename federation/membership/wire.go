package membership

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// What strangers may cost.
const (
	mostStreams     = 64      // connections accepted at once
	mostStreamsHost = 32      // of them, from one address
	mostStreamBytes = 4 << 20 // a thousand members with a note each are 1.6 MiB
	labelTimeout    = 5 * time.Second
)

type wireOptions struct {
	given, before string        // to advertise; what it was in an earlier life
	dial          time.Duration // bounds the making of a connection
	federation    func() string // "" while there is none
	encrypted     bool          // what comes has to be
	metrics       *metrics
}

// The wire carries gossip: UDP packets, and TCP connections at the same port. It
// is memberlist's transport. What comes from another federation, or from nobody
// who knows the protocol, ends here.
type wire struct {
	wireOptions
	tcp       *net.TCPListener
	udp       *net.UDPConn
	advertise netip.AddrPort

	packets chan *memberlist.Packet
	streams chan net.Conn

	closing context.Context
	quit    context.CancelFunc
	wait    sync.WaitGroup
	once    sync.Once

	mu     sync.Mutex
	open   map[*stream]struct{}
	inward map[netip.Addr]int // accepted connections that are open, by address
	total  int
}

var _ memberlist.NodeAwareTransport = (*wire)(nil)

// listen opens both ports and begins to read them.
func listen(ctx context.Context, address string, options wireOptions) (*wire, error) {
	w := &wire{
		wireOptions: options,
		packets:     make(chan *memberlist.Packet), streams: make(chan net.Conn),
		open: map[*stream]struct{}{}, inward: map[netip.Addr]int{},
	}
	if err := w.bind(ctx, address); err != nil {
		return nil, err
	}
	var err error
	if w.advertise, err = advertised(ctx, w.address(), options.given, options.before); err != nil {
		return nil, errors.Join(err, w.tcp.Close(), w.udp.Close())
	}
	w.closing, w.quit = context.WithCancel(context.Background())
	w.wait.Go(w.accept)
	w.wait.Go(w.receive)
	return w, nil
}

// bind opens TCP and UDP at one port. If the system is to choose it, it may
// choose one for TCP that is in use for UDP: then it is asked again.
func (w *wire) bind(ctx context.Context, address string) error {
	const attempts = 20
	var config net.ListenConfig
	var last error
	for range attempts {
		tcp, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen for gossip on %s: %w", address, err)
		}
		w.tcp = tcp.(*net.TCPListener)
		udp, err := config.ListenPacket(ctx, "udp", w.tcp.Addr().String())
		if err == nil {
			w.udp = udp.(*net.UDPConn)
			_ = w.udp.SetReadBuffer(2 << 20) // bursts wait there; less is slower, not wrong
			return nil
		}
		last = errors.Join(err, w.tcp.Close())
		if _, port, _ := net.SplitHostPort(address); port != "0" {
			break
		}
	}
	return fmt.Errorf("listen for gossip on %s, UDP: %w", address, last)
}

func (w *wire) address() netip.AddrPort {
	at := w.tcp.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// FinalAdvertiseAddr is where others reach this node.
func (w *wire) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return w.advertise.Addr().AsSlice(), int(w.advertise.Port()), nil
}

// PacketCh and StreamCh are where memberlist gets what came in.
func (w *wire) PacketCh() <-chan *memberlist.Packet { return w.packets }

// StreamCh is the same for connections.
func (w *wire) StreamCh() <-chan net.Conn { return w.streams }

// WriteTo sends a packet.
func (w *wire) WriteTo(b []byte, address string) (time.Time, error) {
	return w.WriteToAddress(b, memberlist.Address{Addr: address})
}

// WriteToAddress sends a packet, behind this federation's label.
func (w *wire) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	at, err := netip.ParseAddrPort(to.Addr)
	if err != nil {
		return time.Time{}, err
	}
	packet, err := labelled(w.federation(), b)
	if err != nil {
		return time.Time{}, err
	}
	_, err = w.udp.WriteToUDPAddrPort(packet, at)
	w.metrics.sent.packet.Add(float64(len(packet)))
	return time.Now(), err
}

// receive hands over the packets of this federation.
func (w *wire) receive() {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := w.udp.ReadFromUDPAddrPort(buffer)
		if w.closing.Err() != nil {
			return
		}
		if err != nil {
			w.pause()
			continue
		}
		w.metrics.received.packet.Add(float64(n))
		packet, err := w.mine(buffer[:n])
		if err != nil {
			w.metrics.refuse(err)
			continue
		}
		select {
		case w.packets <- &memberlist.Packet{Buf: packet, From: net.UDPAddrFromAddrPort(from), Timestamp: time.Now()}:
		case <-w.closing.Done():
			return
		}
	}
}

// mine copies what is in a packet of this federation, encrypted if it should be.
func (w *wire) mine(packet []byte) ([]byte, error) {
	theirs, rest, err := unlabel(packet)
	if err != nil {
		return nil, err
	}
	if ours := w.federation(); ours == "" || theirs != ours {
		return nil, foreign(theirs, ours)
	}
	if w.encrypted && (len(rest) == 0 || !sound(rest[0], int64(len(rest)))) {
		return nil, ErrKeys
	}
	return append([]byte(nil), rest...), nil
}

// pause keeps an error that repeats at once from taking a processor.
func (w *wire) pause() {
	const breath = 20 * time.Millisecond
	select {
	case <-time.After(breath):
	case <-w.closing.Done():
	}
}

// Shutdown closes both ports and every connection, and waits for their readers.
func (w *wire) Shutdown() error {
	w.once.Do(func() {
		w.quit()
		_ = w.tcp.Close()
		_ = w.udp.Close()
		w.mu.Lock()
		open := make([]*stream, 0, len(w.open))
		for s := range w.open {
			open = append(open, s)
		}
		w.mu.Unlock()
		for _, s := range open {
			_ = s.Close()
		}
	})
	w.wait.Wait()
	return nil
}
