//go:build docker

package containers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// touch makes a file that sessions of a site see in /var/lib/starling, and removes it
// when the test is over.
func touch(t *testing.T, s *launch.Site, name string) {
	t.Helper()
	path := filepath.Join(s.ExecutorDir(), "data", name)
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	t.Cleanup(func() { os.Remove(path) })
}
