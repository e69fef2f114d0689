package api

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/federation/line"
)

// sites are nodes of a test that reach each other.
type sites struct {
	testing.TB
	keep  *http.Transport // if set, connections between nodes are kept
	mu    sync.Mutex
	ports map[identity.NodeName]string // host and port between the nodes
	keys  map[identity.NodeName]ed25519.PublicKey
	owner map[identity.Tag]identity.NodeName
}

// newSites are none so far; all that the fake brokers have is of node kth.
func newSites(t testing.TB) *sites {
	return &sites{
		TB: t, ports: map[identity.NodeName]string{}, keys: map[identity.NodeName]ed25519.PublicKey{},
		owner: map[identity.Tag]identity.NodeName{sessionID.Owner(): "kth"},
	}
}

// peers is what one of them knows of the others.
type peers struct {
	*sites
	node identity.NodeName
	*delegation.Signer
	verifier *delegation.Verifier
}

func (s *sites) peersOf(node identity.NodeName) *peers {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(s, err)
	federation := func() string { return "f" }
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[node] = public
	return &peers{
		sites: s, node: node, verifier: delegation.NewVerifier(node, federation, time.Now),
		Signer: &delegation.Signer{Node: node, Federation: federation, Now: time.Now, Key: func() crypto.Signer { return private }},
	}
}

func (p *peers) Owner(tag identity.Tag) (identity.NodeName, bool) {
	node, known := p.owner[tag]
	return node, known
}

func (p *peers) Authorize(_ context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error {
	assertion, err := p.Sign(delegation.Errand{Subject: caller.Subject, Via: caller.Via, Method: r.Method, Target: r.URL.RequestURI()}, to)
	r.Header.Set(delegation.Header, assertion)
	return err
}

// whoAsks stands for what the line proves.
const whoAsks = "X-Test-Peer"

func (p *peers) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	port := p.ports[identity.NodeName(r.URL.Host)]
	p.mu.Unlock()
	if port == "" {
		return nil, errors.New("call " + r.URL.Host + ": connection refused")
	}
	out := r.Clone(r.Context())
	out.URL.Host = port
	out.Header.Set(whoAsks, string(p.node))
	if p.keep != nil {
		return p.keep.RoundTrip(out)
	}
	return (&http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}).RoundTrip(out) // as the line has it
}

func (p *peers) Delegated(r *http.Request) (identity.Subject, []identity.NodeName, error) {
	from := identity.NodeName(line.PeerOf(r.Context()))
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.verifier.Verify(r.Header.Get(delegation.Header), delegation.Peer{Node: from, Key: p.keys[from]}, r.Method, r.RequestURI)
}

// subjects is names, with what an issuer would have said.
type subjects struct{ names }

func (s subjects) Authenticate(r *http.Request) (identity.Caller, error) {
	caller, err := s.names.Authenticate(r)
	caller.Subject = subjectOf(caller.User)
	return caller, err
}

func subjectOf(user string) identity.Subject {
	return identity.Subject{Issuer: "https://iam.example", Name: user, Expires: time.Now().Add(time.Hour),
		Claims: identity.Claims{Roles: []identity.Role{identity.RoleOperator}}}
}

// site is a Mapping: who is an operator there, and nobody else is.
type site struct{ operator string }

func (s site) Caller(subject identity.Subject) (identity.Caller, error) {
	if subject.Name == "unknown" {
		return identity.Caller{}, errors.New("no rule gives you a role")
	}
	c := identity.Caller{User: subject.Name, Roles: []identity.Role{identity.RoleUser}, Subject: subject}
	switch subject.Name {
	case s.operator:
		c.Roles = append(c.Roles, identity.RoleOperator)
	case "impostor":
		c.Roles = []identity.Role{identity.RoleBuiltIn}
	}
	return c, nil
}

// node makes a node with a port for the others.
func (s *sites) node(name identity.NodeName, change ...func(*Options)) *world {
	w := newWorld(s.TB, append([]func(*Options){func(o *Options) {
		o.Node, o.Peers, o.Mapping, o.Authenticator = name, s.peersOf(name), site{}, subjects{}
		o.BaseURL = "https://" + string(name) + ".example"
	}}, change...)...)
	s.listen(name, w.server.Peer())
	s.Cleanup(w.server.EndStreams)
	return w
}

// listen answers other nodes in the name of one, as node/cluster does.
func (s *sites) listen(name identity.NodeName, h http.Handler) {
	h = http.StripPrefix(peerPath, h)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(line.WithPeer(r.Context(), line.Peer{Node: r.Header.Get(whoAsks)})))
	}))
	s.Cleanup(server.Close)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[name] = strings.TrimPrefix(server.URL, "http://")
}

// asked is what a fake broker was asked last, and on whose behalf.
func (w *world) asked() identity.Caller {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	return w.broker.caller
}

// untouched reports that a broker was not asked for anything.
func (w *world) untouched() bool {
	return w.asked().User == "" && !slices.Contains(w.asked().Roles, identity.RoleUser)
}
