// Package localhost leads names below .localhost to this machine, as RFC 6761 has it
// and browsers do: few resolvers know. With it several nodes of one machine can have
// names of their own, as https://uksrc.localhost:7711, which mean the same in a browser
// and here.
package localhost

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// Dial is how connections are made.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// lookup bounds how long a resolver is asked for a name that it should not be asked for.
const lookup = 2 * time.Second

// Aware makes connections as the dialer does, but those to names below .localhost to
// this machine. Among containers such a name may be another one's: where nobody listens
// here, the resolver is asked after all.
func Aware(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || !below(host) {
			return dial(ctx, network, address)
		}
		var refused error
		for _, own := range []string{"127.0.0.1", "::1"} {
			conn, err := dial(ctx, network, net.JoinHostPort(own, port))
			if err == nil {
				return conn, nil
			}
			refused = errors.Join(refused, err)
		}
		found, cancel := context.WithTimeout(ctx, lookup)
		defer cancel()
		addresses, err := net.DefaultResolver.LookupHost(found, host)
		if err != nil {
			return nil, refused
		}
		for _, other := range addresses {
			conn, err := dial(ctx, network, net.JoinHostPort(other, port))
			if err == nil {
				return conn, nil
			}
			refused = err
		}
		return nil, refused
	}
}

func below(host string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".localhost")
}
