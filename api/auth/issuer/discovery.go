package issuer

import (
	"net/http"
	"strings"
)

// discovery is what the issuer says of itself (OpenID Connect Discovery 1.0
// section 3, RFC 8414 section 2). There is no authorization endpoint: nobody
// comes by a browser alone.
type discovery struct {
	Issuer        string      `json:"issuer"`
	Token         string      `json:"token_endpoint"`
	Keys          string      `json:"jwks_uri"`
	Device        string      `json:"device_authorization_endpoint"`
	Introspection string      `json:"introspection_endpoint"`
	Revocation    string      `json:"revocation_endpoint"`
	Grants        []string    `json:"grant_types_supported"`
	Responses     []string    `json:"response_types_supported"`
	Subjects      []string    `json:"subject_types_supported"`
	Algorithms    []Algorithm `json:"id_token_signing_alg_values_supported"`
	Scopes        []string    `json:"scopes_supported"`
	Methods       []string    `json:"token_endpoint_auth_methods_supported"`
	Claims        []string    `json:"claims_supported"`
}

func (s *Server) discover(w http.ResponseWriter, r *http.Request) {
	now, err := s.dir.read()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	groups := "groups"
	if now.Profile == ProfileWLCG {
		groups = "wlcg.groups"
	}
	base := strings.TrimSuffix(now.URL, "/")
	write(w, http.StatusOK, discovery{
		Issuer: now.URL, Token: base + tokenPath, Keys: base + keysPath, Device: base + codePath,
		Introspection: base + introspectPath, Revocation: base + revokePath,
		Grants:    []string{grantDevice, grantRefresh, grantClient, grantExchange},
		Responses: []string{"token"}, Subjects: []string{"public"}, Algorithms: Algorithms(), Scopes: s.Scopes,
		Methods: []string{"client_secret_basic", "client_secret_post", "none"},
		Claims:  []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "client_id", groups},
	})
}

// keySet is a JWK Set (RFC 7517 section 5).
type keySet struct {
	Keys []publicKey `json:"keys"`
}

func (s *Server) keys(w http.ResponseWriter, r *http.Request) {
	now, err := s.dir.read()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	set := keySet{Keys: []publicKey{}}
	for _, k := range now.published(s.Now()) {
		set.Keys = append(set.Keys, k.published())
	}
	write(w, http.StatusOK, set)
}
