package systemtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a condition may take to come true. It bounds a test that
// hangs; no claim is made by it.
const patience = 100 * time.Second

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// answer is what a node has answered.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// into decodes a JSON answer.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body, v), "%s", a.Body)
}

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// as sends a request with somebody's token.
func as(token string) option { return header("Authorization", "Bearer "+token) }

// do sends a request and reads the answer; redirects are not followed. The body
// is nil, a text that is JSON, or something to be encoded as JSON.
func (n *Node) do(method, path string, body any, options ...option) answer {
	n.t.Helper()
	a, err := n.try(method, path, body, options...)
	require.NoError(n.t, err)
	return a
}

// try is do while the node may be down.
func (n *Node) try(method, path string, body any, options ...option) (answer, error) {
	r, err := http.NewRequest(method, n.URL+path, bodyOf(body))
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if n.bearer != "" {
		as(n.bearer)(r)
	}
	for _, change := range options {
		change(r)
	}
	transport, err := n.Transport()
	if err != nil {
		return answer{}, err
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	resp, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, text}, err
}

func bodyOf(body any) io.Reader {
	switch b := body.(type) {
	case nil:
		return nil
	case io.Reader:
		return b
	case string:
		return strings.NewReader(b)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return bytes.NewReader(text)
}

// message is a message of a session or an offer set.
type message struct {
	Kind, Time, Level, Template, Message string
	Values                               map[string]string
}

// session is what these tests read of a session.
type session struct {
	Phase string
	Meta  struct {
		UUID, URL string
		Messages  []message
	}
	Executable struct{ Command []string }
	Compute    struct {
		Cores struct{ Min, Max int64 }
	}
	Schedule struct {
		Available struct{ Start, Duration string }
	}
}

// offerSet is an answer to a request.
type offerSet struct {
	Result string
	Meta   struct {
		UUID     string
		Messages []message
	}
	Offers []session
}

// ask sends a request and returns the answer, which must be YES.
func (n *Node) ask(w work, options ...option) offerSet {
	n.t.Helper()
	a := n.do("POST", "/requests", w.request(), options...)
	require.Equal(n.t, 303, a.Status, "%s", a.Body)
	var set offerSet
	a.into(n.t, &set)
	require.Equal(n.t, "YES", set.Result, "%s", a.Body)
	require.NotEmpty(n.t, set.Offers)
	return set
}

// setPhase asks for a phase of a session.
func (n *Node) setPhase(id, phase string, options ...option) answer {
	n.t.Helper()
	return n.do("POST", "/sessions/"+id, phaseUpdate(phase), options...)
}

func phaseUpdate(phase string) map[string]string {
	return map[string]string{"kind": "uri:enum-value-update", "path": "/phase", "value": phase}
}

// accept asks, and accepts the best offer of the node's own.
func (n *Node) accept(w work, options ...option) string {
	n.t.Helper()
	id := n.own(n.ask(w, options...))
	a := n.setPhase(id, "ACCEPTED", options...)
	require.Equal(n.t, 200, a.Status, "%s", a.Body)
	return id
}

// session reads a session.
func (n *Node) session(id string, options ...option) session {
	n.t.Helper()
	a := n.do("GET", "/sessions/"+id, nil, options...)
	require.Equal(n.t, 200, a.Status, "%s", a.Body)
	var s session
	a.into(n.t, &s)
	return s
}

// await waits until a session is in one of some phases.
func (n *Node) await(id string, phases ...string) session {
	n.t.Helper()
	var s session
	eventually(n.t, fmt.Sprintf("session %s to be %s", id, strings.Join(phases, " or ")), func() bool {
		s = n.session(id)
		for _, phase := range phases {
			if s.Phase == phase {
				return true
			}
		}
		if terminal(s.Phase) {
			n.t.Fatalf("session %s is %s, not %s: %+v", id, s.Phase, strings.Join(phases, " or "), s.Meta.Messages)
		}
		return false
	})
	return s
}

func terminal(phase string) bool {
	switch phase {
	case "COMPLETED", "FAILED", "CANCELLED", "REJECTED", "EXPIRED":
		return true
	}
	return false
}

// free is how many cores of the node are free now.
func (n *Node) free() int64 {
	n.t.Helper()
	free, _ := n.cores()
	return free
}

// cores is how many cores of the node are free now, of how many.
func (n *Node) cores() (free, all int64) {
	n.t.Helper()
	var nodes struct {
		Nodes []struct {
			Free, Capacity struct{ Cores int64 }
			Member         *struct{ Self bool }
		}
	}
	n.do("GET", "/federation/nodes", nil).into(n.t, &nodes)
	for _, node := range nodes.Nodes {
		if node.Member == nil || node.Member.Self {
			return node.Free.Cores, node.Capacity.Cores
		}
	}
	n.t.Fatal("the node doesn't list itself")
	return 0, 0
}

// metric reads one of the node's metrics.
func (n *Node) metric(name string) float64 {
	n.t.Helper()
	for line := range strings.Lines(string(n.do("GET", "/metrics", nil).Body)) {
		var value float64
		if _, err := fmt.Sscanf(line, name+" %g", &value); err == nil {
			return value
		}
	}
	n.t.Fatalf("there is no metric %s", name)
	return 0
}

// file reads an output file of a session.
func (n *Node) file(id, name string) string {
	n.t.Helper()
	a := n.do("GET", "/sessions/"+id+"/files/"+name, nil)
	require.Equal(n.t, 200, a.Status, "%s: %s", name, a.Body)
	return string(a.Body)
}
