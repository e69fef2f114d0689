package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node"
)

// visit is one request on its way through the server: echo's context, and what
// the stations have found out.
type visit struct {
	echo.Context
	server *Server
	id     string // of the request
	trace  identity.Trace
	span   tracing.Span
	began  time.Time
	caller identity.Caller
	local  bool              // it came through Server.Local
	peer   identity.NodeName // that asks on the caller's behalf; "": none
	owner  identity.NodeName // to which the request is passed on; "": it is answered here
	base   string            // that URLs in the answer begin with
	// grants are what a browser has shown for a connector of another node's session;
	// entered, that one of them was good there before.
	grants  []string
	entered bool
	// throttled is set if its sender asks too often.
	throttled bool
	// target is where the request's grant leads, and relayed what went wrong
	// on the way there.
	target  *node.Target
	relayed error
}

// header is the header of the answer.
func (v *visit) header() http.Header { return v.Response().Header() }

// control reaches the connection: deadlines, flushing.
func (v *visit) control() *http.ResponseController {
	return http.NewResponseController(v.Response())
}

// send writes a whole answer. The body goes out in one piece, with its length.
func (v *visit) send(status int, contentType string, body []byte) error {
	h := v.header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", itoa(len(body)))
	v.Response().WriteHeader(status)
	if v.Request().Method == http.MethodHead {
		return nil
	}
	// A client that has gone away is no error of ours.
	_, _ = v.Response().Write(body)
	return nil
}
