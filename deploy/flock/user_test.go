package flock

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/api/auth"
	"starling/federation/identity"
)

// user is somebody who asks any node. The same name is the same user everywhere.
type user struct {
	name  string
	roles []identity.Role
}

var (
	alice    = user{name: "alice"}
	bob      = user{name: "bob"}
	operator = user{name: "olga", roles: []identity.Role{identity.RoleUser, identity.RoleOperator}}
)

// token is the node's own for a user.
func (n *node) token(u user) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if token := n.tokens[u.name]; token != "" {
		return token
	}
	token, err := n.issuer.Issue(auth.Grant{User: u.name, Roles: u.roles}, time.Now(), 24*time.Hour)
	require.NoError(n.t, err)
	n.tokens[u.name] = token
	return token
}

// answer is what a node has answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// into decodes a JSON answer.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, v), "%s", a.body)
}

// try asks a node, which may be down or cut off meanwhile; redirects are not followed.
func (n *node) try(ctx context.Context, u user, method, path string, body any, headers ...string) (answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(n.t, err)
		content = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, n.config.URL+path, content)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+n.token(u))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return n.network.dial(ctx, outside, address)
	}}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, text}, err
}

// do asks a node that must answer.
func (n *node) do(u user, method, path string, body any, headers ...string) answer {
	n.t.Helper()
	a, err := n.try(context.Background(), u, method, path, body, headers...)
	require.NoError(n.t, err, "%s %s at %s", method, path, n.name)
	return a
}

// get reads a document that must be there.
func (n *node) get(u user, path string, into any) {
	n.t.Helper()
	a := n.do(u, "GET", path, nil)
	require.Equal(n.t, http.StatusOK, a.status, "GET %s at %s: %s", path, n.name, a.body)
	a.into(n.t, into)
}

// message is a message of a session or an offer set.
type message struct {
	Kind, Time, Level, Template, Message string
	Values                               map[string]string
}

// session is what these tests read of a session.
type session struct {
	Kind, Phase string
	Meta        struct {
		UUID, URL string
		Messages  []message
	}
	Compute struct {
		Cores, Memory struct{ Min, Max int64 }
	}
	Schedule struct {
		Preparing, Available, Releasing struct{ Start, Duration string }
	}
}

// id is the session's UUID.
func (s session) id() string { return s.Meta.UUID }

// site is who has made the offer, as its messages say.
func (s session) site() string {
	for _, m := range s.Meta.Messages {
		if site := m.Values["site"]; site != "" {
			return site
		}
	}
	return ""
}

// offerSet is an answer to a request.
type offerSet struct {
	Result string
	Meta   struct {
		UUID, URL string
		Messages  []message
	}
	Offers []session
}

// from are the offers of a site.
func (s offerSet) from(site string) (offers []session) {
	for _, o := range s.Offers {
		if o.site() == site {
			offers = append(offers, o)
		}
	}
	return offers
}

// said is all that the set's messages say.
func (s offerSet) said() string {
	var text strings.Builder
	for _, m := range s.Meta.Messages {
		text.WriteString(m.Message + "\n")
	}
	return text.String()
}

// ask asks a node, and returns the answer, YES or NO.
func (n *node) ask(u user, w work, headers ...string) offerSet {
	n.t.Helper()
	a := n.do(u, "POST", "/requests", w.request(), headers...)
	require.Equal(n.t, http.StatusSeeOther, a.status, "%s", a.body)
	var set offerSet
	a.into(n.t, &set)
	return set
}

// update asks for a phase of a session.
func (n *node) update(u user, id, phase string) answer {
	n.t.Helper()
	return n.do(u, "POST", "/sessions/"+id, phaseUpdate(phase))
}

// accept accepts an offer, which must work.
func (n *node) accept(u user, id string) session {
	n.t.Helper()
	a := n.update(u, id, "ACCEPTED")
	require.Equal(n.t, http.StatusOK, a.status, "accept at %s: %s", n.name, a.body)
	var s session
	a.into(n.t, &s)
	return s
}

// session reads a session.
func (n *node) session(u user, id string) (s session) {
	n.t.Helper()
	n.get(u, "/sessions/"+id, &s)
	return s
}

// phase is a session's phase, and why it can't be told.
func (n *node) phase(u user, id string) string {
	a, err := n.try(context.Background(), u, "GET", "/sessions/"+id, nil)
	if err != nil || a.status != http.StatusOK {
		return ""
	}
	var s session
	a.into(n.t, &s)
	return s.Phase
}

func terminal(phase string) bool {
	switch phase {
	case "COMPLETED", "FAILED", "CANCELLED", "REJECTED", "EXPIRED":
		return true
	}
	return false
}
