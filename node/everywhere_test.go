package node

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// here makes a session of a node's own, without others being asked.
func (w *world) here(user string) *ivoa.Session {
	return w.offer(identity.Caller{User: user, Roles: alice.Roles, Via: []identity.NodeName{"z"}}, request(1))
}

// spread makes sessions of alice's all over a field, and returns the UUIDs, newest first.
func (f *field) spread(nodes string) (ids []string) {
	for _, name := range nodes {
		ids = append([]string{f.worlds[identity.NodeName(name)].here("alice").UUID()}, ids...)
		time.Sleep(time.Second)
	}
	return ids
}

func (f *field) list(at identity.NodeName, caller identity.Caller, filter SessionFilter, cursor string, limit int) SessionPage {
	f.t.Helper()
	page, err := f.worlds[at].Sessions(context.Background(), caller, filter, cursor, limit)
	require.NoError(f.t, err)
	return page
}

func uuidsOf(page SessionPage) (ids []string) {
	for _, s := range page.Sessions {
		ids = append(ids, s.UUID())
	}
	return ids
}

// One list has what all nodes have, page by page, at any node.
func TestSessionsOfAllNodesAreOneList(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		want := f.spread("abcaabbbccca")
		f.worlds["b"].here("bob")
		for _, at := range three {
			for _, limit := range []int{1, 2, 5, 12, 100} {
				var got []string
				for cursor := ""; ; {
					page := f.list(at, alice, SessionFilter{}, cursor, limit)
					assert.LessOrEqual(t, len(page.Sessions), limit)
					assert.Empty(t, page.Messages)
					got = append(got, uuidsOf(page)...)
					if cursor = page.Cursor; cursor == "" {
						break
					}
				}
				assert.Equal(t, want, got, "at %s by %d", at, limit)
			}
		}
	})
}

// A filter is everybody's; here is none.
func TestFiltersHoldAtAllNodes(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		began := time.Now()
		ids := f.spread("abcabc")
		assert.Equal(t, ids[2:4], uuidsOf(f.list("a", alice, SessionFilter{Since: began.Add(2 * time.Second), Until: began.Add(4 * time.Second)}, "", 0)))
		assert.Empty(t, f.list("a", alice, SessionFilter{Phases: []ivoa.SessionPhase{ivoa.SessionRunning}}, "", 0).Sessions)
		assert.Empty(t, f.list("a", alice, SessionFilter{Name: "none"}, "", 0).Sessions)
		f.sent = nil
		assert.Equal(t, []string{ids[2], ids[5]}, uuidsOf(f.list("a", alice, SessionFilter{Here: true}, "", 0)))
		assert.Empty(t, f.said("/sessions"), "nobody is asked")
	})
}

// What another node asks for isn't passed on.
func TestAListIsAskedForOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		f.list("a", alice, SessionFilter{}, "", 0)
		assert.ElementsMatch(t, []string{"a GET b /peer/api/sessions", "a GET c /peer/api/sessions"}, f.said("/sessions"))
	})
}

// Promise 8: nobody sees another's sessions in a list, wherever they are; and who sees
// all at one node is nobody in particular at the others.
func TestPromise8AListIsItsUsers(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		ids := f.spread("abc")
		for _, at := range three {
			assert.Empty(t, f.list(at, identity.Caller{User: "mallory", Roles: alice.Roles}, SessionFilter{}, "", 0).Sessions)
		}
		olga := identity.Caller{User: "olga", Roles: []identity.Role{identity.RoleUser, identity.RoleOperator}}
		assert.Equal(t, []string{ids[2]}, uuidsOf(f.list("a", olga, SessionFilter{}, "", 0)))
		page := f.list("a", olga, SessionFilter{Owner: "alice"}, "", 0)
		assert.Equal(t, []string{ids[2]}, uuidsOf(page))
		require.Len(t, page.Messages, 2)
		assert.Equal(t, ivoa.LevelInfo, page.Messages[0].Level, "by their rules, and not by accident")
		assert.Contains(t, page.Messages[0].Text, "only operators and auditors")
	})
}

// A list is never incomplete without saying so, and one node hides no other's.
func TestAListNamesWhoIsLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		lie  string // in place of what b lists; ALIEN, OLD and NEW stand for UUIDs of c's and b's
		edit func(f *field)
		want string
	}{
		"dead":          {edit: func(f *field) { f.worlds["b"].reached.Store(nil) }, want: "it can't be reached at the moment"},
		"cut":           {edit: func(f *field) { f.cut["b"] = true }, want: "it can't be reached at the moment"},
		"slow":          {edit: func(f *field) { f.slow["b"] = time.Hour }, want: "it has not answered within 2s"},
		"nonsense":      {lie: `<html>`, want: "its answer can't be read"},
		"nothing":       {lie: `{"sessions":[null]}`, want: "its answer can't be read"},
		"another's":     {lie: `{"sessions":[{"kind":"KIND","meta":{"uuid":"ALIEN"}}]}`, want: "it answers with what belongs to another node"},
		"elsewhere":     {lie: `{"sessions":[{"kind":"KIND","meta":{"uuid":"NEW","url":"https://evil.example/x"}}]}`, want: "a URL in its answer leads elsewhere"},
		"a part":        {lie: `{"sessions":[{"kind":"KIND","meta":{"uuid":"NEW"},"executable":{"kind":"PROCESS","meta":{"url":"https://evil.example/x"}}}]}`, want: "a part of its answer has a URL"},
		"disorder":      {lie: `{"sessions":[{"kind":"KIND","meta":{"uuid":"OLD"}},{"kind":"KIND","meta":{"uuid":"NEW"}}]}`, want: "its list is in no order"},
		"twice":         {lie: `{"sessions":[{"kind":"KIND","meta":{"uuid":"OLD"}},{"kind":"KIND","meta":{"uuid":"OLD"}}]}`, want: "it uses a UUID twice"},
		"too many":      {lie: `{"sessions":[` + strings.Repeat(`{"kind":"KIND","meta":{"uuid":"OLD"}},`, 100) + `{"kind":"KIND","meta":{"uuid":"NEW"}}]}`, want: "it lists 101 sessions"},
		"no cursor":     {lie: `{"sessions":[],"next":"/sessions?cursor=x"}`, want: "it doesn't say where its list goes on"},
		"goes back":     {lie: `{"sessions":[{"kind":"KIND","meta":{"uuid":"OLD"}}],"next":"/sessions?cursor=NEW"}`, want: "its list is in no order"},
		"never goes on": {lie: `{"sessions":[],"next":"/sessions?cursor=NEW"}`, want: "its list is in no order"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				f := newField(t, three)
				ids := f.spread("bbac") // ids: c, a, b's newer, b's older
				if c.lie != "" {
					body := strings.NewReplacer("KIND", ivoa.KindScheduledSession, "PROCESS", ivoa.KindProcess, "ALIEN", ids[0], "NEW", ids[2], "OLD", ids[3]).Replace(c.lie)
					f.lies["b"] = func(w http.ResponseWriter, r *http.Request) bool { return answersOf(w, http.StatusOK, body) }
				}
				if c.edit != nil {
					stopped := f.worlds["b"].reached.Load()
					f.set(func() { c.edit(f) })
					defer f.worlds["b"].reached.Store(stopped)
				}
				page := f.list("a", alice, SessionFilter{}, "", 0)
				assert.Equal(t, ids[:2], uuidsOf(page))
				require.Len(t, page.Messages, 1)
				m := page.Messages[0]
				assert.Equal(t, "b", m.Values["site"])
				assert.Equal(t, messageMissing, m.Kind)
				assert.Equal(t, ivoa.LevelWarn, m.Level)
				assert.Contains(t, m.Text, "b is left out, and its sessions are missing here: "+c.want)
				assert.NotContains(t, m.Text, "evil")
			})
		})
	}
}

// Lists of whatever lengths, of whatever pieces, merge into one, of which page by page
// nothing is missing and nothing comes twice.
func TestMergedPagesAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.SliceOfN(rapid.SliceOfNDistinct(rapid.ByteRange(1, 200), 0, 20, rapid.ID[byte]), 1, 4).Draw(t, "nodes")
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		var want, got []identity.UUID
		all := make([][]listed, len(nodes))
		for i, own := range nodes {
			for _, at := range own {
				u := identity.UUID{at, 15: byte(i + 1)}
				want, all[i] = append(want, u), append(all[i], listed{id: u})
			}
			slices.SortFunc(all[i], func(x, y listed) int { return cmp.Compare(y.id[0], x.id[0]) })
		}
		slices.SortFunc(want, func(x, y identity.UUID) int { return slices.Compare(y[:], x[:]) })
		before := identity.UUID{0: 255}
		for range 1000 {
			var lists []stretch
			for _, own := range all {
				own = own[slices.IndexFunc(append(own[:len(own):len(own)], listed{}), func(l listed) bool { return slices.Compare(l.id[:], before[:]) < 0 }):]
				if most := rapid.IntRange(1, limit).Draw(t, "most"); len(own) > most {
					lists = append(lists, stretch{own[:most], own[most-1].id})
					continue
				}
				lists = append(lists, stretch{sessions: own})
			}
			page := merge(lists, limit)
			if len(page.sessions) > limit || len(page.sessions) == 0 && !page.rest.IsZero() {
				t.Fatalf("%d sessions, and there is more: %v", len(page.sessions), page.rest)
			}
			for _, l := range page.sessions {
				got = append(got, l.id)
			}
			if before = page.rest; before.IsZero() {
				break
			}
		}
		if !slices.Equal(want, got) {
			t.Fatalf("want %v, have %v", want, got)
		}
	})
}
