package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// What a connection may cost. Long polls, streams and large files move their
// own deadlines; these hold for everything else.
const (
	readHeaderTimeout = 10 * time.Second // a header is one packet, or a few
	readTimeout       = 30 * time.Second // 1 MiB over the slowest line worth serving
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute // longer than the pause between polls
	maxHeaderBytes    = 32 << 10        // tokens are at most 8 KiB
	mostHTTP2Streams  = 100             // requests at once on one connection
)

// Listener serves a Server on one TCP address.
type Listener struct {
	socket net.Listener
	http   *http.Server
	api    *Server
	served chan error
}

// Serve begins to serve on a socket, which is the Listener's now, over TLS (with
// HTTP/2 for who speaks it) if private isn't nil. The caller calls Shutdown.
func Serve(socket net.Listener, s *Server, private *tls.Config) *Listener {
	l := &Listener{
		socket: socket,
		api:    s,
		served: make(chan error, 1),
		http: &http.Server{
			Handler:           s,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: mostHTTP2Streams},
			TLSConfig:         private,
			ConnState:         newSockets(s.Options, s.metrics.refusedSockets).changed,
			ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		if private == nil {
			l.served <- l.http.Serve(socket)
			return
		}
		l.served <- l.http.ServeTLS(socket, "", "")
	}()
	return l
}

// Addr is the address that is bound.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Done gives the error for which serving has ended, once; after a Shutdown it
// is http.ErrServerClosed.
func (l *Listener) Done() <-chan error { return l.served }

// Shutdown ends streams and long polls, takes no new connections, and waits for
// the requests under way until ctx ends; those that are left then are cut off.
// It may be called more than once.
func (l *Listener) Shutdown(ctx context.Context) error {
	l.api.EndStreams()
	err := l.http.Shutdown(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("drain connections: %w", err), l.http.Close())
}
