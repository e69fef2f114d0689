package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus/consensustest"
)

// storm is one run: sessions are written at any node while things go wrong, by a
// schedule that the seed alone makes. It runs on time of its own (synctest), so
// that a busy machine doesn't change its course; the order of what happens at one
// instant is the scheduler's, and a rare failure may take several runs of its seed
// to come again.
type storm struct {
	*cluster
	rng     *rand.Rand
	calls   []string
	written []*stormSession
	nodes   map[*member]*stormNode
}

// stormNode is what a storm knows of a member.
type stormNode struct {
	lost    bool     // its server is gone for good, and another not yet admitted
	removed bool     // it was taken out, or never was a member
	servers []Server // the members, as it knew last
	backup  map[string]string
}

// stormSession is a session that was written.
type stormSession struct {
	writer *member
	last   Sequence           // of its records, in its writer's outbox
	begun  accounting.Instant // by its writer's clock
	doubt  bool               // its writer's disk was lost, perhaps before anybody else had it
}

// Promises 3, 4, 5 and 6: whatever goes wrong with the nodes and between them, once
// it is over all tell the same, each session once. STARLING_STORMS=n makes n runs
// and STARLING_SEED begins at another seed than 1.
func TestStormsLeaveOneRecord(t *testing.T) {
	runs, first := setting("STARLING_STORMS", 16), setting("STARLING_SEED", 1)
	for seed := first; seed < first+runs; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runStorm(t, seed) })
		})
	}
}

func setting(name string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 32); err == nil {
		return n
	}
	return otherwise
}

func runStorm(t *testing.T, seed uint64) {
	s := &storm{rng: rand.New(rand.NewPCG(seed, 2)), nodes: map[*member]*stormNode{}}
	s.cluster = emptyCluster(t, seed)
	var log bytes.Buffer
	if os.Getenv("STARLING_LOG") == "" { // else it is told as it happens
		s.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s.timing = stormTiming(s.rng)
	s.linger = []time.Duration{-1, time.Millisecond, 0}[s.rng.IntN(3)]
	t.Cleanup(func() {
		for _, m := range s.members {
			m.disk.Mend()
		}
		if t.Failed() {
			t.Logf("STARLING_SEED=%d STARLING_STORMS=1, of %d nodes:", seed, len(s.members))
			for _, call := range s.calls {
				t.Log("  ", call)
			}
			_ = os.WriteFile(filepath.Join(t.ArtifactDir(), "log"), log.Bytes(), 0o600)
		}
	})
	for range 3 + 2*s.rng.IntN(2) {
		s.join()
		s.seek()
	}
	for n := range uint64(12) {
		s.rng = rand.New(rand.NewPCG(seed, 3+n)) // whatever was drawn before
		s.step()
	}
	s.calm()
	s.judge()
}

// stormTiming is a LAN's or a WAN's, but for how soon logs are trimmed.
func stormTiming(rng *rand.Rand) Timing {
	timing := quick()
	if rng.IntN(3) == 0 {
		timing = WAN()
		timing.Trailing, timing.Compact, timing.CompactEvery = 8, 8, 20*time.Millisecond
	}
	return timing
}

// step writes a few sessions, and lets something go wrong before they are all
// on record.
func (s *storm) step() {
	for range s.rng.IntN(8) {
		if m := s.any(); m.log != nil {
			s.write(m)
		}
	}
	s.pause()
	s.seek()
	fault := faults[s.rng.IntN(len(faults))]
	s.tell("%s", fault.what)
	fault.strike(s)
}

// pause lets a moment pass, or the time for an election, or for many.
func (s *storm) pause() {
	most := []time.Duration{time.Millisecond, 30 * time.Millisecond, 30 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second}[s.rng.IntN(5)]
	pause := time.Duration(s.rng.Int64N(int64(most)))
	s.tell("%v pass", pause)
	time.Sleep(pause)
}

func (s *storm) any() *member { return s.members[s.rng.IntN(len(s.members))] }

func (s *storm) tell(format string, values ...any) {
	s.calls = append(s.calls, fmt.Sprintf(format, values...))
	s.log.Info("storm: " + s.calls[len(s.calls)-1])
}

// write is a whole session, dated by the clock of the node that writes it. On a
// full disk nothing is written.
func (s *storm) write(m *member) {
	begun := accounting.At(time.Now().Add(m.skew))
	var last Sequence
	err := m.disk.Write("sessions.db", func() error {
		return m.db.Update(func(tx *bbolt.Tx) (err error) {
			last, err = m.outbox.Append(tx, runAt(len(s.written), begun)...)
			return err
		})
	})
	if err == nil {
		s.written = append(s.written, &stormSession{writer: m, last: last, begun: begun})
	}
}

// join makes another node, its clock up to an hour wrong.
func (s *storm) join() *member {
	m := s.member()
	m.skew = time.Duration(s.rng.Int64N(int64(2*time.Hour))) - time.Hour
	s.nodes[m] = &stormNode{removed: len(s.members) > 1}
	m.up(len(s.members) == 1)
	return m
}

// seek has nodes that are no members admitted, if a leader can.
func (s *storm) seek() {
	for _, m := range s.members {
		node := s.nodes[m]
		leader := s.leader()
		if !node.removed && !node.lost || m.log == nil || leader == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := leader.log.AddVoter(ctx, m.log.Self())
		cancel()
		s.tell("%s admits %s: %v", leader.name, m.name, err)
		if err == nil {
			node.removed, node.lost = false, false
		}
	}
}

// revive starts the nodes that are down.
func (s *storm) revive() {
	for _, m := range s.members {
		if m.log == nil {
			s.start(m)
		}
	}
}

// start starts a node. Where its files don't belong together it does what the
// refusal says: it comes back as another server, with its outbox.
func (s *storm) start(m *member) {
	err := m.open(false)
	if errors.Is(err, ErrStateLost) {
		s.tell("%s is told: %v", m.name, err)
		s.lose(m, LogFile, StateFile)
		err = m.open(false)
	}
	if errors.Is(err, syscall.ENOSPC) {
		s.tell("%s can't start: %v", m.name, err)
		return
	}
	require.NoError(s.t, err)
	m.log.Start(context.Background())
}

// calm ends all that is wrong.
func (s *storm) calm() {
	s.tell("calm")
	s.network.Mend()
	for _, m := range s.members {
		m.disk.Mend()
	}
	s.revive()
	s.eventually("all are members", func() error {
		s.seek()
		for m, node := range s.nodes {
			if node.removed || node.lost {
				time.Sleep(100 * time.Millisecond)
				return fmt.Errorf("%s is not", m.name)
			}
		}
		return nil
	})
	for _, m := range s.members {
		s.write(m) // all work again, and know it
	}
	for _, m := range s.members {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := m.log.Barrier(ctx)
		cancel()
		require.NoError(s.t, err, "%s: %+v", m.name, m.log.Status())
	}
}

// network of the weather of a storm: what a bad line does.
func (s *storm) badWeather() consensustest.Weather {
	return consensustest.Weather{
		Delay:  time.Duration(s.rng.IntN(50)) * time.Millisecond,
		Jitter: time.Duration(s.rng.IntN(50)) * time.Millisecond,
		Loss:   0.05 * s.rng.Float64(),
	}
}
