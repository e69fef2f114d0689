package api

import (
	"crypto/sha256"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"starling/api/internal/relay"
	"starling/federation/identity"
)

// What runs in sessions of another node is used through this one: a browser need
// reach no other. This node sees to what is its own, which is the origin at which
// pages are shown, who may talk to them from where, and its cookies; the owner
// decides who may use what, and knows where it leads.

// What nodes tell each other about requests to what runs in sessions.
const (
	// grantHeader has the grants that a browser has shown, which its owner judges.
	grantHeader = "Starling-Grant"
	// clientHeader is the address from which the client reaches the node it asks.
	clientHeader = "Starling-Client"
	// programAuthorization is the header Authorization that is for the program.
	programAuthorization = "Starling-Program-Authorization"
	// programHeader marks an answer of a program's, which is not the owner's own word.
	programHeader = "Starling-Program"
)

// mostGrants of one request are looked at: one opens its connector, the others are
// what pages of other sessions have set.
const mostGrants = 8

// mostEntrances are remembered, those that were used last.
const mostEntrances = 1 << 12

// entrance is a grant that was good at the session's owner when it was last shown.
// That opens nothing here: it says whose a request is to be counted.
type entrance struct {
	session, connector string
	grant              [sha256.Size]byte
}

func (v *visit) entrance(grant string) entrance {
	return entrance{v.Param("uuid"), v.Param("connector"), sha256.Sum256([]byte(grant))}
}

// grantsShown are the grants that come with a request: as cookies, or as another
// node has had them from a browser.
func (v *visit) grantsShown() (grants []string) {
	if v.peer != "" {
		for _, grant := range strings.Split(v.Request().Header.Get(grantHeader), ",") {
			grants = append(grants, grant)
		}
	} else {
		for _, cookie := range v.Request().Cookies() {
			if isGrantCookie(cookie.Name) {
				grants = append(grants, cookie.Value)
			}
		}
	}
	grants = slices.DeleteFunc(grants, func(grant string) bool { return !secretLike(grant) })
	return grants[:min(len(grants), mostGrants)]
}

// secretLike reports whether a text could be the secret of a link or a grant.
func secretLike(text string) bool {
	return len(text) > 0 && len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// enterFar notes what a browser shows for a connector of another node's session, or
// the link by which it asks for one, and reports whether there is any: then its owner
// says what that is good for, and the request need have no other caller.
func (v *visit) enterFar() bool {
	route := v.Path()
	if !forPages(route) {
		return false
	}
	owner := v.server.ownerOf(v)
	if owner == "" {
		return false
	}
	if route == enterPath {
		v.owner = owner
		return true
	}
	if v.grants = v.grantsShown(); len(v.grants) == 0 {
		return false
	}
	v.owner = owner
	v.entered = slices.ContainsFunc(v.grants, func(grant string) bool { return v.server.entrances.Contains(v.entrance(grant)) })
	return true
}

// asker is who is counted for what a request takes up here.
func (v *visit) asker() string {
	switch {
	case v.caller.User != "":
		return v.caller.User
	case v.entered:
		return "connect/" + v.Param("uuid")
	}
	return "address/" + v.source().String()
}

// toProgram prepares a request to what runs in a session: what the node that a browser
// asks must see to. done is true if that is all of the answer.
func (p *passage) toProgram() (done bool, err error) {
	id, err := p.uuid("uuid")
	if err != nil {
		return false, err
	}
	if p.peer == "" { // otherwise that node has seen to it
		if err := p.fromOwnPage(); err != nil {
			return false, err
		}
		if p.showElsewhere(id) {
			return true, nil
		}
	}
	p.shown = p.server.pages.shownAt(p.visit, id)
	base, _ := url.Parse(p.shown.base) // it has been parsed before
	prefix := strings.TrimRight(base.Path, "/") + "/sessions/" + id.String() + connectPrefix + p.Param("connector") + "/"
	p.route = relay.Route{
		Path: prefix, Origin: originOf(p.shown.base), Prefix: prefix, PrivateCookie: isGrantCookie, PrivateHeader: betweenUs,
		KeepAuthorization: len(p.grants) > 0 && !bearer(p.Request()), Policy: p.shown.policy,
	}
	return false, nil
}

// betweenUs reports whether a header is between nodes, or between a node and its clients.
func betweenUs(name string) bool {
	return strings.HasPrefix(http.CanonicalHeaderKey(name), "Starling-")
}

// programHeaders are what the owner gets for a program: all but what is between the
// client and this node.
func (p *passage) programHeaders(to *httputil.ProxyRequest) http.Header {
	h := to.Out.Header
	p.route.Hide(h)
	if own := h.Get("Authorization"); own != "" {
		h.Set(programAuthorization, own)
		h.Del("Authorization")
	}
	h.Set(clientHeader, p.client())
	return h
}

// client is the address from which the client reaches the node it asks.
func (v *visit) client() string {
	if v.peer == "" {
		return v.RealIP()
	}
	from, err := netip.ParseAddr(v.Request().Header.Get(clientHeader))
	if err != nil {
		return v.RealIP()
	}
	return from.Unmap().String()
}

// restore makes the request that another node has passed on the one that its client
// has sent, as far as a program may see it.
func (v *visit) restore() {
	h := v.Request().Header
	own := h.Get(programAuthorization)
	h.Del("Authorization") // this node's own
	if v.target != nil && own != "" {
		h.Set("Authorization", own)
	}
}

// programAnswers makes the answer of a program that the client gets.
func (p *passage) programAnswers(answer *http.Response) error {
	if p.caller.User == "" { // then one of them it was
		for _, grant := range p.grants {
			p.server.entrances.Add(p.entrance(grant), struct{}{})
		}
	}
	if err := p.route.Answer(answer); err != nil {
		return odd{err.Error()}
	}
	release(p.header())
	return nil
}

// open says by which cookie a browser is let into a connector, and where to.
func (v *visit) open(h http.Header, base string, id identity.UUID, grant string) error {
	at, err := url.Parse(base + "/sessions/" + id.String() + connectPrefix + v.Param("connector") + "/")
	if err != nil {
		return err
	}
	cookie := &http.Cookie{
		Name: grantCookie, Value: grant, Path: at.Path, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if at.Scheme == "https" {
		cookie.Name, cookie.Secure = secureGrantCookie, true
	}
	h.Set("Set-Cookie", cookie.String())
	h.Set("Location", at.String())
	return nil
}

// opens makes of the owner's answer to a link what lets the browser in here: the
// owner chooses the grant, and nothing else of the cookie.
func (p *passage) opens(answer, kept http.Header) error {
	id, err := p.uuid("uuid")
	if err != nil {
		return err
	}
	for _, cookie := range (&http.Response{Header: answer}).Cookies() {
		if isGrantCookie(cookie.Name) && secretLike(cookie.Value) {
			return p.open(kept, p.server.pages.shownAt(p.visit, id).base, id, cookie.Value)
		}
	}
	return errNoGrant
}

// links makes of the owner's link into a connector one that leads there by way of
// this node: the owner chooses the secret, and nothing else of it.
func (p *passage) links(body []byte) ([]byte, error) {
	id, err := p.uuid("uuid")
	if err != nil {
		return nil, err
	}
	var link oneTimeLink
	if err := json.Unmarshal(body, &link); err != nil {
		return nil, odd{"it can't be read: " + err.Error()}
	}
	at := "/sessions/" + id.String() + "/links/" + p.Param("connector") + "/"
	place, secret := path.Split(link.URL)
	if !secretLike(secret) || !strings.HasSuffix(place, at) {
		return nil, errNoGrant
	}
	pages := p.server.pages
	link.URL, link.Sandboxed = pages.baseOf(id, p.base)+at+secret, pages.sandboxed()
	return json.Marshal(link, written)
}

var errNoGrant = odd{"what it gives is no way into the session"}
