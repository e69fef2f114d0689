package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/federation/line"
)

// Peers are the other nodes: how this one asks them on behalf of those who ask it,
// and finds out on whose behalf they ask.
type Peers interface {
	Authorizer
	// Owner is the node that answers for what bears its tag, if there is one.
	Owner(tag identity.Tag) (node identity.NodeName, known bool)
	// RoundTrip sends a request to the node that its URL names as the host.
	RoundTrip(r *http.Request) (*http.Response, error)
	// Delegated is on whose behalf a node makes a request, and by way of which nodes,
	// itself the last. Errors wrap delegation.ErrRefused or ErrTooMany.
	Delegated(r *http.Request) (identity.Subject, []identity.NodeName, error)
}

// Authorizer says in a request to another node on whose behalf it is made. The
// error may wrap delegation.ErrLoop or ErrExpired.
type Authorizer interface {
	Authorize(ctx context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error
}

// Mapping makes callers of this node of what issuers say of somebody.
type Mapping interface {
	Caller(identity.Subject) (identity.Caller, error)
}

// baseHeader is by what URL the client reaches the node that asks on its behalf.
const baseHeader = "Starling-Base"

// privateHeader says that the client reaches the node that asks on its behalf by a
// line that nobody else can read.
const privateHeader = "Starling-Private"

// peerVisit is the context key of a request of another node. It is this package's
// own, so that nothing that comes over the clients' port can set it.
type peerVisit struct{}

// Peer answers the requests of other nodes on behalf of their users: the same API,
// but for how the caller is established. It is for the line between the nodes,
// which says whose a request is (line.PeerOf).
func (s *Server) Peer() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerVisit{}, true)))
	})
}

func fromPeer(r *http.Request) bool { return r.Context().Value(peerVisit{}) != nil }

// admitPeer establishes on whose behalf another node asks. Nothing is open to a
// node as such, and no role of one site is any at another.
func (s *Server) admitPeer(v *visit) error {
	r := v.Request()
	v.peer = identity.NodeName(line.PeerOf(r.Context()))
	if v.peer == "" || line.Newcomer(r.Context()) || s.Peers == nil || s.Mapping == nil {
		return &fault{status: http.StatusForbidden, code: "forbidden", detail: "only nodes of this node's federation are answered here"}
	}
	base, err := baseSaid(r.Header[baseHeader])
	if err != nil {
		return err
	}
	if base != "" {
		v.base = base
	}
	if r.Header.Get(delegation.Header) == "" && r.Header.Get("Authorization") == "" && v.forBrowsers() {
		return s.admitBrowser(v)
	}
	assertions, tokens := r.Header[http.CanonicalHeaderKey(delegation.Header)], r.Header["Authorization"]
	switch {
	case len(assertions) == 1 && len(tokens) == 0:
		v.caller, err = s.delegated(r)
	case len(assertions) == 0 && len(tokens) == 1: // exchanged for one for this node
		v.caller, err = s.Authenticator.Authenticate(r)
		v.caller.Via = []identity.NodeName{v.peer}
	default:
		err = fmt.Errorf("%w: want one assertion (%s), or one token, and not both", delegation.ErrRefused, delegation.Header)
	}
	if err == nil && (v.caller.User == "" || v.caller.Has(identity.RoleBuiltIn)) {
		err = errors.New("nobody is asked for")
	}
	if err != nil {
		v.caller = identity.Caller{}
		return s.disbelieved(r.Context(), v.peer, err)
	}
	if err := v.settle(); err != nil {
		return err
	}
	if v.owner == "" {
		if granted, err := v.granted(); granted || err != nil {
			return err
		}
	}
	return v.confine()
}

// forBrowsers reports whether a request may be of a browser's, whose user its node
// doesn't know.
func (v *visit) forBrowsers() bool {
	return forPages(v.Path()) && (v.Path() == enterPath || v.Request().Header.Get(grantHeader) != "")
}

// admitBrowser lets in a browser at another node: by a link, or by what one has given
// it. Only the owner knows those, and nodes ask it at once: nothing goes further.
func (s *Server) admitBrowser(v *visit) error {
	v.caller = identity.Caller{Via: []identity.NodeName{v.peer}}
	if owner := s.ownerOf(v); owner != "" {
		return &fault{status: http.StatusLoopDetected, code: "loop", detail: fmt.Sprintf("this belongs to %s, and not to %s", owner, s.Node)}
	}
	if v.Path() == enterPath {
		return nil
	}
	granted, err := v.granted()
	if err == nil && !granted {
		err = errGrant
	}
	return err
}

// errGrant is what a browser hears whose cookie opens nothing.
var errGrant = &fault{status: http.StatusUnauthorized, code: "unauthorized", field: "Cookie",
	detail: "this browser has not been let in here, or not into this session; ask for a new link (starling connect)"}

// delegated is the caller of whom an assertion tells, as this node sees him.
func (s *Server) delegated(r *http.Request) (identity.Caller, error) {
	subject, via, err := s.Peers.Delegated(r)
	if err != nil {
		return identity.Caller{}, err
	}
	caller, err := s.Mapping.Caller(subject)
	caller.Via = via
	return caller, err
}

// disbelieved tells a node why not: 401 if it isn't believed, 403 if whom it speaks
// for may do nothing here.
func (s *Server) disbelieved(ctx context.Context, peer identity.NodeName, err error) error {
	switch {
	case errors.Is(err, delegation.ErrTooMany):
		return &fault{status: http.StatusTooManyRequests, code: "limit", detail: err.Error(), retry: 30 * time.Second}
	case errors.Is(err, delegation.ErrRefused):
		s.log.WarnContext(ctx, "a node is not believed on whose behalf it asks", "node", peer, "error", err)
		return &fault{status: http.StatusUnauthorized, code: "unauthorized", detail: err.Error(), field: delegation.Header}
	}
	return &fault{status: http.StatusForbidden, code: "forbidden", detail: "node " + string(s.Node) + " does not take you: " + err.Error()}
}

// baseSaid reads by what URL the client of a node reaches it, so that it gets URLs
// that it can use. The node could write whatever it likes into the answer by itself,
// so it is believed; but it must be a URL.
func baseSaid(said []string) (string, error) {
	if len(said) == 0 {
		return "", nil
	}
	base, err := url.Parse(said[0])
	if err != nil || len(said) > 1 || len(said[0]) > 512 || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || !plainHost(base.Host) ||
		base.User != nil || base.ForceQuery || strings.ContainsAny(said[0], "?#\"<>\\ ") || strings.HasSuffix(said[0], "/") {
		return "", invalid(baseHeader, "want one http(s)://host[:port][/path]")
	}
	return said[0], nil
}
