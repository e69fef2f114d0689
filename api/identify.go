package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"starling/api/auth"
	"starling/federation/identity"
)

// identify finds the caller. The role of a built-in executor is only ever
// given by Local: an authenticator that lets it through is not believed.
func (s *Server) identify(v *visit) error {
	caller, err := s.Authenticator.Authenticate(v.Request())
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		return &fault{status: http.StatusServiceUnavailable, code: "unavailable", detail: err.Error(), retry: 30 * time.Second}
	case errors.Is(err, auth.ErrNoRole):
		v.challenge("insufficient_scope", err.Error())
		return &fault{status: http.StatusForbidden, code: "forbidden", detail: err.Error()}
	case err == nil && !caller.Has(identity.RoleBuiltIn) && caller.User != "":
		v.caller = caller
		return v.settle()
	}
	detail := "the sender can't be established"
	if err != nil {
		detail = err.Error()
	}
	code := ""
	if len(v.Request().Header["Authorization"]) > 0 {
		code = "invalid_token"
	}
	v.challenge(code, detail)
	return &fault{status: http.StatusUnauthorized, code: "unauthorized", detail: detail, field: "Authorization"}
}

// challenge says how to be let in (RFC 6750, section 3), and where it is written
// whose tokens are taken (RFC 9728, section 5.1). Who sent no token is told no
// code.
func (v *visit) challenge(code, description string) {
	text := `Bearer realm="starling", resource_metadata="` + v.base + resourcePath + `"`
	if code != "" {
		text += `, error="` + code + `", error_description="` + strings.Map(quotable, description) + `"`
	}
	v.header().Set("WWW-Authenticate", text)
}

// quotable keeps a description to what RFC 6750 lets it have.
func quotable(r rune) rune {
	if r < ' ' || r > '~' || r == '"' || r == '\\' {
		return '\''
	}
	return r
}

// settle finds out whose a request is to answer, now that it is known who asks, and
// who is to pay where that is this node.
func (v *visit) settle() error {
	if v.owner = v.server.ownerOf(v); v.owner != "" {
		return nil
	}
	return v.choosePayer()
}

// proposalHeader names the proposal that pays for what is asked.
const proposalHeader = "Starling-Proposal"

// choosePayer takes the proposal that a request names, if its sender may have it
// charged: one of the caller's own, or any for an operator. What proposals there
// are is nobody's business who isn't on them.
func (v *visit) choosePayer() error {
	named := v.Request().Header.Get(proposalHeader)
	if named == "" || named == v.caller.Proposal {
		return nil
	}
	if !v.caller.Has(identity.RoleOperator) && !slices.Contains(v.caller.Proposals, named) {
		return &fault{status: http.StatusForbidden, code: "forbidden", field: proposalHeader,
			detail: "you may not have this proposal charged; leave the header out to charge your default, or name a proposal that you are on"}
	}
	if len(named) > 200 || strings.ContainsFunc(named, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return &fault{status: http.StatusBadRequest, code: "invalid", field: proposalHeader,
			detail: "a proposal's name has at most 200 printable bytes"}
	}
	v.caller.Proposal = named
	return nil
}
