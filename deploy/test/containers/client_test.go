//go:build docker

package containers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// patience is how long a condition may take to come true. It bounds a test that
// hangs; no claim is made by it.
const patience = 100 * time.Second

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// timely bounds what is done to containers: a test that can't go on fails, and doesn't
// hold up the others.
func timely(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

type (
	object = map[string]any
	list   = []any
)

// place is somebody at a site.
type place struct {
	*launch.Site
	t     *testing.T
	token string
}

// at is a user at a site of the tests' cluster.
func at(t *testing.T, site, user string, groups ...string) place {
	t.Helper()
	s := federation.Site(site)
	require.NotNil(t, s, "there is no site %s", site)
	return place{s, t, tokenOf(t, user, groups...)}
}

func tokenOf(t *testing.T, user string, groups ...string) string {
	t.Helper()
	token, err := federation.Token(user, groups...)
	require.NoError(t, err)
	return token
}

// everywhere is a user at all sites, one after the other.
func everywhere(t *testing.T, user string, groups ...string) []place {
	t.Helper()
	var all []place
	for _, s := range federation.Sites {
		all = append(all, at(t, s.Name, user, groups...))
	}
	return all
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

// do sends a request and reads the answer; redirects are not followed. The body is nil,
// or something to be encoded as JSON.
func (p place) do(method, path string, body any) answer {
	p.t.Helper()
	a, err := p.try(method, path, body)
	require.NoError(p.t, err)
	return a
}

// try is do while the node may be down.
func (p place) try(method, path string, body any) (answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	r, err := http.NewRequest(method, p.URL+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	client := p.Client()
	client.Timeout = patience
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	return answer{resp.StatusCode, resp.Header, read}, err
}

// document reads something that is there.
func (p place) document(path string, into any) answer {
	p.t.Helper()
	a := p.do("GET", path, nil)
	require.Equal(p.t, 200, a.Status, "%s at %s: %s", path, p.Name, a.Body)
	if into != nil {
		a.into(p.t, into)
	}
	return a
}

// session is what these tests read of a session.
type session struct {
	Phase string
	Meta  struct {
		UUID, URL string
		Messages  []struct {
			Message string
			Values  map[string]string
		}
	}
	Connectors []struct{ Location string }
}

// offerSet is an answer to a request.
type offerSet struct {
	Result string
	Meta   struct{ UUID string }
	Offers []session
}

// ask sends a request and returns the answer, which must be YES.
func (p place) ask(request object) (offerSet, answer) {
	p.t.Helper()
	a := p.do("POST", "/requests", request)
	require.Equal(p.t, 303, a.Status, "%s", a.Body)
	var set offerSet
	a.into(p.t, &set)
	require.Equal(p.t, "YES", set.Result, "%s", a.Body)
	require.NotEmpty(p.t, set.Offers)
	return set, a
}

// of is the best offer of a site in an answer: UUIDs name their owners.
func (set offerSet) of(t *testing.T, site string) string {
	t.Helper()
	tag := sha256.Sum256([]byte(site))
	for _, offer := range set.Offers {
		if strings.HasSuffix(offer.Meta.UUID, hex.EncodeToString(tag[:6])) {
			return offer.Meta.UUID
		}
	}
	t.Fatalf("there is no offer of %s in %+v", site, set)
	return ""
}

// accept asks, and accepts the best offer of the site itself.
func (p place) accept(request object) string {
	p.t.Helper()
	set, _ := p.ask(request)
	id := set.of(p.t, p.Name)
	require.Equal(p.t, 200, p.setPhase(id, "ACCEPTED").Status)
	return id
}

// setPhase asks for a phase of a session.
func (p place) setPhase(id, phase string) answer {
	p.t.Helper()
	return p.do("POST", "/sessions/"+id, object{"kind": "uri:enum-value-update", "path": "/phase", "value": phase})
}

// await waits until a session is in a phase.
func (p place) await(id, phase string) session {
	p.t.Helper()
	var s session
	eventually(p.t, fmt.Sprintf("session %s to be %s at %s", id, phase, p.Name), func() bool {
		a, err := p.try("GET", "/sessions/"+id, nil)
		if err != nil || a.Status == http.StatusServiceUnavailable {
			return false // its node is away
		}
		require.Equal(p.t, 200, a.Status, "%s", a.Body)
		a.into(p.t, &s)
		if terminal(s.Phase) && s.Phase != phase {
			p.t.Fatalf("session %s is %s, not %s: %s", id, s.Phase, phase, a.Body)
		}
		return s.Phase == phase
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

// attempt is what these tests read of a history entry.
type attempt struct {
	HistoryRef, Session, Phase, Node string
	Attempt                          int
	Charges                          []struct{ Name, Amount, Unit string }
}

// history lists the attempts of a session.
func (p place) history(id string) []attempt {
	p.t.Helper()
	var page struct{ History []attempt }
	p.document("/history?session="+id, &page)
	return page.History
}

// agree waits until all of some sites answer the same, and returns what.
func agree(places []place, path string) string {
	t := places[0].t
	t.Helper()
	var first string
	eventually(t, "all sites to tell the same of "+path, func() bool {
		for i, p := range places {
			a, err := p.try("GET", path, nil)
			if err != nil || a.Status != 200 {
				return false
			}
			if i == 0 {
				first = string(a.Body)
			}
			if string(a.Body) != first {
				return false
			}
		}
		return true
	})
	return first
}
