package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"starling/api/internal/relay"
	"starling/node"
)

// The routes to what runs in sessions.
const (
	connectBare     = "/sessions/:uuid/connect/:connector"
	connectInside   = connectBare + "/*"
	linkPath        = "/sessions/:uuid/links/:connector"
	enterPath       = linkPath + "/:secret"
	connectPrefix   = "/connect/"
	connectHeaders  = 5 * time.Minute  // to the beginning of an answer: programs poll, too
	connectIdle     = 15 * time.Minute // notebooks say something twice a minute
	connectDial     = 5 * time.Second  // within the site
	connectMaxBytes = 64 << 10         // of an answer's header
)

// connect leads a request to what runs in a session, under
// /sessions/{uuid}/connect/{name}/.
func (s *Server) connect(v *visit) error {
	if v.peer == "" { // otherwise that node has seen to it
		if err := v.fromOwnPage(); err != nil {
			return err
		}
	}
	target, err := v.findTarget()
	if err != nil {
		return err
	}
	if v.peer == "" && v.showElsewhere(target.Session) {
		return nil
	}
	if err := s.connections.enter(target.User); err != nil {
		return err
	}
	defer s.connections.leave(target.User)
	ctx, done := s.connections.until(v.Request().Context())
	defer done()
	ctx, stop := whileOpen(ctx, target.Done)
	defer stop()

	r := v.Request().WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		body := v.patientBody()
		defer body.end()
		r.Body = struct {
			io.Reader
			io.Closer
		}{body, r.Body}
	}
	release(v.header())
	if v.peer != "" {
		v.restore()
		v.header().Set(programHeader, "1")
	}
	relay.Serve(&relayWriter{patientWriter{visit: v}}, r, v.route(target), relay.Limits{
		Dial: connectDial, Headers: connectHeaders, Idle: connectIdle, HeaderBytes: connectMaxBytes,
	})
	if v.relayed != nil {
		v.header().Del(programHeader)
	}
	return v.relayed
}

// connectFrom leads to the connector's own path, so that relative links work.
func (s *Server) connectFrom(v *visit) error {
	if _, err := v.findTarget(); err != nil {
		return err
	}
	to := v.Request().URL.EscapedPath() + "/"
	if query := v.Request().URL.RawQuery; query != "" {
		to += "?" + query
	}
	v.header().Set("Location", v.absolute(to))
	v.Response().WriteHeader(http.StatusPermanentRedirect)
	return nil
}

// findTarget finds where the connector of a request leads. Where a grant let the
// request in, that is known.
func (v *visit) findTarget() (node.Target, error) {
	if v.target != nil {
		return *v.target, nil
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return node.Target{}, err
	}
	return v.server.Broker.Connect(v.Request().Context(), v.caller, id, v.Param("connector"))
}

// route is the way of a request to its target.
func (v *visit) route(target node.Target) relay.Route {
	shown := v.server.pages.shownAt(v, target.Session)
	base, _ := url.Parse(shown.base) // it has been parsed before
	prefix := strings.TrimRight(base.Path, "/") + "/sessions/" + target.Session.String() + connectPrefix + target.Connector + "/"
	return relay.Route{
		Scheme: target.Scheme, To: target.To, Path: target.Path,
		Origin: base.Scheme + "://" + base.Host, Prefix: prefix, Rest: v.rest(), Client: v.client(),
		PrivateCookie:     isGrantCookie,
		PrivateHeader:     betweenUs,
		KeepAuthorization: v.target != nil && !bearer(v.Request()),
		Policy:            shown.policy,
		Failed:            func(err error) { v.relayed = v.unreachable(err) },
	}
}

// bearer reports whether a request bears a token of the kind that is ours. It
// may be, so a program never sees it.
func bearer(r *http.Request) bool {
	for _, value := range r.Header["Authorization"] {
		scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		if strings.EqualFold(scheme, "Bearer") {
			return true
		}
	}
	return false
}

// rest is the request's path below the connector's, as it was sent.
func (v *visit) rest() string {
	parts := strings.SplitN(v.Request().URL.EscapedPath(), "/", 6) // "", sessions, uuid, connect, name, rest
	if len(parts) < 6 {
		return ""
	}
	return parts[5]
}

// unreachable is what a client hears when a program doesn't answer.
func (v *visit) unreachable(err error) error {
	if v.Request().Context().Err() != nil {
		return err
	}
	v.server.log.InfoContext(v.Request().Context(), "a connector can't be reached", "request", v.id, "error", err)
	return &fault{status: http.StatusBadGateway, code: "unreachable", retry: 2 * time.Second,
		detail: "the program in the session doesn't answer; it may still be starting, or have ended. Try again, and look at the session's stderr"}
}

// relayWriter takes what a program answers.
type relayWriter struct{ patientWriter }

// Unwrap lets net/http flush.
func (w *relayWriter) Unwrap() http.ResponseWriter { return w.Response() }

// Hijack hands the connection over to a WebSocket, and notes that there is no
// other answer to give.
func (w *relayWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := w.Response().Hijack()
	if err == nil {
		w.Response().Committed, w.Response().Status = true, http.StatusSwitchingProtocols
		conn = whole{conn}
	}
	return conn, buffered, err
}

// whole is a connection that ends as a whole: otherwise one whose client has heard the
// program's last word would last as long as the client likes.
type whole struct{ net.Conn }
