package line

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// What a request of another node may cost. Handlers that stream, or wait long,
// move their own deadlines; what a body may hold is theirs to bound, too.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second  // a MiB over the slowest line worth having
	writeTimeout      = 120 * time.Second // beyond what an answer may be waited for
	idleTimeout       = 2 * time.Minute   // longer than clients keep theirs
	maxHeaderBytes    = 48 << 10          // a client's, and what a node adds
)

// web serves the requests of other nodes.
type web struct {
	*queue
	server  *http.Server
	handler atomic.Pointer[http.Handler]
	port    *Port
}

func newWeb(p *Port) *web {
	w := &web{queue: newQueue(p.address), port: p}
	w.server = &http.Server{
		Handler:           http.HandlerFunc(w.handle),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelWarn), // members only get here
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return WithPeer(ctx, conn.(*connection).peer)
		},
	}
	return w
}

// Serve answers the requests of other nodes from now on; until then they are told
// that this one is starting. PeerOf tells a handler who asks. Newcomer tells
// whether it may only ask to join: the handler must refuse it all else.
func (p *Port) Serve(h http.Handler) { p.web.handler.Store(&h) }

func (w *web) ready() bool { return w.handler.Load() != nil && !w.ended() }

func (w *web) handle(answer http.ResponseWriter, request *http.Request) {
	if !w.port.begin() {
		return
	}
	defer w.port.work.Done()
	if Newcomer(request.Context()) {
		answer.Header().Set("Connection", "close") // the next one may come from a member
	}
	(*w.handler.Load()).ServeHTTP(answer, request)
}

// serve lasts until close.
func (w *web) serve() {
	if err := w.server.Serve(w.queue); err != http.ErrServerClosed && !w.ended() {
		w.port.log.Error("requests of other nodes are no longer served", "error", err)
	}
}

// close ends all requests. The port waits for their handlers.
func (w *web) close() {
	_ = w.queue.Close()
	_ = w.server.Close()
}
