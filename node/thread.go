package node

import (
	"cmp"
	"context"

	"starling/federation/tracing"
	"starling/node/store"
)

// threadOf leads on from the request that accepted a session, or else from the one that
// asked for it, where the broker does something for it by itself.
func threadOf(s *store.Session) context.Context {
	return tracing.Resume(context.Background(), cmp.Or(s.Accepted, s.Asked))
}
