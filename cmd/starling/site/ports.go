package site

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"starling/node/config"
)

// Bind binds a port for clients.
func Bind(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return socket, nil
}

// closed closes a socket, which whoever serves it may have done before.
func closed(socket net.Listener) error {
	if err := socket.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// unavailable says of an address that can't be listened on why, and how to choose another.
func unavailable(err error, c config.Config) error {
	var failed *net.OpError
	if !errors.As(err, &failed) || failed.Addr == nil {
		return err
	}
	var why string
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "another program listens on %s"
	case errors.Is(err, syscall.EACCES):
		why = "the system lets this user listen on no port as low as that of %s without CAP_NET_BIND_SERVICE, which the unit in deploy/systemd gives"
	default:
		return err
	}
	for _, own := range []struct{ flag, address string }{
		{"--http", c.HTTP}, {"--gossip", c.Federation.Gossip}, {"--raft", c.Federation.Raft},
	} {
		if resolved, failure := net.ResolveTCPAddr("tcp", own.address); failure == nil && resolved.String() == failed.Addr.String() {
			return fmt.Errorf(why+"; %s chooses another address", own.address, own.flag)
		}
	}
	return err
}
