package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// machine is raft's state machine: what is committed goes to the state, many
// entries in one transaction, which also remembers the last of them.
type machine struct {
	state     *stateFile
	snapshots *snapshots
	log       *slog.Logger
	metrics   *metrics
	closing   context.Context
	now       func() time.Time

	settle  func(error)              // how it goes
	own     func(*bbolt.Tx) Sequence // how far the node's own outbox is applied
	advance func(Sequence, uint64)   // after each transaction: that, and the index
	show    func()                   // before advance: who looks at the state sees it

	awaited func() bool     // somebody here waits for entries, or for what they answer
	linger  time.Duration   // how long others may wait to be applied
	hurry   <-chan struct{} // holds one token when somebody began to wait
	later   postponed

	applying chan struct{} // holds one token while entries are applied
	broken   error         // guarded by it
	restored func()        // after a state was taken over
}

var _ raft.BatchingFSM = (*machine)(nil)

// An applied is what became of one group of an entry: how far its store is now,
// and the error of a gap.
type applied struct {
	sequence Sequence
	err      error
}

// Apply is described at raft.FSM.
func (m *machine) Apply(log *raft.Log) any { return m.ApplyBatch([]*raft.Log{log})[0] }

// ApplyBatch takes committed entries, and applies them at once if somebody here
// waits. The answer to an entry is []applied or an error then, and nil otherwise.
func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	if m.linger > 0 && !m.awaited() && m.later.add(logs) {
		return make([]any, len(logs))
	}
	m.applying <- struct{}{}
	defer func() { <-m.applying }()
	earlier := m.later.take()
	return m.applyAll(append(earlier, logs...))[len(earlier):]
}

// applyAll applies entries: all of them, durably. What can pass is tried again
// until it has or the node closes, for no entry may be left out; what cannot stops
// the node's log. The caller holds m.applying.
func (m *machine) applyAll(logs []*raft.Log) []any {
	began := m.now()
	var answers []any
	var done outcome
	err := m.insist(func() (err error) {
		answers, done, err = m.apply(logs)
		return err
	})
	if err != nil {
		answers = make([]any, len(logs))
		for i := range answers {
			answers[i] = err
		}
		return answers
	}
	if done.records > 0 {
		m.metrics.batch(done, m.now().Sub(began))
	}
	for _, r := range done.rejected {
		m.log.Error("record refused", "store", r.Store, "sequence", r.Sequence, "reason", r.Reason)
	}
	return answers
}

// insist does something until it succeeds, cannot succeed or the node closes.
func (m *machine) insist(do func() error) error {
	if m.broken != nil {
		return m.broken
	}
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := guard(do)
		if m.closing.Err() == nil {
			m.settle(err)
		}
		switch {
		case err == nil:
			return nil
		case fatal(err):
			m.broken = err
			return err
		}
		sleep(m.closing, wait, nil)
		if m.closing.Err() != nil {
			m.broken = ErrClosed // what follows must not be applied either
			return m.broken
		}
	}
}

func (m *machine) apply(logs []*raft.Log) (answers []any, done outcome, err error) {
	answers = make([]any, len(logs))
	last := logs[len(logs)-1]
	reached, own := uint64(0), Sequence(0)
	err = m.state.update(func(c *change) error {
		at := raftPosition(c.tx)
		for i, log := range logs {
			if log.Index <= at.index {
				continue // raft tells again what it told before a restart
			}
			if answers[i], err = applyLog(c, log, &done); err != nil {
				return fmt.Errorf("apply entry %d: %w", log.Index, err)
			}
		}
		own, reached = m.own(c.tx), max(at.index, last.Index)
		if last.Index <= at.index {
			return nil
		}
		return putRaftPosition(c, position{last.Index, last.Term})
	})
	if err != nil {
		return nil, done, err
	}
	m.show()
	m.advance(own, reached)
	return answers, done, nil
}

func applyLog(c *change, log *raft.Log, done *outcome) (any, error) {
	switch log.Type {
	case raft.LogConfiguration:
		return nil, putConfiguration(c, log.Index, log.Data)
	case raft.LogCommand:
	default:
		return nil, nil
	}
	groups, err := decodeEntry(log.Data)
	if err != nil {
		return nil, err
	}
	answer := make([]applied, len(groups))
	for i, g := range groups {
		one, err := applyBatch(c, g.store, g.records())
		var gap *GapError
		switch {
		case errors.As(err, &gap): // of this group, whose sender will send what is missing
			answer[i] = applied{gap.Expected - 1, err}
			continue
		case err != nil:
			return nil, err
		}
		if err := known(one.rejected); err != nil {
			return nil, err
		}
		answer[i] = applied{sequence: one.applied}
		done.records += one.records
		done.rejected = append(done.rejected, one.rejected...)
	}
	return answer, nil
}

// known stops a program that is older than what it should apply: it would turn
// down what the others take.
func known(rejected []Rejection) error {
	for _, r := range rejected {
		if errors.Is(r.err, accounting.ErrUnknownVersion) {
			return fmt.Errorf("record %d of store %s: %w: %s", r.Sequence, r.Store, ErrTooNew, r.Reason)
		}
	}
	return nil
}

// Snapshot is described at raft.FSM. There is nothing to capture: all that was
// applied is on disk, and stays there. What was postponed is applied first, or the
// log would be trimmed of it.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.applying <- struct{}{}
	defer func() { <-m.applying }()
	if err := m.applyPostponed(); err != nil {
		return nil, err
	}
	return captured{}, nil
}

type captured struct{}

func (captured) Persist(raft.SnapshotSink) error { return nil }
func (captured) Release()                        {}

// Restore is described at raft.FSM. It puts the file that the snapshot store has
// received in the place of the state.
func (m *machine) Restore(snapshot io.ReadCloser) error {
	m.applying <- struct{}{}
	defer func() { <-m.applying }()
	if err := m.applyPostponed(); err != nil {
		return errors.Join(err, snapshot.Close())
	}
	received, err := m.snapshots.take()
	if err != nil {
		return errors.Join(err, snapshot.Close())
	}
	meta := received.meta
	err = m.state.adopt(received.path, marker{
		Index: meta.Index, Term: meta.Term, Configuration: meta.Configuration, ConfigurationIndex: meta.ConfigurationIndex,
	})
	if err != nil {
		if fatal(err) {
			m.broken = err
			m.settle(err)
		}
		return errors.Join(err, snapshot.Close())
	}
	m.log.Info("the leader sent its state", "index", meta.Index, "bytes", meta.Size)
	m.restored()
	m.show()
	err = m.state.view(func(tx *bbolt.Tx) error {
		m.advance(m.own(tx), raftPosition(tx).index)
		return nil
	})
	return errors.Join(err, snapshot.Close())
}
