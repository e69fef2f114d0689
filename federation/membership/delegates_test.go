package membership

import (
	"net"
	"os"
	"testing"

	"github.com/hashicorp/memberlist"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What reaches a node in the right federation's name, and with its key, is still
// looked at: whoever has the key can say anything.
func TestMembersAreCheckedBeforeAnybodyTakesThemForSome(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	o := w.options("a")
	o.Registerer = registry
	a := w.start(o)
	good := func() *memberlist.Node {
		s := someone
		s.Name = "b"
		meta, err := s.encode("")
		require.NoError(t, err)
		return &memberlist.Node{Name: "b", Addr: net.IPv4(127, 0, 0, 1), Port: 7946, Meta: meta}
	}
	require.NoError(t, delegates{a}.NotifyAlive(good()))
	elsewhere := someone
	elsewhere.Federation = "f-2"
	foreign, err := elsewhere.encode("")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*memberlist.Node)
		reason string
	}{
		"of another federation": {func(n *memberlist.Node) { n.Meta = foreign }, "federation"},
		"says nothing":          {func(n *memberlist.Node) { n.Meta = nil }, "malformed"},
		"says it by halves":     {func(n *memberlist.Node) { n.Meta = n.Meta[:20] }, "malformed"},
		"of no name":            {func(n *memberlist.Node) { n.Name = "../b" }, "malformed"},
		"at no address":         {func(n *memberlist.Node) { n.Addr = nil }, "malformed"},
		"at half an address":    {func(n *memberlist.Node) { n.Addr = n.Addr[:3] }, "malformed"},
		"at a wildcard":         {func(n *memberlist.Node) { n.Addr = net.IPv4zero }, "malformed"},
		"at every address":      {func(n *memberlist.Node) { n.Addr = net.IPv4(224, 0, 0, 1) }, "malformed"},
		"at no port":            {func(n *memberlist.Node) { n.Port = 0 }, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			before := refusals(t, registry, c.reason)
			node := good()
			c.change(node)
			assert.Error(t, delegates{a}.NotifyAlive(node))
			delegates{a}.NotifyJoin(node)
			assert.Len(t, a.Members(), 1)
			assert.Equal(t, before+1, refusals(t, registry, c.reason))
		})
	}
	t.Run("one malformed entry keeps nobody else out", func(t *testing.T) {
		bad := good()
		bad.Meta = nil
		assert.NoError(t, delegates{a}.NotifyMerge([]*memberlist.Node{bad, good()}))
	})
	t.Run("one of another federation keeps all out", func(t *testing.T) {
		bad := good()
		bad.Meta = foreign
		assert.ErrorIs(t, delegates{a}.NotifyMerge([]*memberlist.Node{good(), bad}), ErrFederation)
		bad.State = memberlist.StateDead
		assert.NoError(t, delegates{a}.NotifyMerge([]*memberlist.Node{good(), bad}), "the dead have no say")
	})
	t.Run("malformed records change nothing", func(t *testing.T) {
		before := refusals(t, registry, "malformed")
		delegates{a}.NotifyMsg([]byte("garbage"))
		delegates{a}.MergeRemoteState([]byte("garbage"), false)
		assert.Equal(t, before+2, refusals(t, registry, "malformed"))
	})
}

func TestMetricsCountMembersAndBytes(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	o := w.options("a")
	o.Registerer = registry
	a := w.start(o)
	b := w.start(w.newcomer("b", a))
	w.together(a, b)
	gauge := func(name, label string) (sum float64) {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
					sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
		return sum
	}
	assert.Equal(t, 2.0, gauge("starling_federation_members", "alive"))
	assert.Positive(t, gauge("starling_gossip_bytes_total", ""))
	require.NoError(t, b.Close())
	w.sees(a, "b", Dead)
	assert.Equal(t, 1.0, gauge("starling_federation_members", "dead"))
	require.NoError(t, a.Close())
	families, err := registry.Gather()
	require.NoError(t, err)
	assert.Empty(t, families, "nothing is counted after the end")
}

// memberlist's timers outlive its end: whom they declare dead then is nobody's
// business any more, and the file of peers may be another process's.
func TestAfterTheEndNobodyIsDeclaredDead(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	require.NoError(t, all[0].Close())
	before := find(all[0], all[1].self.Name)
	require.NoError(t, os.Remove(all[0].file))
	delegates{all[0]}.NotifyLeave(&memberlist.Node{Name: before.Name})
	assert.Equal(t, before.State, find(all[0], before.Name).State)
	assert.NoFileExists(t, all[0].file)
}
