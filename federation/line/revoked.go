package line

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"starling/federation/certificate"
)

// revoked says that the other end's certificate is good for nothing any more.
type revoked struct{ why string }

func (e *revoked) Error() string { return e.why }

// prove says who is at the other end of a private connection. A node whose
// certificate was revoked is nobody. The connection is remembered by its
// certificate before that is looked up, so that one which is revoked in this very
// moment is found here or by Sever.
func (p *Port) prove(bare net.Conn, state tls.ConnectionState) (Peer, error) {
	name, err := certificate.Peer(state)
	if err != nil {
		return Peer{}, err
	}
	own := state.PeerCertificates[0]
	fingerprint := certificate.Fingerprint(own)
	p.mu.Lock()
	if _, open := p.open[bare]; open {
		p.open[bare] = fingerprint
	}
	p.meet(name, fingerprint)
	p.mu.Unlock()
	if why, is := p.revoked(fingerprint); is {
		return Peer{}, &revoked{why}
	}
	return Peer{Node: name, Key: own.PublicKey}, nil
}

// mostMet bounds the certificates that are remembered of one node: while one is
// exchanged there are two.
const mostMet = 4

// meet remembers which certificates a node has shown. The caller holds p.mu.
func (p *Port) meet(node, fingerprint string) {
	shown := slices.DeleteFunc(p.met[node], func(f string) bool { return f == fingerprint })
	shown = append(shown, fingerprint)
	p.met[node] = shown[max(0, len(shown)-mostMet):]
}

// Certificates are the fingerprints of those that a node has shown here, the newest
// last. They are the CA's own, and the node had their keys.
func (p *Port) Certificates(node string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.met[node])
}

// Meet calls a node, so that it shows its certificate.
func (p *Port) Meet(ctx context.Context, node, address string) {
	if conn, err := p.dial(ctx, protocolHTTP, node, address); err == nil {
		_ = conn.Close()
	}
}

// Sever ends all connections with nodes whose certificates are revoked by now.
func (p *Port) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for bare, fingerprint := range p.open {
		if fingerprint == "" {
			continue // nobody yet: prove will look
		}
		if _, is := p.revoked(fingerprint); is {
			_ = bare.Close() // whoever reads it finds out
		}
	}
}

// Shunned is what another node has answered that refuses this one's certificate as
// revoked; nil if none does, or this one has another certificate by now.
func (p *Port) Shunned() error {
	s := p.shunned.Load()
	if s == nil || p.credentials == nil || s.edition != p.credentials.Edition() {
		return nil
	}
	return s.refusal
}

// shun is a refusal, and the credentials that it was of.
type shun struct {
	refusal *Refused
	edition int
}

// heed remembers a call that was refused for this node's certificate, and that one
// was not.
func (p *Port) heed(edition int, err error) {
	var no *Refused
	switch {
	case err == nil:
		p.shunned.Store(nil)
	case errors.As(err, &no) && no.Reason == ReasonRevoked:
		if p.shunned.Swap(&shun{no, edition}) == nil {
			p.log.Error("other nodes refuse this node: its certificate was revoked", "answer", no.Message, "by", no.Node)
		}
	}
}

func refusedHere(node, address string, err error) error {
	return fmt.Errorf("call %s at %s: this node refuses it: %w", node, address, err)
}
