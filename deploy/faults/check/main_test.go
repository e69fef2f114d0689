package check

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/deploy/faults/load"
	"starling/deploy/launch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds a test that hangs; no claim is made by it.
const patience = 7 * time.Minute

// world is a federation that was under a load, which is over, and what it was told.
type world struct {
	t      *testing.T
	sites  []load.Site
	record *load.Record
}

// burden has a federation of processes bear a load.
func burden(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "starling")
	out, err := exec.Command("go", "build", "-o", binary, "starling/cmd/starling").CombinedOutput()
	require.NoError(t, err, "%s", out)
	config := filepath.Join(dir, "prices.yaml")
	require.NoError(t, os.WriteFile(config, []byte("tariff: {rates: {core-seconds: {price: 0.001, energy: 0.001, carbon: 0.001}}}\n"), 0o600))
	f, err := launch.NewFederation(binary, dir, 3, "--executors", "", "--config", config, "--log-level", "warn",
		"--set", "offers.holdTime=3s", "--set", "offers.holdGroupsPerUser=1000")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := &world{t: t}
	for _, m := range f.Nodes {
		require.NoError(t, m.Start())
		t.Cleanup(m.Kill)
		require.NoError(t, m.Ready(ctx))
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		t.Cleanup(transport.CloseIdleConnections)
		w.sites = append(w.sites, load.Development(m.Name, m.URL, m.Data, &http.Client{Transport: transport}))
	}
	l, err := load.Start(ctx, load.Options{Sites: w.sites, Seed: 11, Rate: 25, Patience: 20 * time.Second})
	require.NoError(t, err)
	wanted := []load.Kind{load.Accept, load.Direct, load.Cancel, load.Pry, load.Told, load.Allocated, load.Again, load.Otherwise, load.Send}
	require.Eventually(t, func() bool {
		for _, kind := range wanted {
			if l.Figures(0, l.Now()).Kinds[kind] < 2 {
				return false
			}
		}
		return true
	}, patience, 100*time.Millisecond)
	w.record = l.Stop(ctx)
	require.NoError(t, ctx.Err())
	t.Log(w.record.Figures)
	return w
}

func (w *world) check(sites []load.Site, record *load.Record, o Options) Findings {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	return All(ctx, sites, record, o)
}
