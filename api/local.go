package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"starling/federation/identity"
)

// localCaller is the context key of the caller of a local request. It is this
// package's own, so that nothing that comes over the network can set it.
type localCaller struct{}

// fromHere reports whether a request comes from this program itself.
func fromHere(r *http.Request) bool { return r.Context().Value(localCaller{}) != nil }

// Local returns a way into the server that needs no port and no token: for the
// executors that run inside the node, and for tests. Requests go straight to
// the handlers, with the host of their URL ignored, on behalf of the caller,
// which alone may have the role of a built-in executor. Answers come whole: it
// is not for event streams.
func (s *Server) Local(caller identity.Caller) http.RoundTripper {
	return &localTransport{server: s, caller: caller}
}

type localTransport struct {
	server *Server
	caller identity.Caller
}

// RoundTrip implements http.RoundTripper. The handler runs in the caller's
// goroutine; it ends soon after the request's context does, as every call into
// the broker takes it.
func (t *localTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	inside := r.WithContext(context.WithValue(ctx, localCaller{}, t.caller))
	if inside.Body == nil {
		inside.Body = http.NoBody
	}
	answer := &localAnswer{header: make(http.Header, 8)}
	if err := t.serve(answer, inside); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return answer.response(r), nil
}

// errAborted is what a client sees of a handler that broke off.
var errAborted = errors.New("the answer was cut short")

func (t *localTransport) serve(answer *localAnswer, r *http.Request) (err error) {
	defer func() {
		if recover() != nil { // the server has logged what it was
			err = errAborted
		}
	}()
	t.server.ServeHTTP(answer, r)
	return nil
}

// localAnswer gathers an answer in memory.
type localAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *localAnswer) Header() http.Header { return a.header }

func (a *localAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *localAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// Flush implements http.Flusher; there is nothing to flush to.
func (a *localAnswer) Flush() {}

func (a *localAnswer) response(to *http.Request) *http.Response {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: to,
	}
}
