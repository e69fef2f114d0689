package systemtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/tracing/otlp/otlptest"
)

// An executor on another machine sends its part of the tree by itself; and what a
// program that is told to stop has at hand, it sends before it ends.
func TestARemoteExecutorSendsItsSpans(t *testing.T) {
	t.Parallel()
	collector := otlptest.NewCollector(t)
	n := start(t, "--executors", "", "--set", "tracing.endpoint="+collector.URL)
	r := n.remote(n.URL)
	r.Env = append(r.Env, "STARLING_TRACING_ENDPOINT="+collector.URL)
	r.start()
	id := n.accept(work{command: []string{"true"}})
	n.ranOnce(id, "COMPLETED")
	require.NoError(t, r.Stop(patience))
	n.Stop()
	byID, attempts := map[string]otlptest.Span{}, 0
	for _, s := range collector.Spans() {
		byID[s.ID] = s
	}
	for _, s := range byID {
		if s.Name != "attempt" {
			continue
		}
		attempts++
		assert.Equal(t, "starling-executor remote", s.Service+" "+s.Instance)
		above := byID[s.Parent]
		assert.Equal(t, "starling test despatch", above.Service+" "+above.Instance+" "+above.Name)
		assert.Equal(t, "POST /sessions/:uuid", byID[above.Parent].Name)
		assert.Equal(t, id, s.Facts["starling.session"])
	}
	assert.Equal(t, 1, attempts)
}
