package api

import (
	"net/http"

	"starling/federation/identity"
)

// confine keeps a caller that is an executor and nothing else to the despatch
// protocol. Its token lies on a machine that runs anybody's programs: who takes it
// must not learn from it what else goes on here. What it may do with the executors
// and attempts of others is the broker's to say.
func (v *visit) confine() error {
	for _, role := range v.caller.Roles {
		if role != identity.RoleExecutor {
			return nil
		}
	}
	if !v.caller.Has(identity.RoleExecutor) || forExecutors(v.Request().Method, v.Path()) {
		return nil
	}
	return &fault{status: http.StatusForbidden, code: "forbidden",
		detail: "your token is an executor's: it registers, asks for work and reports, and does nothing else. Use a user's token for this"}
}

// forExecutors reports whether an operation is part of the despatch protocol, or
// says no more than whom the node takes the caller for.
func forExecutors(method, path string) bool {
	switch path {
	case "/executors", "/":
		return true
	case "/executors/:uuid/despatch", "/history/:ref/updates", "/history/:ref/completion":
		return method == http.MethodPost
	case "/history/:ref/files/*":
		return method == http.MethodPut
	}
	return false
}
