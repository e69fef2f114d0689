//go:build docker

package upkeep

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// A newer program comes to one node after the other, while users go on: what any of them
// was told is so afterwards, once. A node may go back as long as not all have been
// upgraded, and is refused by what the log holds afterwards.
func TestTheFederationIsUpgradedWhileItIsUsed(t *testing.T) {
	users := begun(t)
	first, others := federation.Sites[1], []*launch.Site{federation.Sites[2], federation.Sites[0]}

	install(t, first, images.now)
	if older {
		assert.Len(t, versions(t, federation.Sites[0].Name), 2, "two versions are in one federation")
	}
	// What only the new program says is left out while the others don't know it, and the
	// rest gets into the log, whoever leads it.
	id := at(t, first.Name, "alice").completed(t)
	for _, s := range federation.Sites {
		attempts := at(t, s.Name, "alice").history(t, id)
		require.Len(t, attempts, 1, s.Name)
		assert.Equal(t, "COMPLETED", attempts[0].Phase)
	}
	drained(t, first)

	install(t, first, images.before)
	assert.Len(t, versions(t, federation.Sites[0].Name), 1, "it has gone back")
	at(t, first.Name, "alice").completed(t)

	for _, s := range append([]*launch.Site{first}, others...) {
		install(t, s, images.now)
	}
	federation.Images = images.now
	assert.Len(t, versions(t, federation.Sites[0].Name), 1)
	eventually(t, "the record to say what only new programs know", func() bool {
		id = at(t, first.Name, "alice").completed(t)
		return at(t, federation.Sites[0].Name, "alice").history(t, id)[0].Trace != ""
	})
	users.verify(t)
	if !older {
		return
	}

	// The way back is closed: the program of before can't read the log any more, and says
	// so instead of coming to hold another record than the others.
	stop(t, first)
	first.Images = images.before
	require.NoError(t, first.Create(t.Context()))
	eventually(t, "the program of before to refuse", func() bool {
		at(t, federation.Sites[0].Name, "alice").completed(t)
		said := first.Node.Said(200)
		return strings.Contains(said, "newer") && strings.Contains(said, "version 3")
	})
	install(t, first, images.now)
	at(t, first.Name, "alice").completed(t)
	drained(t, first)
}

// install stops a site's node and executor as an operator does, and starts them with
// another program. It waits for what the next one has to wait for: all take work, all
// voters are there, and nothing waits.
func install(t *testing.T, s *launch.Site, program launch.Images) {
	t.Helper()
	began := time.Now()
	stop(t, s)
	s.Images = program
	require.NoError(t, s.Create(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, federation.Ready(ctx))
	for _, other := range federation.Sites {
		eventually(t, other.Name+" to see all voters alive", func() bool {
			voters := 0
			for _, m := range operator(t, other.Name).members(t) {
				if m.Member.State == "alive" && (m.Member.Role == "voter" || m.Member.Role == "leader") {
					voters++
				}
			}
			return voters == len(federation.Sites)
		})
	}
	t.Logf("%s was away and is back after %s", s.Name, time.Since(began).Round(100*time.Millisecond))
}

func stop(t *testing.T, s *launch.Site) {
	t.Helper()
	require.NoError(t, s.Node.Stop(t.Context()))
	require.NoError(t, s.Executor.Stop(t.Context()))
}

// versions are those of the nodes that a site knows to be alive.
func versions(t *testing.T, site string) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, m := range operator(t, site).members(t) {
		if m.Member.State == "alive" {
			known[m.Member.Version] = true
		}
	}
	return known
}

// drained waits until nothing waits for the log at a site.
func drained(t *testing.T, s *launch.Site) {
	t.Helper()
	eventually(t, "the outbox of "+s.Name+" to be empty", func() bool {
		var log struct{ Outbox struct{ Depth int } }
		operator(t, s.Name).get(t, "/federation/log", &log)
		return log.Outbox.Depth == 0
	})
}

// crowd is users who go on whatever happens, and remember what they were told.
type crowd struct {
	mu       sync.Mutex
	accepted []string
	last     time.Time
	gap      time.Duration // the longest time without any ACCEPTED anywhere

	stop  context.CancelFunc
	ended sync.WaitGroup
}

// begun sends a user to each site, who goes to the next one where nobody answers.
func begun(t *testing.T) *crowd {
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{stop: cancel, last: time.Now()}
	for i := range federation.Sites {
		var doors []*desk
		for j := range federation.Sites {
			doors = append(doors, at(t, federation.Sites[(i+j)%len(federation.Sites)].Name, "bob"))
		}
		c.ended.Go(func() { c.use(ctx, doors) })
	}
	t.Cleanup(func() { cancel(); c.ended.Wait() })
	return c
}

func (c *crowd) use(ctx context.Context, doors []*desk) {
	for n := 0; ctx.Err() == nil; n++ {
		id, err := doors[0].accept(ctx, best)
		if err != nil {
			doors = append(doors[1:], doors[0])
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		c.mu.Lock()
		now := time.Now()
		c.accepted, c.gap, c.last = append(c.accepted, id), max(c.gap, now.Sub(c.last)), now
		c.mu.Unlock()
		select { // the machine has others
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// verify ends the use, and holds everybody to what was said.
func (c *crowd) verify(t *testing.T) {
	t.Helper()
	c.stop()
	c.ended.Wait()
	require.Greater(t, len(c.accepted), 20, "too little was asked to tell anything")
	t.Logf("%d sessions were accepted; the longest time without one was %s", len(c.accepted), c.gap.Round(time.Millisecond))
	asked := at(t, federation.Sites[0].Name, "bob")
	for _, id := range c.accepted {
		asked.ends(t, id)
		attempts := asked.history(t, id)
		done := 0
		for _, a := range attempts {
			if a.Phase == "COMPLETED" {
				done++
			}
		}
		assert.Equal(t, 1, done, "%s has run to its end once: %+v", id, attempts)
	}
	agree(t, "/accounts")
}

// agree waits until all sites answer the same.
func agree(t *testing.T, path string) {
	t.Helper()
	eventually(t, "all sites to tell the same of "+path, func() bool {
		said := map[string]bool{}
		for _, s := range federation.Sites {
			status, text, err := operator(t, s.Name).do(t.Context(), "GET", path, nil, nil)
			if err != nil || status != http.StatusOK {
				return false
			}
			said[string(text)] = true
		}
		return len(said) == 1
	})
}
