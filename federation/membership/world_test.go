package membership

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come. The machine is busy.
const patience = 2 * time.Minute

const fed = "f-1"

var key = bytes.Repeat([]byte{7}, 32)

// A world is a few nodes on loopback, and the network between them. Tests that
// have one mostly wait, and do so at the same time.
type world struct {
	t       *testing.T
	dir     string
	profile Profile

	deaf bool // no packet arrives

	mu   sync.Mutex
	cut  map[[2]string]bool // from address to address
	loss float64            // of packets
}

func newWorld(t *testing.T) *world {
	t.Parallel()
	return &world{t: t, dir: t.TempDir(), profile: Quick(), cut: map[[2]string]bool{}}
}

// options are those of a node that belongs to the federation already.
func (w *world) options(name string) Options {
	return Options{
		Self: Self{
			Name: name, Federation: fed, Server: name + "-1", Raft: "127.0.0.1:7000", URL: "http://127.0.0.1:8000", CommandVersion: 1, Version: "test",
		},
		Listen: "127.0.0.1:0", Keys: [][]byte{key}, Profile: w.profile, File: filepath.Join(w.dir, name+".json"),
		Log: slog.New(slog.NewTextHandler(testLog{w.t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
}

// newcomer are those of one that joins.
func (w *world) newcomer(name string, join ...*Membership) Options {
	o := w.options(name)
	o.Self.Federation = ""
	for _, m := range join {
		o.Join = append(o.Join, m.Addr())
	}
	return o
}

// start starts a node that must come up, and closes it in the end.
func (w *world) start(o Options) *Membership {
	w.t.Helper()
	m, err := w.tryStart(o)
	require.NoError(w.t, err)
	return m
}

func (w *world) tryStart(o Options) (*Membership, error) {
	o.Wrap = func(inner memberlist.NodeAwareTransport) memberlist.NodeAwareTransport {
		return &faulty{NodeAwareTransport: inner, world: w}
	}
	m, err := Start(w.t.Context(), o)
	if err == nil {
		w.t.Cleanup(func() { _ = m.Close() })
	}
	return m, err
}

// federation starts n nodes, the first of which began it.
func (w *world) federation(n int) []*Membership {
	w.t.Helper()
	all := []*Membership{w.start(w.options("n0"))}
	for i := 1; i < n; i++ {
		all = append(all, w.start(w.newcomer(fmt.Sprint("n", i), all[0])))
	}
	w.together(all...)
	return all
}

// together waits until all see all others alive.
func (w *world) together(all ...*Membership) {
	w.t.Helper()
	for _, m := range all {
		for _, other := range all {
			w.sees(m, other.self.Name, Alive)
		}
	}
}

func (w *world) sees(m *Membership, name string, state State) {
	w.t.Helper()
	w.until(m, fmt.Sprintf("%s sees %s %s", m.self.Name, name, state), func() bool { return find(m, name).State == state })
}

// until waits for a condition on what a node knows.
func (w *world) until(m *Membership, what string, condition func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		changed := m.Changed()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(w.t, what, "%+v", m.Members())
		}
	}
}

func find(m *Membership, name string) Member {
	for _, member := range m.Members() {
		if member.Name == name {
			return member
		}
	}
	return Member{}
}

// part cuts all connections between two groups, or mends them.
func (w *world) part(a, b []*Membership, cut bool) {
	for _, x := range a {
		for _, y := range b {
			w.block(x, y, cut)
			w.block(y, x, cut)
		}
	}
}

// block cuts one direction, or mends it.
func (w *world) block(from, to *Membership, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[[2]string{from.Addr(), to.Addr()}] = cut
}

func (w *world) setLoss(loss float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loss = loss
}

func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut, w.loss = map[[2]string]bool{}, 0
}

// A faulty transport loses what goes over a cut.
type faulty struct {
	memberlist.NodeAwareTransport
	world *world
}

var errCut = errors.New("cut off")

func (f *faulty) lost(to string) bool {
	ip, port, err := f.FinalAdvertiseAddr("", 0)
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	return err != nil || f.world.cut[[2]string{net.JoinHostPort(ip.String(), fmt.Sprint(port)), to}]
}

func (f *faulty) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	f.world.mu.Lock()
	unlucky := rand.Float64() < f.world.loss
	f.world.mu.Unlock()
	if unlucky || f.world.deaf || f.lost(to.Addr) {
		return time.Now(), nil
	}
	return f.NodeAwareTransport.WriteToAddress(b, to)
}

func (f *faulty) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if f.lost(to.Addr) {
		return nil, errCut
	}
	return f.NodeAwareTransport.DialAddressTimeout(to, timeout)
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	if l.t.Context().Err() == nil { // later, it would be told too late
		l.t.Logf("%s", bytes.TrimSpace(b))
	}
	return len(b), nil
}

// refusals is how many a registry has counted for a reason.
func refusals(t *testing.T, from prometheus.Gatherer, reason string) (n float64) {
	families, err := from.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "starling_gossip_refused_total" && m.GetLabel()[0].GetValue() == reason {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}
