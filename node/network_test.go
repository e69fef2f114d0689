package node

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/fanout"
	"starling/federation/identity"
	nodes "starling/federation/line"
	"starling/node/config"
)

// field is brokers that reach each other as nodes of a federation do, but for the
// network and package api: package fanout is real, and what is said is JSON.
type field struct {
	t      testing.TB
	worlds map[identity.NodeName]*world

	mu   sync.Mutex
	cut  map[identity.NodeName]bool
	slow map[identity.NodeName]time.Duration
	// lies are what a node answers instead.
	lies map[identity.NodeName]func(http.ResponseWriter, *http.Request) bool
	sent []string // requests, as FROM METHOD TO PATH
}

// newField starts nodes of these names, each with 8 cores.
func newField(t testing.TB, names []identity.NodeName, edit ...func(*Options)) *field {
	f := &field{
		t: t, worlds: map[identity.NodeName]*world{}, cut: map[identity.NodeName]bool{}, slow: map[identity.NodeName]time.Duration{},
		lies: map[identity.NodeName]func(http.ResponseWriter, *http.Request) bool{},
	}
	for _, name := range names {
		f.worlds[name] = newWorld(t, append([]func(*Options){func(o *Options) {
			end := &end{field: f, name: name}
			o.Name, o.Network, o.Placement = name, end, config.Default(true).Placement
			end.Peers = &fanout.Peers{Transport: end, Authorizer: end, Base: "http://" + string(name), Now: time.Now}
		}}, edit...)...)
	}
	return f
}

// end is one node's end of the field.
type end struct {
	*field
	name identity.NodeName
	*fanout.Peers
}

func (e *end) Owner(tag identity.Tag) (identity.NodeName, bool) {
	for name := range e.worlds {
		if name.Tag() == tag {
			return name, true
		}
	}
	return "", false
}

func (e *end) Known() (list []digest.Known) {
	for name, w := range e.worlds {
		k := digest.Known{Node: name, Self: name == e.name, Alive: true, Said: true}
		slow := digest.Slow{}
		at := w.reached.Load()
		if at == nil {
			k.Alive = false
			list = append(list, k)
			continue
		}
		k.Fast, slow = at.Digest()
		k.Slow = &slow
		list = append(list, k)
	}
	return list
}

const testCaller = "X-Test-Caller"

func (e *end) Authorize(_ context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error {
	r.Header.Set(testCaller, caller.User)
	return nil
}

var errCut = errors.New("connection refused")

// RoundTrip has a node answer, at once unless it is slow.
func (e *end) RoundTrip(r *http.Request) (*http.Response, error) {
	to := identity.NodeName(r.URL.Host)
	f := e.field
	f.mu.Lock()
	f.sent = append(f.sent, string(e.name)+" "+r.Method+" "+string(to)+" "+r.URL.Path)
	cut, slow, lie := f.cut[to] || f.cut[e.name], f.slow[to], f.lies[to]
	f.mu.Unlock()
	var at *Broker
	if world := f.worlds[to]; world != nil {
		at = world.reached.Load()
	}
	if cut || at == nil {
		return nil, errCut
	}
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	in := r.WithContext(nodes.WithPeer(r.Context(), nodes.Peer{Node: string(e.name)}))
	if lie == nil || !lie(w, in) {
		f.serve(at, e.name, w, in)
	}
	return w.Result(), nil
}

// serve is what a node's API does with a request of another node.
func (f *field) serve(at *Broker, from identity.NodeName, w http.ResponseWriter, r *http.Request) {
	caller := identity.Caller{User: r.Header.Get(testCaller), Roles: alice.Roles, Via: []identity.NodeName{from}}
	path := strings.TrimPrefix(r.URL.Path, "/peer/api")
	id, _ := identity.ParseUUID(path[strings.LastIndexByte(path, '/')+1:])
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == fanout.TellPath:
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		fanout.Listener(at).ServeHTTP(w, r)
	case path == "/requests":
		var req ivoa.ExecutionRequest
		notices, err := ivoa.Decode(ivoa.JSON, body, ivoa.Limits{}, &req)
		require.NoError(f.t, err)
		set, _ := identity.ParseUUID(r.Header.Get(fanout.SetHeader))
		offers, err := at.Ask(r.Context(), caller, &req, notices, Asking{Placement: r.Header.Get(fanout.PlacementHeader), For: set})
		f.answer(w, http.StatusSeeOther, offers, err)
	case strings.HasPrefix(path, "/offersets/"):
		offers, err := at.OfferSet(r.Context(), caller, id)
		f.answer(w, http.StatusOK, offers, err)
	case path == "/sessions":
		q := r.URL.Query()
		filter := SessionFilter{Owner: q.Get("owner"), Name: q.Get("name")}
		for _, phase := range q["phase"] {
			filter.Phases = append(filter.Phases, ivoa.SessionPhase(phase))
		}
		filter.Since, _ = time.Parse(time.RFC3339Nano, q.Get("since"))
		filter.Until, _ = time.Parse(time.RFC3339Nano, q.Get("until"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		page, err := at.Sessions(r.Context(), caller, filter, q.Get("cursor"), limit)
		list := &ivoa.SessionList{Sessions: page.Sessions}
		if page.Cursor != "" {
			list.Next = path + "?" + url.Values{"cursor": {page.Cursor}}.Encode()
		}
		f.answer(w, http.StatusOK, list, err)
	case r.Method == http.MethodGet:
		s, err := at.Session(r.Context(), caller, id)
		f.answer(w, http.StatusOK, s, err)
	default:
		var change ivoa.Update
		_, err := ivoa.Decode(ivoa.JSON, body, ivoa.Limits{}, &change)
		require.NoError(f.t, err)
		s, err := at.Update(r.Context(), caller, id, change, r.Header.Get("Idempotency-Key"))
		var p *Problem
		if errors.As(err, &p) && p.Session != nil {
			f.answer(w, http.StatusConflict, p.Session, nil)
			return
		}
		f.answer(w, http.StatusOK, s, err)
	}
}

// answer writes a document, or why there is none. Documents have paths for URLs,
// which are as good as URLs of this node.
func (f *field) answer(w http.ResponseWriter, status int, document any, err error) {
	var p *Problem
	switch {
	case errors.As(err, &p):
		w.WriteHeader(map[Code]int{CodeNotFound: 404, CodeForbidden: 403, CodeInvalid: 400, CodeConflict: 409}[p.Code])
		_, _ = w.Write([]byte(`{"detail":"` + p.Detail + `"}`))
		return
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	body, err := ivoa.Encode(ivoa.JSON, document)
	require.NoError(f.t, err)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// set changes how a node is reached.
func (f *field) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// said lists what was sent, so far, to a path.
func (f *field) said(path string) (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sent {
		if strings.HasSuffix(s, path) {
			list = append(list, s)
		}
	}
	return list
}

// ownerOf is the world that has a session.
func (f *field) ownerOf(s *ivoa.Session) *world {
	u := id(f.t, s)
	for name, w := range f.worlds {
		if name.Tag() == u.Owner() {
			return w
		}
	}
	require.FailNow(f.t, "nobody has it", s.UUID())
	return nil
}

// from is the first offer of a node.
func (f *field) from(set *ivoa.OfferSet, name identity.NodeName) *ivoa.Session {
	for _, s := range set.Offers {
		if id(f.t, s).Owner() == name.Tag() {
			return s
		}
	}
	require.FailNow(f.t, "no offer", "of %s among %d: %v", name, len(set.Offers), textsOfSet(set))
	return nil
}

func textsOfSet(set *ivoa.OfferSet) (texts []string) {
	for _, m := range set.Meta.Messages {
		texts = append(texts, m.Text)
	}
	return texts
}

// phase is a session's, as its owner has it.
func (f *field) phase(s *ivoa.Session) ivoa.SessionPhase { return f.ownerOf(s).session(s).Phase }
