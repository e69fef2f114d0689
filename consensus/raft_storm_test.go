package consensus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// slowDisk is a raft file on a disk that takes its time.
type slowDisk struct {
	disk
	delay *atomic.Int64
}

func (d slowDisk) StoreLogs(logs []*raft.Log) error {
	time.Sleep(time.Duration(d.delay.Load()))
	return d.disk.StoreLogs(logs)
}

func (d slowDisk) StoreLog(log *raft.Log) error { return d.StoreLogs([]*raft.Log{log}) }

// storm is one run: sessions are written at any node while things go wrong, by a
// schedule that the seed alone makes. (What the schedule meets is up to the
// machine, so that a failure may take several runs of its seed to come again.)
type storm struct {
	*cluster
	rng   *rand.Rand
	slow  map[*member]*atomic.Int64
	calls []string
	next  int
}

// Promises 3, 4, 5 and 6: whatever goes wrong between the nodes, once it is over
// all tell the same, each session once. STARLING_STORMS=n makes n runs and
// STARLING_SEED begins at another seed than 1.
func TestStormsLeaveOneRecord(t *testing.T) {
	runs, first := setting("STARLING_STORMS", 3), setting("STARLING_SEED", 1)
	for seed := first; seed < first+runs; seed++ {
		size := 3
		if seed%3 == 0 {
			size = 5
		}
		t.Run(fmt.Sprintf("seed %d with %d nodes", seed, size), func(t *testing.T) {
			s := &storm{rng: rand.New(rand.NewPCG(seed, 2)), slow: map[*member]*atomic.Int64{}}
			s.cluster = &cluster{t: t, network: newNetwork(seed), timing: quick(), log: quiet()}
			t.TempDir()
			t.Cleanup(s.close)
			for range size {
				s.join()
			}
			defer func() {
				if t.Failed() {
					t.Logf("seed %d: %v", seed, s.calls)
				}
			}()
			for range 12 {
				s.step()
			}
			s.calm()
			s.check(s.next)
		})
	}
}

func setting(name string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 32); err == nil {
		return n
	}
	return otherwise
}

func (s *storm) join() {
	m := s.member()
	delay := new(atomic.Int64)
	s.slow[m] = delay
	m.wrap = func(d disk) disk { return slowDisk{d, delay} }
	m.up(len(s.members) == 1)
	if len(s.members) > 1 {
		s.admit(m, (*Raft).AddVoter)
	}
}

// step writes a few sessions and changes the weather.
func (s *storm) step() {
	for range s.rng.IntN(8) {
		m := s.any()
		if m.log == nil {
			continue
		}
		m.write(run(s.next)...)
		s.next++
	}
	time.Sleep(time.Duration(s.rng.IntN(30)) * time.Millisecond)
	m, other := s.any(), s.any()
	switch n := s.rng.IntN(10); n {
	case 0:
		s.tell("cut %s off", m.name)
		s.network.cut(m.name, true)
	case 1:
		s.tell("nothing goes from %s to %s", m.name, other.name)
		s.network.block(m.name, other.name, true)
	case 2:
		s.tell("delay and loss")
		s.network.weather(time.Duration(s.rng.IntN(8))*time.Millisecond, 0.03)
	case 3:
		s.tell("mend the network")
		s.network.mend()
	case 4, 5:
		s.tell("kill %s", m.name)
		m.kill()
	case 6:
		s.tell("kill who leads")
		if leader := s.leader(); leader != nil {
			leader.kill()
		}
	case 7:
		s.tell("all that are down come back")
		s.revive()
	case 8:
		s.tell("the disk of %s is slow", m.name)
		s.slow[m].Store(int64(s.rng.IntN(40)) * int64(time.Millisecond))
	case 9:
		s.tell("kill all at once")
		for _, m := range s.members {
			m.kill()
		}
		s.revive()
	}
}

func (s *storm) any() *member { return s.members[s.rng.IntN(len(s.members))] }

func (s *storm) tell(format string, values ...any) {
	s.calls = append(s.calls, fmt.Sprintf(format, values...))
}

func (s *storm) revive() {
	for _, m := range s.members {
		if m.log == nil {
			m.up(false)
		}
	}
}

// calm ends all that is wrong.
func (s *storm) calm() {
	s.network.mend()
	for _, delay := range s.slow {
		delay.Store(0)
	}
	s.revive()
	for _, m := range s.members {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := m.log.Barrier(ctx)
		cancel()
		require.NoError(s.t, err, "%s: %+v", m.name, m.log.Status())
	}
}
