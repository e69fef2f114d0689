package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"starling/accounting"
	"starling/consensus"
	"starling/consensus/consensustest"
	"starling/node/store"
)

// federation is nodes' session stores and logs and nothing else of them, in this process.
type federation struct {
	network *consensustest.Network
	members []*logMember
	next    atomic.Int64
}

type logMember struct {
	federation *federation
	name       string
	store      *store.Store
	outbox     *consensus.Outbox
	log        *consensus.Raft
	metrics    *prometheus.Registry
	detach     func()
}

// federate starts nodes, all of which vote. The first leads.
func federate(ctx context.Context, dir string, nodes int) (*federation, error) {
	f := &federation{network: consensustest.NewLoopback(1)}
	for i := range nodes {
		name := fmt.Sprintf("n%d", i)
		if err := f.join(ctx, name, filepath.Join(dir, name)); err != nil {
			return f, err
		}
	}
	return f, f.members[0].log.Strong(ctx)
}

func (f *federation) join(ctx context.Context, name, dir string) (err error) {
	m := &logMember{federation: f, name: name, metrics: prometheus.NewRegistry(), detach: func() {}}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if m.store, err = store.Open(store.Options{Path: filepath.Join(dir, "sessions.db")}); err != nil {
		return err
	}
	f.members = append(f.members, m)
	if m.outbox, err = consensus.NewOutbox(m.store.DB(), consensus.OutboxOptions{}); err != nil {
		return err
	}
	stream, err := f.network.Listen(name)
	if err != nil {
		return err
	}
	m.log, err = consensus.OpenRaft(consensus.RaftOptions{
		Options: consensus.Options{
			Node: name, Dir: dir, Outbox: m.outbox, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: m.metrics,
		},
		Stream: stream, Forward: f.network.Courier(name), Bootstrap: len(f.members) == 1,
	})
	if err != nil {
		return errors.Join(err, stream.Close())
	}
	m.detach = f.network.Attach(name, m.log.Answer)
	m.log.Start(ctx)
	if len(f.members) == 1 {
		return m.write(ctx) // which waits until it leads
	}
	return f.members[0].log.AddVoter(ctx, m.log.Self())
}

// record is a command that nothing else changes.
func (f *federation) record(node string) accounting.Command {
	id := fmt.Sprintf("01950000-0000-8000-8000-%012x", f.next.Add(1))
	return accounting.OpenAttempt{
		Ref: accounting.Ref(id), Session: accounting.SessionID(id), Attempt: 1, Node: accounting.NodeName(node),
		Owners: accounting.Owners{User: accounting.Party{ID: "u"}}, Period: "2026B", Time: accounting.Instant(time.Now().UnixMilli()),
	}
}

// leader waits until somebody leads and all others follow, and tells one of them.
func (f *federation) leader(ctx context.Context) (leader, follower *logMember, err error) {
	for {
		leader, follower = nil, nil
		followers := 0
		for _, m := range f.members {
			switch m.log.Status().Role {
			case "leader":
				leader = m
			case "follower":
				follower = m
				followers++
			}
		}
		if leader != nil && followers == len(f.members)-1 {
			return leader, follower, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// write puts one record into a member's outbox and waits until it is applied there.
func (m *logMember) write(ctx context.Context) error {
	command := m.federation.record(m.name)
	ticket := m.store.Submit(func(tx *store.Tx) error {
		_, err := m.outbox.Append(tx.Tx, command)
		return err
	}, nil)
	if err := ticket.Wait(); err != nil {
		return err
	}
	return m.log.Barrier(ctx)
}

// commit commits one key to the session store.
func (m *logMember) commit() error {
	return m.store.DB().Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("bench"))
		if err != nil {
			return err
		}
		return bucket.Put([]byte("key"), []byte(time.Now().String()))
	})
}

// entries is how many entries a member has made, and of how many records.
func (m *logMember) entries() (entries, records uint64) {
	families, err := m.metrics.Gather()
	if err != nil {
		return 0, 0
	}
	for _, family := range families {
		if family.GetName() == "starling_log_entry_records" {
			h := family.GetMetric()[0].GetHistogram()
			return h.GetSampleCount(), uint64(h.GetSampleSum())
		}
	}
	return 0, 0
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
	m.detach()
	if m.log != nil {
		err = m.log.Close()
	}
	return errors.Join(err, m.store.Close())
}

func (f *federation) close() (err error) {
	for _, m := range f.members {
		err = errors.Join(err, m.close())
	}
	return err
}
