package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
)

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// problemDocument is an error as RFC 9457 has it, with members of ours: the field at
// fault, the request's id, and what is known nevertheless.
type problemDocument struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Instance  string `json:"instance,omitempty"`
	Field     string `json:"field,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	// Trace is that of the request, through whatever nodes.
	Trace identity.Trace `json:"trace,omitempty"`
	// Known is what this node knows of something whose owner can't be reached.
	Known *known `json:"known,omitempty"`
}

// problemPrefix begins the type of every problem; its code ends it.
const problemPrefix = "urn:starling:problem:"

// fault is an error that this package itself finds in a request.
type fault struct {
	status int
	code   string
	detail string
	field  string
	retry  time.Duration // when to try again; 0: not said
	known  *known
}

// Error implements error.
func (f *fault) Error() string { return f.code + ": " + f.detail }

// invalid is a 400 for one field: a query parameter, a header, a JSON pointer.
func invalid(field, detail string) error {
	return &fault{status: http.StatusBadRequest, code: "invalid", field: field, detail: detail}
}

// statusOf maps the broker's codes. A refusal of a direct request never comes
// here but for a broker that sends no offer set along.
func statusOf(code node.Code) int {
	switch code {
	case node.CodeInvalid, node.CodeRefused:
		return http.StatusBadRequest
	case node.CodeNotFound:
		return http.StatusNotFound
	case node.CodeForbidden:
		return http.StatusForbidden
	case node.CodeConflict, node.CodeFunds, node.CodeQuota:
		return http.StatusConflict
	case node.CodeLimit:
		return http.StatusTooManyRequests
	case node.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case node.CodeGone:
		return http.StatusGone
	case node.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// faultOf finds out what an error means to the client. What is not meant for
// it comes back as a 500 that says nothing, and true.
func (v *visit) faultOf(err error) (f *fault, internal bool) {
	var problem *node.Problem
	var syntax *ivoa.SyntaxError
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &f):
		return f, false
	case errors.As(err, &problem):
		return &fault{status: statusOf(problem.Code), code: string(problem.Code), detail: problem.Detail,
			field: problem.Field, retry: problem.RetryAfter}, false
	case errors.Is(err, ivoa.ErrTooLarge):
		return v.tooLarge(), false
	case errors.As(err, &syntax):
		return &fault{status: http.StatusBadRequest, code: "invalid", detail: syntax.Error(), field: syntax.Path}, false
	case errors.As(err, &routing):
		return routingFault(routing), false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &fault{status: http.StatusServiceUnavailable, code: "unavailable", retry: time.Second,
			detail: "the request ended before there was an answer; the node may be stopping. Try again"}, false
	}
	return &fault{status: http.StatusInternalServerError, code: "internal",
		detail: "something went wrong inside the node; its log says what, under this request's id"}, true
}

// routingFault is for what echo itself refuses.
func routingFault(err *echo.HTTPError) *fault {
	if err.Code == http.StatusMethodNotAllowed {
		return &fault{status: err.Code, code: "method-not-allowed", detail: "this resource has no such method; see the Allow header"}
	}
	return &fault{status: http.StatusNotFound, code: "not-found", detail: "there is no such path; GET / and GET /openapi.yaml list those there are"}
}

// fail answers with a problem, if there is still an answer to give.
func (v *visit) fail(err error) {
	f, internal := v.faultOf(err)
	if internal {
		v.server.log.ErrorContext(v.Request().Context(), "a request failed", "request", v.id, "route", v.Path(), "error", err)
	}
	if v.Response().Committed {
		return
	}
	document := problemDocument{
		Type:      problemPrefix + f.code,
		Title:     http.StatusText(f.status),
		Status:    f.status,
		Detail:    f.detail,
		Instance:  v.Request().URL.EscapedPath(),
		Field:     f.field,
		RequestID: v.id,
		Trace:     v.trace,
		Known:     f.known,
	}
	body, err := json.Marshal(document, written)
	if err != nil {
		body = []byte(`{"title":"Internal Server Error","status":500}`)
	}
	h := v.header()
	if f.retry > 0 {
		h.Set("Retry-After", itoa(int(math.Ceil(f.retry.Seconds()))))
	}
	guard(h)
	_ = v.send(f.status, problemType, body)
}
