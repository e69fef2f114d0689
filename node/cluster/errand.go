package cluster

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"time"

	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/federation/membership"
)

// APIPath is the path below which nodes reach each other's API, on behalf of who
// asks them: http://NODE/peer/api/sessions/… by RoundTrip.
const APIPath = "/peer/api"

// RoundTrip sends a request to the node that its URL names as the host, and to no
// other. It implements http.RoundTripper.
func (c *Cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.peers.Transport.RoundTrip(r)
}

// Authorize says in a request to another node on whose behalf it is made. It holds
// for this method and this URL, once, and not for long. The error may be
// delegation.ErrLoop or ErrExpired.
func (c *Cluster) Authorize(_ context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error {
	assertion, err := c.signer.Sign(delegation.Errand{
		Subject: caller.Subject, Via: caller.Via, Method: r.Method, Target: r.URL.RequestURI(),
	}, to)
	if err != nil {
		return err
	}
	r.Header.Set(delegation.Header, assertion)
	return nil
}

// Delegated finds out on whose behalf another node makes a request, and by way of
// which nodes, itself the last. Errors are those of delegation.Verifier.
func (c *Cluster) Delegated(r *http.Request) (identity.Subject, []identity.NodeName, error) {
	from := delegation.Peer{Node: identity.NodeName(line.PeerOf(r.Context())), Key: line.KeyOf(r.Context())}
	if c.credentials == nil {
		from.Key = c.gossipedKey(r.Context(), string(from.Node))
	}
	return c.verifier.Verify(r.Header.Get(delegation.Header), from, r.Method, r.RequestURI)
}

// Owner is the node that answers for what bears its tag, if it is one of the
// federation's.
func (c *Cluster) Owner(tag identity.Tag) (node identity.NodeName, known bool) {
	for _, m := range c.gossip.Load().Members() {
		if name := identity.NodeName(m.Name); m.State != membership.Left && name.Tag() == tag {
			return name, true
		}
	}
	for _, s := range c.log.Servers() {
		if name := identity.NodeName(s.Node); name.Tag() == tag {
			return name, true
		}
	}
	return "", false
}

// delegate makes what signs for this node, and what believes others. They sign with
// the keys of their certificates, or in development with those that they gossip.
func (c *Cluster) delegate(o Options) {
	c.verifier = delegation.NewVerifier(o.Name, c.Federation, o.Now)
	c.signer = &delegation.Signer{Node: o.Name, Federation: c.Federation, Now: o.Now, Key: func() crypto.Signer { return o.Key }}
	if c.credentials != nil {
		c.signer.Key = c.credentials.Key
	} else if o.Key != nil {
		public, _ := o.Key.Public().(ed25519.PublicKey)
		c.public = base64.RawStdEncoding.EncodeToString(public)
	}
}

// keyPatience is how long a node that has just come may take to be heard.
const keyPatience = 3 * time.Second

// gossipedKey is that of another node; nil if it says none. One that has come to this
// node before its word has is waited for.
func (c *Cluster) gossipedKey(ctx context.Context, node string) crypto.PublicKey {
	ctx, cancel := context.WithTimeout(ctx, keyPatience)
	defer cancel()
	for {
		changed := c.gossip.Load().Changed()
		if key, said := c.saidKey(node); said {
			return key
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// saidKey is the key that a node says is its own, and whether it has said anything.
func (c *Cluster) saidKey(node string) (key crypto.PublicKey, said bool) {
	for _, m := range c.gossip.Load().Members() {
		if m.Name != node {
			continue
		}
		note, said := readNote(m.Note)
		if public, err := base64.RawStdEncoding.DecodeString(note.Public); err == nil && len(public) == ed25519.PublicKeySize {
			return ed25519.PublicKey(public), true
		}
		return nil, said
	}
	return nil, false
}
