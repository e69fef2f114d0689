package check

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nodes that lie to nobody keep all promises, and every check has looked at something.
func TestAnHonestFederationKeepsItsPromises(t *testing.T) {
	w := burden(t)
	found := w.check(w.sites, w.record, Options{Patience: time.Minute})
	assert.True(t, found.Kept(), "%s", found)
	assert.Empty(t, found.Inconclusive)
	for _, check := range slices.Sorted(maps.Keys(found.Looked)) {
		t.Logf("%6d %s", found.Looked[check], check)
	}
	require.GreaterOrEqual(t, len(found.Looked), 20)
}
