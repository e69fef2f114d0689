package systemtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

func TestWhoCannotBelongToAFederationIsTold(t *testing.T) {
	t.Parallel()
	f := federate(t, 1)
	for name, tt := range map[string]struct {
		flags []string
		want  string
	}{
		"nobody answers": {[]string{"--join", "127.0.0.1:9", "--set", "federation.network=lan"}, "127.0.0.1:9"},
		"a taken name":   {[]string{"--name", "a", "--join", f.Nodes[0].Gossip}, "the name a is taken"},
		"both":           {[]string{"--bootstrap", "--join", f.Nodes[0].Gossip}, "choose one of them"},
		"no raft":        {[]string{"--raft", ""}, "federation.raft: is needed"},
		"from outside":   {[]string{"--gossip", "0.0.0.0:7734"}, "loopback"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			extra := launch.Federation{Nodes: make([]*launch.Member, 1, 2)}
			extra.Nodes[0] = f.Nodes[0]
			m, err := extra.Add(binary, t.TempDir(), tt.flags...)
			require.NoError(t, err)
			require.NoError(t, m.Start())
			select {
			case <-m.Ended():
			case <-time.After(patience):
				m.Kill()
				t.Fatal("it has not ended")
			}
			assert.NotZero(t, m.Status())
			assert.Contains(t, m.Said(), tt.want)
		})
	}
}
