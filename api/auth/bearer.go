package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"starling/federation/identity"
)

// ErrNoToken says that a request carries no token, where one is needed.
var ErrNoToken = errors.New("a bearer token is needed: Authorization: Bearer …")

// DevUser is whom a development node takes for the sender of a request without
// a token.
const DevUser = "dev"

// Bearer finds the sender of a request by its Authorization header.
type Bearer struct {
	Verifier *Verifier
	Mapping  *Mapping
	// Dev takes an absent token for user dev with every role. A token that is
	// there must be good, in development too.
	Dev bool
}

// Authenticate returns who sent the request. The error is ErrNoToken or ErrNoRole,
// or wraps ErrBadToken or ErrUnavailable.
func (b Bearer) Authenticate(r *http.Request) (identity.Caller, error) {
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		if !b.Dev {
			return identity.Caller{}, ErrNoToken
		}
		return b.Mapping.Caller(b.Mapping.developer(b.Verifier.now()))
	}
	if len(headers) > 1 {
		return identity.Caller{}, fmt.Errorf("%w: there is more than one Authorization header", ErrBadToken)
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return identity.Caller{}, fmt.Errorf("%w: the Authorization header is not of the form Bearer TOKEN", ErrBadToken)
	}
	token = strings.TrimSpace(token)
	subject, err := b.Verifier.Verify(r.Context(), token)
	if err != nil {
		return identity.Caller{}, err
	}
	caller, err := b.Mapping.Caller(subject)
	if err != nil {
		return identity.Caller{}, err
	}
	caller.Token = identity.NewSecret(token)
	return caller, nil
}
