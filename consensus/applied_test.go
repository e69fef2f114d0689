package consensus

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

// What a node enforces it knows before it speaks to anybody, and before anybody hears
// that it has applied it.
func TestWhoLooksAtTheStateSeesItBeforeAnybodyHearsOfIt(t *testing.T) {
	c := newCluster(t, 1, 1)
	m := c.members[0]
	var seen atomic.Int64
	seen.Store(-1)
	c.applied = func(view accounting.View) { seen.Store(int64(accounting.CountRevocations(view))) }
	m.kill()
	m.up(false)
	assert.Zero(t, seen.Load(), "as it is opened")
	revoke := accounting.RevokeCertificate{Fingerprint: accounting.Fingerprint(strings.Repeat("ab", 32)), Node: "b", By: "olga", Time: 1_795_003_200_000}
	m.write(revoke)
	m.barrier()
	assert.EqualValues(t, 1, seen.Load(), "when it is applied")
	m.kill()
	seen.Store(-1)
	m.up(false)
	assert.EqualValues(t, 1, seen.Load(), "as it is opened again")
	require.NoError(t, m.log.Err())
}
