package line

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"time"

	"starling/federation/identity"
)

// alive finds out in half a minute that the other end is gone, so that a request
// seldom goes into a connection that leads nowhere.
func alive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}
}

// dialer calls whoever there is; without credentials, nobody beyond loopback.
func (o Options) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: alive()}
	if o.Credentials == nil {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return mustBeLoopback(address) }
	}
	return dialer.DialContext
}

// dial calls a node at an address and greets it. What answers there is that node
// of this federation, or it is an error: a *Refused, if the node has said why.
func (p *Port) dial(ctx context.Context, protocol, node, address string) (net.Conn, error) {
	if !p.begin() {
		return nil, net.ErrClosed
	}
	defer p.work.Done()
	if err := identity.NodeName(node).Validate(); err != nil {
		return nil, err
	}
	own := p.federation()
	if own == "" && protocol == protocolRaft {
		return nil, fmt.Errorf("call %s: %s belongs to no federation yet", node, p.node)
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()

	bare, err := p.dialer(ctx, "tcp", address)
	if err != nil {
		p.metrics.failed(protocol)
		return nil, fmt.Errorf("call %s: %w", node, err)
	}
	if !p.keep(bare) {
		return nil, net.ErrClosed
	}
	edition := 0
	if p.credentials != nil {
		edition = p.credentials.Edition()
	}
	conn, err := p.greet(ctx, bare, hello{protocol, p.node, node, own}, address)
	p.heed(edition, err)
	if err != nil {
		p.drop(bare)
		p.metrics.failed(protocol)
		return nil, err
	}
	return p.newConnection(conn, bare, protocol, Peer{Node: node}, ""), nil
}

// greet says hello and waits for the answer, until the context ends.
func (p *Port) greet(ctx context.Context, bare net.Conn, said hello, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = bare.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := bare
	if p.credentials != nil {
		private := tls.Client(bare, p.credentials.Client(said.to))
		if err := private.HandshakeContext(ctx); err != nil {
			return nil, failedCall(said.to, address, err)
		}
		if _, err := p.prove(bare, private.ConnectionState()); err != nil {
			return nil, refusedHere(said.to, address, err)
		}
		conn = private
	}
	if _, err := conn.Write(said.encode()); err != nil {
		return nil, failedCall(said.to, address, err)
	}
	got, err := readAnswer(conn)
	if err != nil {
		return nil, failedCall(said.to, address, err)
	}
	if got.reason != "" {
		return nil, &Refused{Node: said.to, Address: address, Reason: got.reason, Message: got.message}
	}
	if !stop() { // the deadline is set, or about to be
		return nil, failedCall(said.to, address, ctx.Err())
	}
	return conn, nil
}
