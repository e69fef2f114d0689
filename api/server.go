package api

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/labstack/echo/v4"

	"starling/federation/line"
)

// Server answers HTTP requests on behalf of one broker. It owns no port and
// starts nothing: see Listener and Local.
type Server struct {
	Options
	echo    *echo.Echo
	log     *slog.Logger
	metrics *metrics
	origins *http.CrossOriginProtection
	streams *streams
	// connections are the requests that are being led to sessions' programs.
	connections *streams
	// passages are the requests that are being passed on to other nodes.
	passages *streams
	// lasting are those of them that may last, by node: the line carries so many.
	lasting *streams
	// entrances are the grants that were good at other nodes.
	entrances *lru.Cache[entrance, struct{}]
	board     nodeBoard
	pages     pages
	throttle  throttle
	ids       *requestIDs
	buffers   buffers
	pieces    pieces
	vosi      vosi
	private   bool // clients reach the node over TLS
}

// New returns a server that is ready to handle requests.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Server{
		Options: o,
		log:     o.Logger,
		origins: http.NewCrossOriginProtection(),
		streams: newStreams(o.Limits.Streams, o.Limits.StreamsPerUser, mostOfUser),
		ids:     newRequestIDs(),
		vosi:    vosi{since: o.Now()},

		connections: newStreams(o.Limits.Connections, o.Limits.ConnectionsPerUser, mostOfUser),
		passages:    newStreams(o.Limits.Passages, o.Limits.PassagesPerUser, mostOfUser),
		lasting:     newStreams(o.Limits.Passages, line.MostLasting, mostToNode),
		pages:       pages{trusted: o.TrustPages},
		throttle:    newThrottle(o.Limits.Rates),
	}
	s.entrances, _ = lru.New[entrance, struct{}](mostEntrances) // whose only error is a size below 1
	var err error
	if s.metrics, err = newMetrics(o.Registerer, s.streams); err != nil {
		return nil, fmt.Errorf("register the metrics of the API: %w", err)
	}
	if err := s.measure(o.Registerer); err != nil {
		return nil, fmt.Errorf("register the metrics of the API: %w", err)
	}
	base, _ := url.Parse(o.BaseURL) // complete has parsed it
	s.private = base.Scheme == "https"
	if err := s.origins.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, fmt.Errorf("api: base URL %q: %w", o.BaseURL, err)
	}
	if o.PagesURL != "" {
		s.pages.own, _ = url.Parse(o.PagesURL)
	}
	s.echo = s.newEcho()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// EndStreams ends everything that would keep a connection busy for long: event
// streams, followed outputs, long polls and connections to what runs in
// sessions, here or at another node, those to come included. A server
// that is shutting down calls it first. It may be called more than once.
func (s *Server) EndStreams() {
	s.streams.end()
	s.connections.end()
	s.passages.end()
}

func (s *Server) newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // it has nothing to say that receive does not
	e.IPExtractor = clientAddress(s.TrustedProxies)
	e.Use(s.receive)
	for _, r := range s.routes() {
		e.Add(r.method, r.path, adapt(r.handle))
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, adapt(r.handle))
		}
	}
	return e
}

// handler is a handler of this package: it answers, or returns why it can't.
type handler func(*visit) error

func adapt(h handler) echo.HandlerFunc {
	return func(c echo.Context) error { return h(c.(*visit)) }
}
