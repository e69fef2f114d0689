package api

import (
	"net/http"
	"strconv"
	"strings"

	"starling/federation/identity"
	"starling/federation/tracing"
)

// traceHeader tells the trace that an answer is part of, for who asks the operator why.
const traceHeader = "Starling-Trace"

// thread takes up the request's thread, or begins one, says which it is, and begins the
// request's span.
func (v *visit) thread() {
	r := v.Request()
	ctx, believed := r.Context(), fromPeer(r) || fromHere(r)
	if routine(v.Path()) {
		ctx = tracing.Receive(ctx, r.Header, believed)
	} else {
		route, method := labels(v)
		ctx, v.span = v.server.Tracer.Serve(ctx, r.Header, believed, method, route)
		v.describe()
	}
	v.SetRequest(r.WithContext(ctx))
	v.trace = tracing.Of(ctx)
	v.header().Set(traceHeader, string(v.trace))
}

// routine reports whether a route is asked again and again, whatever happens: a trace
// of it tells nothing, and in that of an attempt it would hide the rest.
func routine(path string) bool {
	switch path {
	case availabilityPath, healthPath, readyPath, metricsPath:
		return true
	}
	return poll(path)
}

// describe tells the span what the request is about.
func (v *visit) describe() {
	if v.span.ID() == "" {
		return
	}
	v.span.Tell(tracing.Request, v.id)
	key, parameter := tracing.Session, "uuid"
	switch path := v.Path(); {
	case strings.HasPrefix(path, "/sessions/:uuid"):
	case strings.HasPrefix(path, "/history/:ref"):
		key, parameter = tracing.Attempt, "ref"
	default:
		return
	}
	if id, err := identity.ParseUUID(v.Param(parameter)); err == nil { // else it is whatever somebody has written
		v.span.Tell(key, id.String())
	}
}

// endSpan tells the span how the request was answered, and ends it.
func (v *visit) endSpan() {
	if v.span.ID() == "" {
		return
	}
	v.span.Tell(tracing.Peer, string(v.peer))
	status := v.Response().Status
	v.span.Count(tracing.Status, status)
	if status >= http.StatusInternalServerError {
		v.span.Fail(strconv.Itoa(status))
	}
	v.span.End()
}
