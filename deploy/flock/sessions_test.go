package flock

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// sessionList is a page of sessions, and which sites' are missing.
type sessionList struct {
	Sessions []session
	Next     string
	Messages []message
}

// Any node lists a user's sessions at all of them, page by page, and says whose are
// missing while a node is away; others see none of them (promise 8).
func TestPromise8AnyNodeListsTheSessionsOfAll(t *testing.T) {
	f := newFlock(t, 3, nil)
	set := f.nodes[0].ask(alice, work{})
	want := map[string]bool{}
	for _, o := range set.Offers {
		want[o.id()] = true
	}
	assert.Equal(t, []string{"a", "b", "c"}, set.sites())
	for _, n := range f.nodes {
		got := map[string]bool{}
		path, last := "/sessions?limit=2", ""
		for path != "" {
			var page sessionList
			n.get(alice, path, &page)
			assert.Empty(t, page.Messages)
			assert.LessOrEqual(t, len(page.Sessions), 2)
			for _, s := range page.Sessions {
				assert.True(t, last == "" || s.id() < last, "newest first")
				assert.Equal(t, n.config.URL+"/sessions/"+s.id(), s.Meta.URL, "which leads to whom was asked")
				got[s.id()], last = true, s.id()
			}
			path = page.Next
		}
		assert.Equal(t, want, got, n.name)
		var others, own sessionList
		n.get(user{name: "mallory"}, "/sessions", &others)
		assert.Empty(t, others.Sessions)
		n.get(alice, "/sessions?here=true", &own)
		for _, s := range own.Sessions {
			assert.Equal(t, n, f.owner(s.id()))
		}
	}
	f.nodes[1].kill()
	var list sessionList
	f.nodes[0].get(alice, "/sessions", &list)
	for _, s := range list.Sessions {
		assert.NotEqual(t, f.nodes[1], f.owner(s.id()))
	}
	if assert.Len(t, list.Messages, 1) {
		assert.Equal(t, "b", list.Messages[0].Values["site"])
		assert.Equal(t, "WARN", list.Messages[0].Level)
	}
}
