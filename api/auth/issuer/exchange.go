package issuer

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The types of tokens that can be exchanged (RFC 8693 section 3).
const (
	tokenAccess = "urn:ietf:params:oauth:token-type:access_token"
	tokenJWT    = "urn:ietf:params:oauth:token-type:jwt"
)

// byExchange gives a confidential client a token in place of one that it was
// shown: for another audience, with the same scope or less, no longer than the
// one shown (RFC 8693). With offline_access, of a token that has it, there is a
// refresh token as well.
func (s *Server) byExchange(c client, form url.Values) (*tokenAnswer, error) {
	if !c.confidential {
		return nil, errPublic
	}
	if form.Has("actor_token") {
		return nil, invalid("invalid_request", "actor_token: the client itself is the only actor here")
	}
	for name, must := range map[string]bool{"subject_token_type": true, "requested_token_type": false} {
		kind := form.Get(name)
		if (must || kind != "") && kind != tokenAccess && kind != tokenJWT {
			return nil, invalid("invalid_request", "%s: want %s", name, tokenAccess)
		}
	}
	shown, err := s.genuine(form.Get("subject_token"))
	if err != nil {
		return nil, err
	}
	grant := shown.grant()
	asked, err := s.narrowed(grant, form)
	if err != nil {
		return nil, err
	}
	grant.Client, grant.Scope = c.id, asked.Scope
	if len(asked.Audience) > 0 {
		grant.Audience = asked.Audience
	}
	left := shown.ExpiresAt.Sub(s.Now()).Truncate(time.Second)
	if left < time.Second {
		return nil, errSubject
	}
	answer, err := s.begin(grant, min(left, s.Lifetime))
	if err != nil {
		return nil, err
	}
	answer.IssuedType = tokenAccess
	return answer, nil
}

// errSubject says of any token that can't be exchanged the same.
var errSubject = invalid("invalid_request", "subject_token: it is no access token of this issuer, or isn't good any more")

// genuine reads an access token of this issuer that counts.
func (s *Server) genuine(token string) (*issued, error) {
	now, err := s.dir.read()
	if err != nil {
		return nil, err
	}
	shown, err := now.verify(token, s.Now)
	if err != nil {
		return nil, errSubject
	}
	gone, err := s.store.isRevoked(shown.ID)
	if err != nil {
		return nil, err
	}
	if gone {
		return nil, errSubject
	}
	return shown, nil
}

// narrowed reads what is asked for in place of a grant. To say nothing of the
// scope is to ask for the same, but for what makes a login.
func (s *Server) narrowed(had Grant, form url.Values) (Grant, error) {
	scope, err := scopeOf(form)
	if err != nil {
		return Grant{}, err
	}
	if len(scope) == 0 {
		scope = without(had.Scope, scopeOffline)
	}
	if err := within(had.Scope, scope); err != nil {
		return Grant{}, invalid("invalid_scope", "%v", err)
	}
	audience, err := audienceOf(form)
	return Grant{Scope: without(scope, scopeOpenID), Audience: audience}, err
}

// introspection is what a token says, for who may ask (RFC 7662 section 2.2).
type introspection struct {
	Active   bool     `json:"active"`
	Issuer   string   `json:"iss,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Audience []string `json:"aud,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Client   string   `json:"client_id,omitempty"`
	Expires  int64    `json:"exp,omitempty"`
}

// introspect answers POST /introspect, for confidential clients.
func (s *Server) introspect(w http.ResponseWriter, c client, form url.Values) error {
	if !c.confidential {
		return errClient
	}
	shown, err := s.genuine(form.Get("token"))
	if err == errSubject {
		write(w, http.StatusOK, introspection{})
		return nil
	}
	if err != nil {
		return err
	}
	write(w, http.StatusOK, introspection{
		Active: true, Issuer: shown.Issuer, Subject: shown.Subject, Audience: slices.Clone(shown.Audience),
		Scope: shown.Scope, Client: shown.Client, Expires: shown.ExpiresAt.Unix(),
	})
	return nil
}

// revokeToken answers POST /revoke (RFC 7009): a refresh token ends its family;
// an access token counts here no more, though nodes that don't ask take it until
// it expires. What is no token of the client's is nothing to complain of.
func (s *Server) revokeToken(w http.ResponseWriter, c client, form url.Values) error {
	token := form.Get("token")
	refresh, err := s.store.end(token, c.id)
	if err != nil {
		return err
	}
	if shown, err := s.genuine(token); !refresh && err == nil && shown.Client == c.id {
		if err := s.store.revoke(shown.ID, shown.ExpiresAt.Time); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
