package workload

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kth returns the log of KTH's SP2, or skips the test.
func kth(t testing.TB) *Trace {
	path := filepath.Join("..", "..", "..", "shared", "traces", "KTH-SP2-filtered.swf.gz")
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("../shared is not beside the repository, so the published values are not checked: %v", err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	require.NoError(t, err)
	plain, err := io.ReadAll(packed)
	require.NoError(t, err)
	sum := sha256.Sum256(plain)
	require.Equal(t, "b9e3ac3f", hex.EncodeToString(sum[:4]), "not the log that the values were published for")
	trace, err := Read(strings.NewReader(string(plain)))
	require.NoError(t, err)
	return trace
}

// The values and where they come from are in shared/traces/README.md. Means over the whole log are chaotic in their
// last digits: what happens first among the events of one instant changes who waits for whom ever after.
func TestReplayGivesThePublishedValues(t *testing.T) {
	trace := kth(t)
	for _, c := range []struct {
		policy           Policy
		cpus             CPUs
		slowdown, within float64
		wait, waitWithin float64
	}{
		{FCFS, Allocated, 6818.585291, 0.0002, 354_002, 0.0002},
		{Conservative, Allocated, 88.895309, 0.0002, 7_341, 0.0002},
		{EASY, Requested, 92.576540, 0.0002, 6_837, 0.0002},
		{EASYSJBF, Requested, 69.4054, 0.005, 5_908, 0.005},
	} {
		t.Run(string(c.policy), func(t *testing.T) {
			got, err := Replay(trace, Options{Policy: c.policy, CPUs: c.cpus})
			require.NoError(t, err)
			t.Logf("%+v", got)
			assert.Equal(t, 28_481, got.Jobs)
			assert.InEpsilon(t, c.slowdown, got.MeanBoundedSlowdown, c.within)
			assert.InEpsilon(t, c.wait, got.MeanWait, c.waitWithin)
		})
	}
}
