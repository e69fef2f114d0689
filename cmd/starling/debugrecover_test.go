package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/cmd/starling/site"
	"starling/consensus"
	"starling/consensus/consensustest"
	"starling/node/store"
)

// federated runs a node that began a federation, until end is called.
func federated(t *testing.T, dir string) (end func()) {
	t.Helper()
	sessions, err := store.Open(store.Options{Path: site.SessionsPath(dir)})
	require.NoError(t, err)
	outbox, err := consensus.NewOutbox(sessions.DB(), consensus.OutboxOptions{})
	require.NoError(t, err)
	network := consensustest.NewNetwork(1)
	stream, err := network.Listen("one")
	require.NoError(t, err)
	log, err := consensus.OpenRaft(consensus.RaftOptions{
		Options: consensus.Options{Node: "one", Dir: recordDir(dir), Outbox: outbox, Log: slog.New(slog.DiscardHandler)},
		Stream:  stream, Forward: network.Courier("one"), Bootstrap: true,
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return log.Strong(context.Background()) == nil }, time.Minute, time.Millisecond)
	return func() {
		require.NoError(t, log.Close())
		require.NoError(t, sessions.Close())
	}
}

func TestDebugRecoverShowsFirstAndActsWhenTold(t *testing.T) {
	dir := t.TempDir()
	end := federated(t, dir)
	for _, flags := range [][]string{nil, {"--yes"}, {"--rejoin", "--yes"}} {
		got := starling(t, "", append([]string{"debug", "recover", "--data", dir}, flags...)...)
		assert.Equal(t, 1, got.status)
		assert.Equal(t, "starling: a node has the files in "+dir+" open; stop it first\n", got.err)
	}
	end()

	got := starling(t, "", "debug", "recover", "--data", dir)
	require.Equal(t, 0, got.status, got.err)
	assert.Regexp(t, `^server      one\.[0-9a-f]{8}
federation  [0-9a-f]{32}
log ends    in term \d+ at entry \d+
applied     up to entry \d+
outbox      0 records waiting
members     one \(voter\)
$`, got.out)
	got = starling(t, "", "debug", "recover", "--rejoin", "--data", dir)
	assert.Equal(t, 2, got.status)
	assert.Contains(t, got.err, "add --yes")

	got = starling(t, "", "debug", "recover", "--yes", "--data", dir)
	require.Equal(t, 0, got.status, got.err)
	assert.Equal(t, "this node is the only voter of its federation now\n", got.out)
	got = starling(t, "", "debug", "recover", "--data", dir, "-o", "json")
	require.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, `"recoveries": 1`)
	federated(t, dir)() // it starts, and leads

	got = starling(t, "", "debug", "recover", "--rejoin", "--yes", "--data", dir)
	require.Equal(t, 0, got.status, got.err)
	assert.Equal(t, 2, strings.Count(got.out, "moved aside: "+dir))
	assert.NoFileExists(t, filepath.Join(dir, consensus.StateFile))
	assert.FileExists(t, site.SessionsPath(dir))
}
