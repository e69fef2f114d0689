package membership

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// asking is the name with which an address is dialled only to hear whose it is.
// No node is called so.
const asking = "?"

// A stream is a connection between two nodes. The dialler's side of it checks
// the acceptor's label when it first reads, so that no round trip is lost; the
// acceptor's has been checked before memberlist gets it.
type stream struct {
	net.Conn
	wire  *wire
	from  netip.Addr // of an accepted one
	left  int64      // bytes that may still be read
	label *string    // the federation whose label must come first; nil when it did
	head  []byte     // what was read ahead of memberlist
	once  sync.Once
}

// DialTimeout connects to an address.
func (w *wire) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	return w.DialAddressTimeout(memberlist.Address{Addr: address}, timeout)
}

// DialAddressTimeout connects to a node and says whose this one is.
func (w *wire) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	federation := w.federation()
	if to.Name == asking {
		federation = ""
	}
	dialer := net.Dialer{Timeout: min(timeout, w.dial)}
	conn, err := dialer.DialContext(w.closing, "tcp", to.Addr)
	if err != nil {
		return nil, err
	}
	s, err := w.keep(&stream{Conn: conn, wire: w, left: mostStreamBytes, label: &federation})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	err = s.SetDeadline(time.Now().Add(timeout))
	if err == nil {
		_, err = s.Write(labelOf(federation))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// accept lets connections in, as many as are allowed.
func (w *wire) accept() {
	for {
		conn, err := w.tcp.AcceptTCP()
		if w.closing.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		if err != nil {
			w.pause()
			continue
		}
		from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		s, err := w.keep(&stream{Conn: conn, wire: w, from: from, left: mostStreamBytes})
		if err != nil {
			w.metrics.refuse(err)
			_ = conn.Close()
			continue
		}
		w.wait.Go(func() { w.greet(s) })
	}
}

// greet says whose this node is and hears whose the caller is. One of another
// federation has all that it needs to know then.
func (w *wire) greet(s *stream) {
	ours := w.federation()
	_ = s.SetDeadline(time.Now().Add(labelTimeout))
	theirs, err := readLabel(s)
	if err == nil {
		_, err = s.Write(labelOf(ours))
	}
	if err == nil && (ours == "" || theirs != ours) {
		err = foreign(theirs, ours)
		s.drain()
	}
	if err != nil {
		if theirs != "" || !errors.Is(err, ErrFederation) { // who asks whose this is asks in no federation's name
			w.metrics.refuse(err)
		}
		_ = s.Close()
		return
	}
	if s.peek() != nil {
		w.metrics.refuse(errStranger)
		_ = s.Close()
		return
	}
	_ = s.SetDeadline(time.Time{})
	select {
	case w.streams <- s:
	case <-w.closing.Done():
		_ = s.Close()
	}
}

// drain reads what the caller still sends: closed at once, the connection would
// be reset, and the caller might never read the label.
func (s *stream) drain() {
	if tcp, ok := s.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, s)
}

// keep counts a connection in, if there is room.
func (w *wire) keep(s *stream) (*stream, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing.Err() != nil {
		return nil, net.ErrClosed
	}
	if s.from.IsValid() {
		if w.total >= mostStreams || w.inward[s.from] >= mostStreamsHost {
			return nil, errBusy
		}
		w.total++
		w.inward[s.from]++
	}
	w.open[s] = struct{}{}
	return s, nil
}

var errBusy = errors.New("too many connections")

// Read checks what comes before the first byte, and the size of all.
func (s *stream) Read(b []byte) (int, error) {
	if s.label != nil {
		ours := *s.label
		s.label = nil
		theirs, err := readLabel(s)
		if err != nil {
			return 0, err
		}
		if ours == "" || theirs != ours {
			return 0, foreign(theirs, ours)
		}
		if err := s.peek(); err != nil {
			return 0, err
		}
	}
	if len(s.head) > 0 {
		n := copy(b, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	if s.left <= 0 {
		return 0, errors.New("more was sent than any federation has to say")
	}
	n, err := s.Conn.Read(b[:min(int64(len(b)), s.left)])
	s.left -= int64(n)
	s.wire.metrics.received.stream.Add(float64(n))
	return n, err
}

// peek looks at the first bytes of a message and puts them back. No message is
// shorter: an encrypted one begins with its kind, its length and the layout.
func (s *stream) peek() error {
	head := make([]byte, 6)
	if _, err := io.ReadFull(s, head); err != nil {
		return err
	}
	s.head = head
	if size := binary.BigEndian.Uint32(head[1:]); head[0] == encryptedKind && !sound(head[5], int64(size)) {
		return errStranger
	}
	return nil
}

// memberlist's encryption: its kind of message, the layout that it writes, and
// what that adds (layout, nonce, tag).
const (
	encryptedKind     = 10
	encryptedLayout   = 1
	encryptedOverhead = 1 + 12 + 16
)

// sound reports whether memberlist survives to decrypt something. It takes the
// first byte of a stream's message for granted, and with the older layout any
// padding: whoever has the key could end all nodes with a packet each.
func sound(layout byte, size int64) bool {
	return layout == encryptedLayout && size > encryptedOverhead
}

func (s *stream) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	s.wire.metrics.sent.stream.Add(float64(n))
	return n, err
}

// Close closes the connection and makes room for another.
func (s *stream) Close() error {
	s.once.Do(func() {
		s.wire.mu.Lock()
		defer s.wire.mu.Unlock()
		delete(s.wire.open, s)
		if s.from.IsValid() {
			s.wire.total--
			if s.wire.inward[s.from]--; s.wire.inward[s.from] == 0 {
				delete(s.wire.inward, s.from)
			}
		}
	})
	return s.Conn.Close()
}
