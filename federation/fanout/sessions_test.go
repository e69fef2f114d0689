package fanout

import (
	"encoding/binary"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// A list waits for nobody beyond its deadline; who wasn't asked in time is blamed for
// nothing, and who is slow with a list is asked for offers as before.
func TestAListWaitsForNobodyBeyondItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(r *http.Request) (int, string, error) { <-r.Context().Done(); return 0, "", r.Context().Err() }
		all := nodes{}
		var names []identity.NodeName
		for i := range mostListing + 2 {
			name := string(rune('a' + i))
			all[name], names = hangs, append(names, identity.NodeName(name))
		}
		p := asking(all)
		began := time.Now()
		listings := p.Sessions(t.Context(), alice, List{Limit: 10, Deadline: 2 * time.Second}, names)
		assert.Equal(t, 2*time.Second, time.Since(began))
		for i, l := range listings {
			assert.Equal(t, names[i], l.Node)
			assert.True(t, IsFault(l.Err, Slow), "%v", l.Err)
			_, blamed := p.listing.nodes[l.Node]
			assert.Equal(t, i < mostListing, blamed, l.Node)
			assert.Equal(t, !blamed, strings.Contains(l.Err.Error(), "has not been asked"), "%v", l.Err)
		}
		assert.Empty(t, p.crowd.nodes)
	})
}

// A node that has looked through many sessions in vain is asked on, and the one that
// does so for ever is left out.
func TestANodeIsAskedOnUntilItHasSomeToList(t *testing.T) {
	newest := time.Now().UnixMilli()
	own, rest := mint.New(newest-2), mint.New(newest-1)
	var asked []string
	p := asking(nodes{"kth": func(r *http.Request) (int, string, error) {
		assert.Equal(t, "/peer/api/sessions", r.URL.Path)
		assert.Equal(t, "alice to kth", r.Header.Get("X-For"))
		assert.Equal(t, []string{"10", "RUNNING"}, []string{r.URL.Query().Get("limit"), r.URL.Query().Get("phase")})
		asked = append(asked, r.URL.Query().Get("cursor"))
		list := &ivoa.SessionList{Next: "/sessions?cursor=" + rest.String()}
		if len(asked) > 1 {
			o := offer()
			o.Meta.UUID, o.Meta.URL = strings.ToUpper(own.String()), ""
			list = &ivoa.SessionList{Sessions: []*ivoa.Session{o}}
		}
		return http.StatusOK, string(encoded(t, list)), nil
	}})
	list := List{Filter: map[string][]string{"phase": {"RUNNING"}}, Limit: 10, Deadline: time.Minute}
	l := p.Sessions(t.Context(), alice, list, []identity.NodeName{"kth"})[0]
	require.NoError(t, l.Err)
	assert.Equal(t, []string{"", rest.String()}, asked)
	assert.Equal(t, []identity.UUID{own}, l.IDs)
	assert.Equal(t, own.String(), l.Sessions[0].UUID(), "as all write it")
	assert.Equal(t, "/sessions/"+own.String(), l.Sessions[0].Meta.URL)
	assert.True(t, l.Rest.IsZero())

	synctest.Test(t, func(t *testing.T) {
		older := mint.New(newest)
		p := asking(nodes{"kth": func(r *http.Request) (int, string, error) {
			if r.Context().Err() != nil {
				return 0, "", r.Context().Err()
			}
			time.Sleep(time.Millisecond)
			binary.BigEndian.PutUint64(older[:], binary.BigEndian.Uint64(older[:])-1)
			return http.StatusOK, string(encoded(t, &ivoa.SessionList{Next: "/sessions?cursor=" + older.String()})), nil
		}})
		l := p.Sessions(t.Context(), alice, List{Limit: 10, Deadline: time.Second}, []identity.NodeName{"kth"})[0]
		assert.True(t, IsFault(l.Err, Slow), "%v", l.Err)
	})
}
