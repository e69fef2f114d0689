package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whoever exchanges a key counts answers before each step.
func TestNodesKeysCountsWhoHasAndUsesEachKey(t *testing.T) {
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"nodes": [
			{"name": "a", "alive": true, "member": {"name": "a", "state": "alive", "role": "leader", "gossipKeys": ["11111111", "22222222"]}},
			{"name": "b", "alive": true, "member": {"name": "b", "state": "alive", "role": "voter", "gossipKeys": ["22222222", "11111111"]}},
			{"name": "c", "alive": true, "member": {"name": "c", "state": "alive", "role": "voter", "gossipKeys": ["11111111"]}},
			{"name": "d", "member": {"name": "d", "state": "dead", "role": "replica", "gossipKeys": ["33333333"]}}]}`))
	}))
	defer n.Close()
	got := starling(t, n.URL, "nodes", "keys")
	assert.Equal(t, 0, got.status, got.err)
	assert.Regexp(t, `(?m)^b +alive +22222222 +11111111$`, got.out)
	assert.Contains(t, got.out, "11111111: 3 of 3 living nodes have it, 2 encrypt with it\n")
	assert.Contains(t, got.out, "22222222: 2 of 3 living nodes have it, 1 encrypt with it\n")
	assert.NotContains(t, got.out, "33333333: ", "it is away")
}
