package load

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

	"starling/deploy/launch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds a test that hangs; no claim is made by it.
const patience = 7 * time.Minute

// federate starts a federation of nodes in processes of their own.
func federate(t *testing.T, size int) (*launch.Federation, []Site) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "starling")
	out, err := exec.Command("go", "build", "-o", binary, "starling/cmd/starling").CombinedOutput()
	require.NoError(t, err, "%s", out)
	f, err := launch.NewFederation(binary, dir, size, "--executors", "", "--set", "offers.holdTime=5s", "--set", "offers.holdGroupsPerUser=1000", "--log-level", "warn")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var sites []Site
	for _, m := range f.Nodes {
		require.NoError(t, os.MkdirAll(m.Data, 0o700))
		require.NoError(t, m.Start())
		t.Cleanup(m.Kill)
		require.NoError(t, m.Ready(ctx))
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		t.Cleanup(transport.CloseIdleConnections)
		sites = append(sites, Development(m.Name, m.URL, m.Data, &http.Client{Transport: transport}))
	}
	return f, sites
}
