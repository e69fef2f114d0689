package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when everything happens in these tests.
var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

const (
	setID   = "019a0000-0000-8000-8000-0000000000ff"
	firstID = "019a0000-0000-8000-8000-000000000001"
	nextID  = "019a0000-0000-8000-8000-000000000002"
)

// fakeNode answers like a node whose story a test has written.
type fakeNode struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	answer   *ivoa.OfferSet
	sessions map[string]*ivoa.Session
	missing  []ivoa.Message      // what its list lacks
	phases   []ivoa.SessionPhase // what a session goes through once it is accepted
	hold     chan struct{}       // if set: wait for it before the last phase
	files    []client.File
	content  map[string]string
	stdout   string
	stderr   string
	history  string
	workers  string   // the list of executors
	asked    []string // bodies of requests
	seen     []string // METHOD path
	auth     string
	onAccept func() // called while an acceptance is answered
	refuses  string // why acceptances are refused
}

func newFakeNode(t *testing.T) *fakeNode {
	n := &fakeNode{t: t, sessions: map[string]*ivoa.Session{}, content: map[string]string{}, history: `{"history":[]}`}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /requests", n.request)
	mux.HandleFunc("GET /offersets/{id}", n.offerSet)
	mux.HandleFunc("GET /sessions", n.list)
	mux.HandleFunc("GET /sessions/{id}", n.session)
	mux.HandleFunc("POST /sessions/{id}", n.update)
	mux.HandleFunc("GET /sessions/{id}/events", n.events)
	mux.HandleFunc("GET /sessions/{id}/stdout", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, n.stdout) })
	mux.HandleFunc("GET /sessions/{id}/stderr", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, n.stderr) })
	mux.HandleFunc("GET /sessions/{id}/files", n.listFiles)
	mux.HandleFunc("POST /sessions/{id}/links/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"url": "https://pages.example/%s", "expires": "2026-12-01T12:01:00.000Z"}`, r.PathValue("name"))
	})
	mux.HandleFunc("GET /sessions/{id}/files/{name...}", n.file)
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, n.history) })
	mux.HandleFunc("GET /executors", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, n.workers) })
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		n.seen = append(n.seen, r.Method+" "+r.URL.Path)
		n.auth = r.Header.Get("Authorization")
		n.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(n.Close)
	return n
}

// calls are the requests that came so far, as METHOD path.
func (n *fakeNode) calls() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.seen)
}

// offering makes the node answer YES, with offers that differ.
func (n *fakeNode) offering() *fakeNode {
	first := offer(firstID, "earliest: it starts at once", 12*time.Second, 10*time.Minute, 2, 4, 0.0312)
	next := offer(nextID, "cheaper later: prices fall at 22:00", 10*time.Hour, 10*time.Minute, 8, 16, 0.02)
	n.answer = &ivoa.OfferSet{Result: ivoa.Yes, Offers: []*ivoa.Session{first, next}}
	n.answer.Kind = ivoa.KindOfferSet
	n.answer.NeedMeta().UUID = setID
	n.sessions[firstID], n.sessions[nextID] = first, next
	return n
}

func offer(id, why string, starts, length time.Duration, cores, memory int64, cost float64) *ivoa.Session {
	s := &ivoa.Session{Phase: ivoa.SessionOffered, Expires: ivoa.At(noon.Add(5 * time.Minute))}
	s.Kind = ivoa.KindScheduledSession
	meta := s.NeedMeta()
	meta.UUID, meta.Created = id, ivoa.At(noon)
	s.AddMessages(ivoa.NewMessage(noon, ivoa.LevelInfo, "urn:starling:offer", "{site}: "+why, "site", "dev"))
	s.Compute = &ivoa.SimpleComputeResource{
		Component: ivoa.Component{Kind: ivoa.KindSimpleCompute}, Cores: ivoa.Exactly(cores), Memory: ivoa.Exactly(memory),
	}
	price := ivoa.NewFloatCost(ivoa.CostMonetary, cost)
	price.Description = "EUR"
	s.Costs = []ivoa.CostItem{price}
	start := noon.Add(starts)
	s.Schedule = &ivoa.Schedule{Available: &ivoa.StartDuration{
		Start:    ivoa.FormatInterval(ivoa.Interval{Start: start, End: start}),
		Duration: ivoa.FormatDuration(length),
	}}
	return s
}

// refusing makes the node answer NO.
func (n *fakeNode) refusing() *fakeNode {
	n.answer = &ivoa.OfferSet{Result: ivoa.No}
	n.answer.Kind = ivoa.KindOfferSet
	n.answer.NeedMeta().UUID = setID
	n.answer.AddMessages(ivoa.NewMessage(noon, ivoa.LevelError, ivoa.MessageResourceLimit,
		"{site}: {n} cores were asked for, it has 8", "site", "dev", "n", "512"))
	return n
}

func (n *fakeNode) request(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, r.Header.Get("Content-Type")+"\n"+string(body))
	w.Header().Set("Location", n.URL+"/offersets/"+setID)
	write(w, http.StatusSeeOther, n.answer)
}

func (n *fakeNode) offerSet(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != setID {
		problem(w, http.StatusNotFound, "there is no such offer set")
		return
	}
	write(w, http.StatusOK, n.answer)
}

func (n *fakeNode) list(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := &ivoa.SessionList{Sessions: []*ivoa.Session{n.sessions[nextID]}}
	if r.URL.Query().Get("cursor") == "" {
		list = &ivoa.SessionList{Sessions: []*ivoa.Session{n.sessions[firstID]}, Next: "/sessions?cursor=c"}
	}
	list.Messages = n.missing
	write(w, http.StatusOK, list)
}

func (n *fakeNode) session(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, ok := n.sessions[r.PathValue("id")]
	if !ok {
		problem(w, http.StatusNotFound, "there is no such session")
		return
	}
	write(w, http.StatusOK, s)
}

func (n *fakeNode) update(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var update ivoa.Update
	if _, err := ivoa.Decode(ivoa.JSON, body, ivoa.Limits{}, &update); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	wanted := ivoa.SessionPhase(update.(*ivoa.EnumValueUpdate).Value)
	n.mu.Lock()
	defer n.mu.Unlock()
	s, ok := n.sessions[r.PathValue("id")]
	switch {
	case !ok:
		problem(w, http.StatusNotFound, "there is no such session")
		return
	case wanted == ivoa.SessionAccepted && n.refuses != "":
		problem(w, http.StatusConflict, n.refuses)
		return
	case client.Terminal(s.Phase), wanted != ivoa.SessionCancelled && s.Phase != ivoa.SessionOffered:
		write(w, http.StatusConflict, s)
		return
	}
	s.Phase = wanted
	if wanted == ivoa.SessionAccepted && n.onAccept != nil {
		n.onAccept()
		<-r.Context().Done()
		return
	}
	write(w, http.StatusOK, s)
}

// events tells the story, once the session is accepted.
func (n *fakeNode) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, ": hello\n\n")
	flush := http.NewResponseController(w).Flush
	at := noon
	for i, phase := range n.phases {
		if i == len(n.phases)-1 && n.hold != nil {
			_ = flush()
			select {
			case <-n.hold:
			case <-r.Context().Done():
				return
			}
		}
		at = at.Add(3 * time.Second)
		event(w, i+1, map[string]any{"type": "phase", "phase": phase, "time": at})
		n.mu.Lock()
		n.sessions[r.PathValue("id")].Phase = phase
		n.mu.Unlock()
		if phase == ivoa.SessionRunning {
			event(w, 0, map[string]any{"type": "progress", "progress": 0.5, "time": at})
		}
	}
}

func event(w io.Writer, seq int, data map[string]any) {
	data["seq"] = seq
	text, _ := json.Marshal(data)
	fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", seq, data["type"], text)
}

func (n *fakeNode) listFiles(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(client.FileList{Files: n.files})
}

func (n *fakeNode) file(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, n.content[r.PathValue("name")])
}

func write(w http.ResponseWriter, status int, document any) {
	body, err := ivoa.Encode(ivoa.JSON, document)
	if err != nil {
		problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

// result is what came of one command line.
type result struct {
	status   int
	out, err string
}

// syncBuffer is a buffer that a test may read while a command writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// testApp is a world of its own, 80 columns wide, at noon.
func testApp(t *testing.T, node string) (*app, *syncBuffer, *syncBuffer) {
	out, errs := &syncBuffer{}, &syncBuffer{}
	environment := map[string]string{"STARLING_NODE": node}
	dir := t.TempDir()
	return &app{
		in: strings.NewReader(""), out: out, err: errs, outWidth: 80,
		getenv: func(name string) string { return environment[name] }, environ: func() []string { return nil },
		now: func() time.Time { return noon }, sleep: sleep, configDir: func() (string, error) { return dir, nil },
	}, out, errs
}

// starling runs one command line against a node.
func starling(t *testing.T, node string, args ...string) result {
	t.Helper()
	a, out, errs := testApp(t, node)
	status := execute(t.Context(), a, args)
	return result{status, out.String(), errs.String()}
}

// starlingUntil runs one command line, and interrupts it as Ctrl-C does.
func starlingUntil(t *testing.T, node string, interrupt func(cancel func(), errs *syncBuffer), args ...string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, out, errs := testApp(t, node)
	done := make(chan int)
	go func() { done <- execute(ctx, a, args) }()
	interrupt(cancel, errs)
	select {
	case status := <-done:
		return result{status, out.String(), errs.String()}
	case <-time.After(30 * time.Second):
		require.Fail(t, "the command did not end")
		return result{}
	}
}
