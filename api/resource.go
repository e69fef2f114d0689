package api

import "net/http"

// Issuer is an OpenID Connect provider whose tokens the node takes.
type Issuer struct {
	URL string
	// ClientID and Scopes are with which users log in by it (starling login);
	// empty: they can't.
	ClientID string
	Scopes   []string
}

// resourcePath is where it is written whose tokens are taken (RFC 9728).
const resourcePath = "/.well-known/oauth-protected-resource"

// resource is that document, with a member of ours.
type resource struct {
	Resource string   `json:"resource"`
	Name     string   `json:"resource_name,omitempty"`
	Issuers  []string `json:"authorization_servers,omitempty"`
	Methods  []string `json:"bearer_methods_supported"`
	Login    []login  `json:"starling_login,omitempty"`
}

// login is with which public client users log in by an issuer.
type login struct {
	Issuer   string   `json:"issuer"`
	ClientID string   `json:"client_id"`
	Scopes   []string `json:"scopes,omitempty"`
}

// resource answers GET /.well-known/oauth-protected-resource.
func (s *Server) resource(v *visit) error {
	answer := resource{Resource: v.base, Name: string(s.Node), Methods: []string{"header"}}
	for _, issuer := range s.Issuers {
		answer.Issuers = append(answer.Issuers, issuer.URL)
		if issuer.ClientID != "" {
			answer.Login = append(answer.Login, login{Issuer: issuer.URL, ClientID: issuer.ClientID, Scopes: issuer.Scopes})
		}
	}
	return v.answerJSON(http.StatusOK, answer)
}
