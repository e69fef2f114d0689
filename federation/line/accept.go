package line

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// mostFromNode bounds the connections that one node may have made to this one. A
// client makes mostBrief and MostLasting at most.
const mostFromNode = 256

var errCrowd = errors.New("too many connections of this address wait to be greeted")

// accept takes connections until the port is closed.
func (p *Port) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, say: it may pass
			p.log.Warn("can't take connections of other nodes; trying again", "error", err)
			select {
			case <-p.ctx.Done():
				return
			case <-time.After(time.Second):
			}
			continue
		}
		if !p.keep(conn) {
			return
		}
		leave, ok := p.gate.enter(conn)
		if !ok {
			p.stranger(conn, ReasonCrowd, errCrowd)
			p.drop(conn)
			continue
		}
		p.work.Go(func() {
			defer leave()
			p.receive(conn, leave)
		})
	}
}

// receive greets one connection, and hands it to whom it is for.
func (p *Port) receive(bare net.Conn, greeted func()) {
	_ = bare.SetDeadline(time.Now().Add(p.patience))
	conn, proven, err := p.shake(bare)
	if err != nil {
		reason := whyNot(err, ReasonCertificate)
		if reason == ReasonRevoked { // the one stranger who should know why
			_, _ = conn.Write(answer{reason, err.Error()}.encode())
		}
		p.stranger(bare, reason, err)
		linger(bare)
		p.drop(bare)
		return
	}
	said, err := readHello(conn)
	if err != nil {
		reason := whyNot(err, ReasonGarbage)
		if reason == ReasonVersion {
			_, _ = conn.Write(answer{reason, err.Error()}.encode())
		}
		p.stranger(bare, reason, err)
		linger(bare)
		p.drop(bare)
		return
	}
	taken, no := p.admit(bare, conn, said, proven)
	if no.reason != "" {
		_, _ = conn.Write(no.encode())
		p.stranger(bare, no.reason, fmt.Errorf("node %s, for %s: %s", said.from, said.protocol, no.message))
		p.drop(bare)
		return
	}
	if _, err := conn.Write(answer{}.encode()); err != nil {
		_ = taken.Close()
		return
	}
	_ = bare.SetDeadline(time.Time{})
	greeted()
	ctx, cancel := context.WithTimeout(p.ctx, p.patience)
	defer cancel()
	if err := p.queueOf(said.protocol).hand(ctx, taken); err != nil {
		_ = taken.Close()
		if p.closing() {
			return
		}
		p.log.Warn("nobody takes a node's connection", "node", said.from, "protocol", said.protocol, "error", err)
	}
}

// shake makes the connection a private one, and says whose it is, and by what key;
// nobody's, if anybody could say so.
func (p *Port) shake(bare net.Conn) (conn net.Conn, proven Peer, err error) {
	if p.credentials == nil {
		return bare, Peer{}, nil
	}
	private := tls.Server(bare, p.credentials.Server())
	if err := private.HandshakeContext(p.ctx); err != nil {
		return nil, Peer{}, err
	}
	proven, err = p.prove(bare, private.ConnectionState())
	return private, proven, err
}

// admit decides whether a caller is taken. The order matters: who it is comes
// before all that it could learn.
func (p *Port) admit(bare, conn net.Conn, said hello, proven Peer) (*connection, answer) {
	if proven.Node != "" && said.from != proven.Node {
		return nil, answer{ReasonName, fmt.Sprintf("the caller says that it is %s, its certificate is for %s", said.from, proven.Node)}
	}
	if said.to != p.node {
		return nil, answer{ReasonWanted, fmt.Sprintf("this is %s, %s was wanted", p.node, said.to)}
	}
	own := p.federation()
	no := p.belongs(said, own)
	if no.reason != "" {
		return nil, no
	}
	if said.protocol == protocolHTTP && !p.web.ready() || said.protocol == protocolRaft && p.stream.ended() {
		return nil, answer{ReasonBusy, fmt.Sprintf("%s is starting or stopping, and takes no %s connection", p.node, said.protocol)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.callers[said.from] >= mostFromNode {
		return nil, answer{ReasonBusy, fmt.Sprintf("%s has %d connections to %s already", said.from, mostFromNode, p.node)}
	}
	p.callers[said.from]++
	c := p.newConnection(conn, bare, said.protocol, Peer{Node: said.from, Key: proven.Key, Newcomer: said.federation == ""}, said.from)
	if own == "" {
		c.promised = said.federation
	}
	return c, answer{}
}

// belongs checks the federations of both ends. DESIGN.md tells why so.
func (p *Port) belongs(said hello, own string) answer {
	switch {
	case own == said.federation && own != "":
		return answer{}
	case own == "" && said.federation == "":
		return answer{ReasonFederation, fmt.Sprintf("%s belongs to no federation yet, and neither does %s", p.node, said.from)}
	case own == "" && said.protocol == protocolHTTP:
		return answer{ReasonFederation, p.node + " belongs to no federation yet"}
	case own == "":
		return p.promise(said.federation)
	case said.federation == "" && said.protocol == protocolHTTP:
		return answer{} // a newcomer, and marked as one
	case said.federation == "":
		return answer{ReasonFederation, fmt.Sprintf("%s belongs to no federation yet, and must join first", said.from)}
	}
	return answer{ReasonFederation, fmt.Sprintf("it belongs to federation %s, %s to %s", own, said.from, said.federation)}
}

func (p *Port) queueOf(protocol string) *queue {
	if protocol == protocolRaft {
		return p.stream.queue
	}
	return p.web.queue
}

// linger lets the other side read why it was refused, before what it has sent and
// nobody reads makes the system reset the connection.
func linger(conn net.Conn) {
	half, ok := conn.(*net.TCPConn)
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.CopyN(io.Discard, conn, 16<<10)
}
