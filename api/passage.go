package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"starling/api/internal/relay"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/federation/tracing"
)

// A request for what another node owns is passed on to it, on behalf of the caller,
// and its answer back, as both come: events, ranges, files and long polls as
// anything else.

const (
	// peerPath is where nodes have each other's API (node/cluster).
	peerPath = "/peer/api"
	// ownerPatience is how long the owner may take to begin its answer, beyond the
	// wait that a request asks for, while nothing of a body moves.
	ownerPatience = 30 * time.Second
	viaHeader     = "Via"
)

// passedOn are the headers of a request that its owner gets. All others are between
// the client and this node: its token, its cookies, whatever proxies said.
var passedOn = []string{
	"Accept", "Content-Type", "Content-Encoding", "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
	"Last-Event-Id", "Idempotency-Key", proposalHeader,
}

// ownerOf is the node to which a request must be passed on; "" if there is none:
// it is for any node, or for this one, or for what nobody owns.
func (s *Server) ownerOf(v *visit) identity.NodeName {
	parameter := ownedParameter(v.Request().Method, v.Path())
	if parameter == "" || s.Peers == nil {
		return ""
	}
	id, err := identity.ParseUUID(v.Param(parameter))
	if err != nil || id.Owner() == s.Node.Tag() {
		return ""
	}
	owner, known := s.Peers.Owner(id.Owner())
	if !known || owner == s.Node {
		return ""
	}
	return owner
}

// pass leads a request to the node that owns what it is about.
func (s *Server) pass(v *visit) error {
	p := &passage{visit: v, form: formOf(v.Path())}
	if p.form == asProgram {
		if done, err := p.toProgram(); done || err != nil {
			return err
		}
	}
	leave, err := s.letPass(p)
	if err != nil {
		return err
	}
	defer leave()
	p.begin()
	defer p.end()
	r := v.Request().WithContext(p.ctx)
	if r.Body != nil && r.Body != http.NoBody {
		body := v.patientBody()
		defer body.end()
		r.Body = struct {
			io.Reader
			io.Closer
		}{movingReader{body, p}, r.Body}
	}
	_ = v.control().SetWriteDeadline(time.Now().Add(p.patience + streamGrace))
	proxy := httputil.ReverseProxy{
		Rewrite:        p.onward,
		Transport:      p,
		ModifyResponse: p.homeward,
		FlushInterval:  -1, // at once: who streams wants it seen
		BufferPool:     &s.pieces,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { p.failed = err },
	}
	proxy.ServeHTTP(&relayWriter{patientWriter{visit: v}}, r)
	if p.failed == nil {
		return nil
	}
	if err = p.explain(p.failed); s.explainAlone(v, err) {
		return nil
	}
	return err
}

// letPass takes a place for a passage, or says why there is none.
func (s *Server) letPass(p *passage) (leave func(), err error) {
	asker, owner := p.asker(), string(p.owner)
	if err := s.passages.enter(asker); err != nil {
		return nil, err
	}
	if !p.lasts() {
		return func() { s.passages.leave(asker) }, nil
	}
	if err := s.lasting.enter(owner); err != nil {
		s.passages.leave(asker)
		return nil, err
	}
	return func() { s.lasting.leave(owner); s.passages.leave(asker) }, nil
}

// A form is how the answer to a request is passed on.
type form int

const (
	asDocument form = iota
	asStream        // as it comes, of whatever length
	asProgram       // what runs in a session answers, and may take the connection over
	asEntry         // a browser is let in
)

func formOf(path string) form {
	switch path {
	case connectInside:
		return asProgram
	case enterPath:
		return asEntry
	case "/sessions/:uuid/events", "/sessions/:uuid/stdout", "/sessions/:uuid/stderr", "/sessions/:uuid/files/*":
		return asStream
	}
	return asDocument
}

// lasts reports whether a passage may take long.
func (p *passage) lasts() bool {
	return p.form == asProgram || p.form == asStream || p.Path() == "/history/:ref/files/*" || p.QueryParam("wait") != ""
}

// passage is one request on its way to its owner.
type passage struct {
	*visit
	form     form
	shown    shown       // to the browser, where a program answers
	route    relay.Route // likewise
	ctx      context.Context
	patience time.Duration
	slow     *time.Timer // ends ctx when the owner takes too long
	begun    atomic.Bool // its answer has
	end      func()
	span     tracing.Span // of the way there and back
	failed   error
	left     int // how many fields of its answer lead elsewhere
}

var errSlow = errors.New("there is no answer")

// begin gives a passage its time. The caller ends it.
func (p *passage) begin() {
	s := p.server
	p.patience = s.ownerPatience
	if wait, err := time.ParseDuration(p.QueryParam("wait")); err == nil {
		p.patience += min(max(wait, 0), s.Limits.Wait)
	}
	if p.form == asProgram {
		p.patience += connectHeaders // for which the owner waits
	}
	ctx, done := p.Request().Context(), func() {}
	if safe(p.Request().Method) || poll(p.Path()) || p.form == asProgram { // others end by themselves, and soon
		ctx, done = s.passages.until(ctx)
	}
	if p.lasts() {
		ctx = line.Lasting(ctx)
	}
	route, method := labels(p.visit)
	ctx, p.span = tracing.Call(ctx, method, route, string(p.owner))
	ctx, cancel := context.WithCancelCause(ctx)
	p.ctx, p.slow = ctx, time.AfterFunc(p.patience, func() { cancel(errSlow) })
	p.end = func() { p.slow.Stop(); cancel(nil); done(); p.span.FailWith(p.failed); p.span.End() }
}

// movingReader puts the end of patience off while a body moves.
type movingReader struct {
	body *patientReader
	on   *passage
}

func (r movingReader) Read(b []byte) (int, error) {
	n, err := r.body.Read(b)
	if n > 0 && !r.on.begun.Load() && r.on.slow.Stop() {
		r.on.slow.Reset(r.on.patience)
		if r.on.begun.Load() { // meanwhile
			r.on.slow.Stop()
		}
	}
	return n, err
}

// onward makes the request that the owner gets.
func (p *passage) onward(to *httputil.ProxyRequest) {
	in, out := to.In, to.Out
	out.URL = &url.URL{Scheme: "http", Host: string(p.owner), Path: peerPath + in.URL.Path, RawQuery: in.URL.RawQuery}
	if in.URL.RawPath != "" {
		out.URL.RawPath = peerPath + in.URL.RawPath
	}
	out.Host = ""
	base := p.base
	if p.form == asProgram {
		out.Header, base = p.programHeaders(to), p.shown.base
	} else {
		out.Header = http.Header{}
		for _, name := range passedOn {
			if values := in.Header[name]; len(values) > 0 {
				out.Header[name] = values
			}
		}
	}
	out.Header.Set(baseHeader, base)
	out.Header.Set("X-Request-Id", p.id)
	tracing.Send(in.Context(), out.Header)
	out.Header.Set(viaHeader, via(append(slices.Clone(p.caller.Via), p.server.Node)))
	if p.private() {
		out.Header.Set(privateHeader, "1")
	}
	if len(p.grants) > 0 {
		out.Header.Set(grantHeader, strings.Join(p.grants, ","))
	}
}

// via writes the names of nodes as RFC 9110 section 7.6.3 has it.
func via(nodes []identity.NodeName) string {
	var b strings.Builder
	for i, name := range nodes {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("1.1 " + string(name))
	}
	return b.String()
}

// RoundTrip says on whose behalf the request is, and sends it. What the owner says
// before its answer stays here: the proxy's trace, which would pass it on, and clear
// this node's own headers for that, is in the request's context and not in ours.
func (p *passage) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(p.ctx)
	if p.caller.User == "" { // a browser, which shows a link or grants
		return p.server.Peers.RoundTrip(r)
	}
	if err := p.server.Authorizer.Authorize(r.Context(), r, p.caller, p.owner); err != nil {
		return nil, unauthorized{err}
	}
	return p.server.Peers.RoundTrip(r)
}

// unauthorized is that a request could not be made on the caller's behalf.
type unauthorized struct{ error }

func (u unauthorized) Unwrap() error { return u.error }
