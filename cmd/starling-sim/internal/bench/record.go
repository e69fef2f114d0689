package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"starling/accounting"
	"starling/consensus"
)

// What is wanted of the record that three nodes share, on one machine with fsync on.
const (
	recordsWanted = 10_000 // a second, of 512 writers
	strongWanted  = 10_000 // a second
	handsFull     = 512    // writers, and readers
	changeMost    = 2 * time.Second
)

// records measures the log of a federation of three nodes in this process. Package consensus has the comparison with
// raft alone (BenchmarkRaftBare).
func records(ctx context.Context, l *lab) (err error) {
	dir, err := os.MkdirTemp(l.Dir, "starling-bench-")
	if err != nil {
		return err
	}
	f := &federation{}
	defer func() { err = errors.Join(err, f.close(), os.RemoveAll(dir)) }()
	for i := range 3 {
		if err := f.join(ctx, fmt.Sprintf("n%d", i), filepath.Join(dir, fmt.Sprint(i))); err != nil {
			return err
		}
	}
	first := f.members[0]
	if err := first.log.Strong(ctx); err != nil {
		return err
	}
	alone, err := f.put(ctx, 1, l.Time, func(ctx context.Context) error { return first.write(ctx, first.db.Update) })
	if err != nil {
		return err
	}
	commit, err := first.commit()
	if err != nil {
		return err
	}
	// The session store's, the leader's log's, a follower's log's and the state's: one after the other.
	l.note(latency("one record on three nodes, p50 alone", alone.percentile(50), 8*commit,
		fmt.Sprintf("4 commits on its path took %.2f ms just after", millis(4*commit))))
	many, err := f.put(ctx, handsFull, l.Time, func(ctx context.Context) error { return first.write(ctx, first.db.Batch) })
	if err != nil {
		return err
	}
	l.note(Figure{Name: "records on three nodes of 512 writers", Value: many.rate(), Unit: "/s", Target: recordsWanted, Rate: true})
	reads, err := f.put(ctx, handsFull, l.Time, func(ctx context.Context) error { return first.log.Strong(ctx) })
	if err != nil {
		return err
	}
	l.note(Figure{Name: "strong reads of 512 readers", Value: reads.rate(), Unit: "/s", Target: strongWanted, Rate: true})
	begun := time.Now()
	if err := first.close(); err != nil { // which hands over
		return err
	}
	if err := f.members[1].write(ctx, f.members[1].db.Update); err != nil {
		return err
	}
	l.note(latency("a record while the leader leaves", time.Since(begun), changeMost, "its closing included"))
	return nil
}

// federation is nodes' logs and nothing else of them.
type federation struct {
	members []*logMember
	next    atomic.Int64
}

type logMember struct {
	federation *federation
	name       string
	db         *bbolt.DB
	outbox     *consensus.Outbox
	log        *consensus.Raft
}

func (f *federation) join(ctx context.Context, name, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	db, err := bbolt.Open(filepath.Join(dir, "sessions.db"), 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	m := &logMember{federation: f, name: name, db: db}
	f.members = append(f.members, m)
	if m.outbox, err = consensus.NewOutbox(db, consensus.OutboxOptions{}); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m.log, err = consensus.OpenRaft(consensus.RaftOptions{
		Options: consensus.Options{Node: name, Dir: dir, Outbox: m.outbox, Log: slog.New(slog.NewTextHandler(io.Discard, nil))},
		Stream:  plain{listener}, Forward: f, Bootstrap: len(f.members) == 1,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	m.log.Start(ctx)
	if len(f.members) == 1 {
		return m.write(ctx, db.Update) // which waits until it leads
	}
	return f.members[0].log.AddVoter(ctx, m.log.Self())
}

// plain is a stream layer without a guard, on loopback.
type plain struct{ net.Listener }

func (plain) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", string(address), timeout)
}

// Forward is described at consensus.Forwarder.
func (f *federation) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	i := slices.IndexFunc(f.members, func(m *logMember) bool { return m.name == node })
	return f.members[i].log.Answer(ctx, request), nil
}

// write puts one record into a member's outbox, in a transaction of its own or of many, and waits until it is applied
// there.
func (m *logMember) write(ctx context.Context, transaction func(func(*bbolt.Tx) error) error) error {
	id := fmt.Sprintf("01950000-0000-8000-8000-%012x", m.federation.next.Add(1))
	command := accounting.OpenAttempt{
		Ref: accounting.Ref(id), Session: accounting.SessionID(id), Attempt: 1, Node: accounting.NodeName(m.name),
		Owners: accounting.Owners{User: accounting.Party{ID: "u"}}, Period: "2026B", Time: accounting.Instant(time.Now().UnixMilli()),
	}
	err := transaction(func(tx *bbolt.Tx) error {
		_, err := m.outbox.Append(tx, command)
		return err
	})
	if err != nil {
		return err
	}
	return m.log.Barrier(ctx)
}

// commit is how long a commit of the session store takes, as a median.
func (m *logMember) commit() (time.Duration, error) {
	times := make([]time.Duration, fsyncs)
	for i := range times {
		begun := time.Now()
		err := m.db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("bench"))
			if err != nil {
				return err
			}
			return bucket.Put([]byte("key"), fmt.Append(nil, i))
		})
		if err != nil {
			return 0, err
		}
		times[i] = time.Since(begun)
	}
	slices.Sort(times)
	return times[fsyncs/2], nil
}

// put has so many do the same for a time.
func (f *federation) put(ctx context.Context, hands int, last time.Duration, do func(context.Context) error) (pace, error) {
	all := make([][]time.Duration, hands)
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for i := range all {
		group.Go(func() error {
			for time.Since(start) < last {
				begun := time.Now()
				if err := do(ctx); err != nil {
					return err
				}
				all[i] = append(all[i], time.Since(begun))
			}
			return nil
		})
	}
	err := group.Wait()
	p := pace{took: time.Since(start), times: slices.Concat(all...)}
	slices.Sort(p.times)
	return p, err
}

// close ends a member's log and store; a second close does nothing.
func (m *logMember) close() (err error) {
	if m.log != nil {
		err = m.log.Close()
	}
	return errors.Join(err, m.db.Close())
}

func (f *federation) close() (err error) {
	for _, m := range f.members {
		err = errors.Join(err, m.close())
	}
	return err
}
