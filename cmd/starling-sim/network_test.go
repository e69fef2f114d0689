package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetworkPrintsATableForPeopleAndJSONForPrograms(t *testing.T) {
	args := []string{"network", "--nodes", "8", "--jobs", "3", "--every", "1m", "--rates", "0.01", "--only", "random,omniscient queue", "--quiet"}
	table, err := output(t, args...)
	require.NoError(t, err)
	assert.Contains(t, table, "24 jobs at 8 sites")
	assert.Contains(t, table, "omniscient queue")
	assert.NotContains(t, table, "local only")

	text, err := output(t, append(args, "-o", "json")...)
	require.NoError(t, err)
	var got struct {
		Gossip    []map[string]any
		Placement []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.Len(t, got.Gossip, 1)
	assert.Equal(t, 0.01, got.Gossip[0]["changesPerNodePerSecond"])
	require.Len(t, got.Placement, 2)
	assert.Equal(t, "random", got.Placement[1]["contender"])
}

func TestNetworkDrawsJobsFromALog(t *testing.T) {
	text, err := output(t, "network", "--nodes", "4", "--jobs", "3", "--rates", "0", "--only", "random", "--quiet", "--trace", writeLog(t))
	require.NoError(t, err)
	assert.Contains(t, text, "12 jobs at 4 sites")
}

func TestNetworkSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--nodes 1", "1 nodes: from 2 to 5000 can be played"},
		{"--loads 0", "loads [0]"},
		{"--only tea", `unknown contender "tea": one of omniscient queue, `},
		{"-o xml", `unknown output "xml": json or table`},
		{"--trace /nowhere", "open /nowhere"},
	} {
		_, err := output(t, append([]string{"network"}, strings.Fields(c.args)...)...)
		assert.ErrorContains(t, err, c.want)
	}
}
