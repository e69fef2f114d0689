package api

import (
	"context"
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
)

// Listener serves a Server on one TCP address.
type Listener struct {
	socket net.Listener
	http   *http.Server
	api    *Server
	served chan error
}

// Listen binds an address ("127.0.0.1:7733"; port 0 takes a free one) and
// begins to serve. The caller calls Shutdown.
func Listen(ctx context.Context, address string, s *Server) (*Listener, error) {
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
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
			ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		},
	}
	go func() { l.served <- l.http.Serve(socket) }()
	return l, nil
}

// Addr is the address that is really bound.
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
