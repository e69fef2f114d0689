package issuer

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The grants.
const (
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	grantRefresh  = "refresh_token"
	grantClient   = "client_credentials"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	// GrantName is our own: a token for any name ("user", "groups", "lifetime" in
	// seconds), for AdminClient alone.
	GrantName = "urn:starling:grant-type:name"
)

// token answers POST /token.
func (s *Server) token(w http.ResponseWriter, c client, form url.Values) error {
	var answer *tokenAnswer
	var err error
	switch grant := form.Get("grant_type"); grant {
	case grantDevice:
		answer, err = s.byDevice(c, form)
	case grantRefresh:
		answer, err = s.byRefresh(c, form)
	case grantClient:
		answer, err = s.byClient(c, form)
	case grantExchange:
		answer, err = s.byExchange(c, form)
	case GrantName:
		answer, err = s.byName(c, form)
	case "":
		err = invalid("invalid_request", "grant_type is missing")
	default:
		err = invalid("unsupported_grant_type", "there is no grant %.80q here", grant)
	}
	if err != nil {
		return err
	}
	write(w, http.StatusOK, answer)
	return nil
}

// tokenAnswer is what is handed out (RFC 6749 section 5.1, RFC 8693 section 2.2.1).
type tokenAnswer struct {
	Access     string `json:"access_token"`
	Type       string `json:"token_type"`
	IssuedType string `json:"issued_token_type,omitempty"`
	ExpiresIn  int64  `json:"expires_in"`
	Scope      string `json:"scope,omitempty"`
	Refresh    string `json:"refresh_token,omitempty"`
	ID         string `json:"id_token,omitempty"`
}

// answer makes the tokens of a grant; refresh is the refresh token, if there is
// one already.
func (s *Server) answer(grant Grant, lifetime time.Duration, refresh string) (*tokenAnswer, error) {
	now, err := s.dir.read()
	if err != nil {
		return nil, err
	}
	a := &tokenAnswer{
		Type: "Bearer", ExpiresIn: int64(lifetime.Seconds()), Scope: strings.Join(grant.Scope, " "), Refresh: refresh,
	}
	if a.Access, err = now.access(grant, s.Now(), lifetime); err != nil {
		return nil, err
	}
	if slices.Contains(grant.Scope, scopeOpenID) {
		if a.ID, err = now.id(grant, s.Now(), lifetime); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// begin makes the tokens of a grant, and lets it be refreshed where it says so.
func (s *Server) begin(grant Grant, lifetime time.Duration) (*tokenAnswer, error) {
	refresh := ""
	if slices.Contains(grant.Scope, scopeOffline) {
		var err error
		if refresh, err = s.store.begin(grant); err != nil {
			return nil, err
		}
	}
	return s.answer(grant, lifetime, refresh)
}

// byRefresh replaces a refresh token (RFC 6749 section 6).
func (s *Server) byRefresh(c client, form url.Values) (*tokenAnswer, error) {
	scope, err := scopeOf(form)
	if err != nil {
		return nil, err
	}
	grant, next, err := s.store.next(form.Get("refresh_token"), func(g Grant) error {
		if g.Client != c.id {
			return errNoFamily
		}
		if err := within(g.Scope, scope); err != nil {
			return invalid("invalid_scope", "%v", err)
		}
		return nil
	})
	if errors.Is(err, errNoFamily) {
		err = errStale
	}
	if err != nil {
		return nil, err
	}
	if len(scope) > 0 {
		grant.Scope = scope
	}
	return s.answer(grant, s.Lifetime, next)
}

// byClient gives a confidential client a token of its own (RFC 6749 section 4.4).
func (s *Server) byClient(c client, form url.Values) (*tokenAnswer, error) {
	if !c.confidential {
		return nil, errPublic
	}
	grant, err := s.asked(c, form)
	if err != nil {
		return nil, err
	}
	grant.User = c.id
	// It can always ask again (RFC 6749 section 4.4.3).
	grant.Scope = without(without(grant.Scope, scopeOffline), scopeOpenID)
	return s.answer(grant, s.Lifetime, "")
}

// byName gives the administrator a token for any name.
func (s *Server) byName(c client, form url.Values) (*tokenAnswer, error) {
	if c.id != AdminClient {
		return nil, invalid("unauthorized_client", "only the client %s has this grant", AdminClient)
	}
	grant, err := s.asked(c, form)
	if err != nil {
		return nil, err
	}
	lifetime := s.Lifetime
	if text := form.Get("lifetime"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 || seconds > int(MaxLifetime/time.Second) {
			return nil, invalid("invalid_request", "lifetime: want 1 to %d seconds", MaxLifetime/time.Second)
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	grant.User, grant.Groups, grant.Client = form.Get("user"), strings.Fields(form.Get("groups")), PublicClient
	if err := grant.Validate(); err != nil {
		return nil, invalid("invalid_request", "%v", err)
	}
	return s.begin(grant, lifetime)
}

// asked reads what a client asks for, as far as anybody may have it.
func (s *Server) asked(c client, form url.Values) (Grant, error) {
	scope, err := scopeOf(form)
	if err != nil {
		return Grant{}, err
	}
	if err := within(s.Scopes, scope); err != nil {
		return Grant{}, invalid("invalid_scope", "%v", err)
	}
	audience, err := audienceOf(form)
	return Grant{Client: c.id, Scope: scope, Audience: audience}, err
}

func scopeOf(form url.Values) ([]string, error) {
	scope := words(form.Get("scope"))
	if err := checkScope(scope); err != nil {
		return nil, invalid("invalid_scope", "%v", err)
	}
	return scope, nil
}

// audienceOf reads whom a token is to be for: as names (RFC 8693 section 2.1) or
// as URLs (RFC 8707).
func audienceOf(form url.Values) ([]string, error) {
	for _, resource := range form["resource"] {
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || u.Fragment != "" {
			return nil, invalid("invalid_target", "the resource %.80q is not an absolute URL without a fragment", resource)
		}
	}
	audience := slices.Concat(form["audience"], form["resource"])
	slices.Sort(audience)
	audience = slices.Compact(audience)
	if err := checkAudience(audience); err != nil {
		return nil, invalid("invalid_target", "%v", err)
	}
	return audience, nil
}

var (
	errPublic = invalid("unauthorized_client", "this is for clients that have a secret")
	errStale  = invalid("invalid_grant", "the refresh token has been used, has expired or was revoked; log in again")
)
