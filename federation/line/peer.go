package line

import (
	"context"
	"crypto"
)

// Peer is who is at the other end of a connection, for certain.
type Peer struct {
	Node string
	// Key is the one that it has proven to have, its certificate's; nil where there
	// is no TLS.
	Key crypto.PublicKey
	// Newcomer: it doesn't belong to the federation yet, and may ask to join.
	Newcomer bool
}

type peerKey struct{}

// WithPeer marks a request as that of another node. Tests of handlers need it.
func WithPeer(ctx context.Context, peer Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, peer)
}

// PeerOf is the name of the node whose request this is; "" if it is nobody's.
func PeerOf(ctx context.Context) string {
	peer, _ := ctx.Value(peerKey{}).(Peer)
	return peer.Node
}

// KeyOf is the key that the node whose request this is has proven to have; nil
// where there is no TLS, or if it is nobody's.
func KeyOf(ctx context.Context) crypto.PublicKey {
	peer, _ := ctx.Value(peerKey{}).(Peer)
	return peer.Key
}

// Newcomer reports whether a request is of a node that doesn't belong to the
// federation yet. Handlers must allow that explicitly. What is nobody's request
// is a newcomer's, too.
func Newcomer(ctx context.Context) bool {
	peer, ok := ctx.Value(peerKey{}).(Peer)
	return !ok || peer.Newcomer
}
