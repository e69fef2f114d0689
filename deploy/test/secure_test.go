package systemtest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate/certificatetest"
)

// Whoever forgets --dev, or all else, is told everything that is missing, and nothing
// has been begun.
func TestANodeRefusesToStartInsecurely(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	got := command(t, nil, "", "serve", "--data", data, "--name", "a", "--http", "127.0.0.1:0", "--url", "http://127.0.0.1:1",
		"--gossip", "127.0.0.1:7734", "--raft", "127.0.0.1:7735", "--bootstrap")
	assert.Equal(t, 1, got.status)
	for _, missing := range []string{"auth.issuers: is needed", "tls.certificate: is needed", "tls.proxied: true", "federation.ca: is needed",
		"federation.certificate: is needed", "federation.key: is needed", "federation.gossipKeys: is needed", "starling keygen"} {
		assert.Contains(t, got.err, missing)
	}
	assert.NoDirExists(t, data)
}

// A certificate is exchanged while clients come and go; nobody is refused, and one
// that is broken changes nothing.
func TestTheCertificateForClientsIsExchangedWithoutARestart(t *testing.T) {
	t.Parallel()
	n := newNode(t, filepath.Join(t.TempDir(), "data"))
	n.earnest()
	n.Start()
	n.login()
	require.Equal(t, 200, n.do("GET", "/sessions", nil).Status)
	_, key := certificatetest.Server(t, n.Data+".tls") // n trusts what lies there
	require.NoError(t, syscall.Kill(n.Pid(), syscall.SIGHUP))
	eventually(t, "the new certificate", func() bool {
		a, err := n.try("GET", "/readyz", nil)
		return err == nil && a.Status == 200
	})
	got := n.starling("sessions")
	assert.Equal(t, 0, got.status, got.err)

	require.NoError(t, os.WriteFile(key, []byte("broken"), 0o600))
	require.NoError(t, syscall.Kill(n.Pid(), syscall.SIGHUP))
	eventually(t, "it to say what is wrong", func() bool {
		a := n.do("GET", "/readyz", nil)
		return a.Status == 200 && strings.Contains(string(a.Body), "can't be used, so the old ones still are")
	})
	assert.Contains(t, string(n.do("GET", "/metrics", nil).Body), `starling_reload_failing{source="tls"} 1`)
}
