package executortest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/despatch"
)

// Node is the broker's side of the protocol, kept in memory. It obeys the rules
// of api/despatch: the fence is checked before the key, the same again is a
// duplicate, a held report is answered as soon as there is an order.
type Node struct {
	mu            sync.Mutex
	changed       chan struct{} // closed and replaced at every change
	registrations []despatch.Registration
	queue         []*despatch.Despatch
	attempts      map[string]*Attempt
	renewSeconds  int
	down          bool // every request is answered 503
	forgotten     bool // no executor is known until it registers again
	losing        int  // so many answers more are lost on their way back
	requests      map[string]int
}

// Attempt is what a Node knows of one history entry.
type Attempt struct {
	Despatch   *despatch.Despatch
	Fence      uint64
	Stop       *despatch.Stop
	Updates    []despatch.Update // without duplicates and heartbeats
	Duplicates int
	Heartbeats int
	Completion *despatch.Completion
	Repeated   int               // completions that were there already
	Refused    int               // reports with a stale fence
	Files      map[string]string // by role and name: "stdout:stdout"
	seen       map[string]bool
}

// NewNode returns a node without work.
func NewNode() *Node {
	return &Node{
		changed:      make(chan struct{}),
		attempts:     map[string]*Attempt{},
		renewSeconds: 30,
		requests:     map[string]int{},
	}
}

// Enqueue puts an attempt into the queue.
func (n *Node) Enqueue(d *despatch.Despatch) {
	n.change(func() {
		n.queue = append(n.queue, d)
		n.attempts[d.HistoryRef] = &Attempt{Despatch: d, Fence: d.Fence, Files: map[string]string{}, seen: map[string]bool{}}
	})
}

// Stop orders an attempt to be stopped.
func (n *Node) Stop(ref, reason string) {
	n.change(func() { n.attempts[ref].Stop = &despatch.Stop{Reason: reason} })
}

// Refence takes an attempt from whoever holds it.
func (n *Node) Refence(ref string) { n.change(func() { n.attempts[ref].Fence++ }) }

// SetDown makes the node answer everything with 503, or stop doing so.
func (n *Node) SetDown(down bool) { n.change(func() { n.down = down }) }

// LoseAnswers lets the next reports be heard and their answers be lost.
func (n *Node) LoseAnswers(count int) { n.change(func() { n.losing = count }) }

// Forget forgets every executor, as a node with a new data directory does.
func (n *Node) Forget() { n.change(func() { n.forgotten = true }) }

// RenewEvery is how often executors have to register from now on.
func (n *Node) RenewEvery(seconds int) { n.change(func() { n.renewSeconds = seconds }) }

// Registrations are all that were received.
func (n *Node) Registrations() []despatch.Registration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.registrations)
}

// Requests counts what was received, by the last part of the path.
func (n *Node) Requests(path string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests[path]
}

// Attempt is a copy of what is known of an attempt.
func (n *Node) Attempt(ref string) Attempt {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := *n.attempts[ref]
	a.Updates, a.Files = slices.Clone(a.Updates), maps.Clone(a.Files)
	return a
}

// Await waits until the condition holds of an attempt, and reports whether it
// came to hold before ctx was done.
func (n *Node) Await(ctx context.Context, ref string, condition func(*Attempt) bool) bool {
	for {
		n.mu.Lock()
		held, changed := condition(n.attempts[ref]), n.changed
		n.mu.Unlock()
		if held {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// change does something to the node and wakes all that wait.
func (n *Node) change(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do()
	close(n.changed)
	n.changed = make(chan struct{})
}

// ServeHTTP implements http.Handler.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.requests[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]++
	down := n.down
	n.mu.Unlock()
	if down {
		refuse(w, http.StatusServiceUnavailable, "down for a test")
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "executors":
		n.register(w, r)
	case len(parts) == 3 && parts[2] == "despatch":
		n.despatch(w, r)
	case len(parts) == 3 && parts[2] == "updates":
		n.update(w, r, parts[1])
	case len(parts) == 3 && parts[2] == "completion":
		n.complete(w, r, parts[1])
	case len(parts) > 3 && parts[2] == "files" && r.Method == http.MethodPut:
		n.receive(w, r, parts[1], strings.Join(parts[3:], "/"))
	default:
		refuse(w, http.StatusNotFound, r.URL.Path)
	}
}

func (n *Node) register(w http.ResponseWriter, r *http.Request) {
	var registration despatch.Registration
	if err := json.UnmarshalRead(r.Body, &registration); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	var renew int
	n.change(func() {
		n.registrations = append(n.registrations, registration)
		renew = n.renewSeconds
		n.forgotten = false
	})
	answer(w, http.StatusCreated, despatch.Registered{UUID: "executor-" + registration.Name, RenewSeconds: renew})
}

func (n *Node) despatch(w http.ResponseWriter, r *http.Request) {
	var d *despatch.Despatch
	forgotten := false
	n.hold(r, func() bool {
		forgotten = n.forgotten
		if len(n.queue) == 0 || n.down || forgotten {
			return n.down || forgotten
		}
		d, n.queue = n.queue[0], n.queue[1:]
		return true
	})
	if forgotten {
		refuse(w, http.StatusNotFound, "no such executor")
		return
	}
	if d == nil {
		w.Header().Set(despatch.ReasonsHeader, despatch.Reasons{despatch.ReasonNotYet: 1}.String())
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusOK, d)
}

// hold waits, as long as the request says, until done is true; done is called
// with the lock held.
func (n *Node) hold(r *http.Request, done func() bool) {
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		n.mu.Lock()
		ready, changed := done(), n.changed
		n.mu.Unlock()
		if ready {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, despatch.Problem{Status: status, Title: http.StatusText(status), Detail: detail})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.MarshalWrite(w, body)
}
