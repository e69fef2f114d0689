package consensus

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACopyIsAsOldAsWhatItWasLastKnownToLack(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	f := freshness{at: at(-100)}
	f.note(5, 0, time.Time{})
	assert.Equal(t, 100*time.Second, f.age(start), "nothing was heard: as old as the file")
	f.note(5, 9, at(1))
	assert.Equal(t, 101*time.Second, f.age(at(1)), "it is behind")
	f.note(8, 12, at(2))
	assert.Equal(t, 102*time.Second, f.age(at(2)), "and still behind")
	f.note(9, 15, at(3))
	assert.Equal(t, 2*time.Second, f.age(at(3)), "it has what was committed at 1")
	f.note(15, 20, at(4))
	assert.Equal(t, 2*time.Second, f.age(at(5)), "it is always behind, but never much")
	f.note(20, 20, at(4))
	assert.Equal(t, time.Second, f.age(at(5)), "all that the leader had when it was heard last")
	f.note(20, 20, at(4))
	assert.Equal(t, 56*time.Second, f.age(at(60)), "nobody is heard any more")
	assert.Zero(t, f.age(at(-1000)), "a clock that was set")
}

// A node that is cut off says since when its copy may be behind, and one that has
// heard of nobody since it was started, when the copy was written last.
func TestACopyGrowsOldWhileItsNodeIsCutOff(t *testing.T) {
	c := newCluster(t, 3, 1)
	alone := c.members[2]
	aged := func(what string, right func(seconds float64) bool) {
		t.Helper()
		c.eventually(what, func() error {
			if age := alone.log.Status().AgeSeconds; !right(age) {
				return fmt.Errorf("its age is %g s", age)
			}
			return nil
		})
	}
	aged("a copy with a leader is fresh", func(s float64) bool { return s < 1 })
	c.network.Cut(alone.name)
	aged("it grows old", func(s float64) bool { return s > 1.5 })
	alone.kill()
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(alone.dir, StateFile), old, old))
	alone.up(false)
	aged("nobody has told it how old it is", func(s float64) bool { return s >= 3600 })
	c.network.Mend()
	aged("it is fresh again", func(s float64) bool { return s < 1 })
}
