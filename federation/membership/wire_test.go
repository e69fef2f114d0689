package membership

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newWire(t *testing.T, federation string, encrypted bool) *wire {
	m, err := newMetrics(nil, nil)
	require.NoError(t, err)
	w, err := listen(t.Context(), "127.0.0.1:0", wireOptions{
		dial: patience, federation: func() string { return federation }, encrypted: encrypted, metrics: m,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Shutdown()) })
	return w
}

func TestConnectionsOfOneFederationAloneAreHandedOver(t *testing.T) {
	message := []byte("a message")
	encrypted := append([]byte{encryptedKind, 0, 0, 0, 99, encryptedLayout}, "sealed"...)
	for name, c := range map[string]struct {
		ours  string
		says  []byte
		hears string // the label's federation; "-" for none
		gets  []byte // what is handed over
	}{
		"the same":         {fed, append(labelOf(fed), message...), fed, message},
		"the same, sealed": {fed, append(labelOf(fed), encrypted...), fed, encrypted},
		"another":          {fed, append(labelOf("f-2"), message...), fed, nil},
		"of none":          {fed, labelOf(""), fed, nil},
		"to a newcomer":    {"", append(labelOf(fed), message...), "", nil},
		"two of none":      {"", append(labelOf(""), message...), "", nil},
		"no label":         {fed, message, "-", nil},
		"another protocol": {fed, append([]byte{labelMark, 3}, "foo bar"...), "-", nil},
		"too short":        {fed, append(labelOf(fed), "12345"...), fed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, c.ours, true)
			conn, err := net.Dial("tcp", w.address().String())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = conn.Write(c.says)
			require.NoError(t, err)
			_ = conn.(*net.TCPConn).CloseWrite()
			if c.gets != nil {
				s := <-w.StreamCh()
				got, err := io.ReadAll(s)
				require.NoError(t, err)
				assert.Equal(t, c.gets, got)
				require.NoError(t, s.Close())
			}
			theirs, err := readLabel(conn)
			if c.hears == "-" {
				assert.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.hears, theirs)
			_, err = conn.Read(make([]byte, 1))
			assert.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestPacketsOfOneFederationAloneAreHandedOver(t *testing.T) {
	sealed := append([]byte{encryptedLayout}, make([]byte, encryptedOverhead)...)
	w := newWire(t, fed, true)
	conn, err := net.Dial("udp", w.address().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	send := func(federation string, packet []byte) {
		packet, err := labelled(federation, packet)
		require.NoError(t, err)
		_, err = conn.Write(packet)
		require.NoError(t, err)
	}
	send("f-2", sealed)
	send("", sealed)
	send(fed, sealed[:10])
	send(fed, append([]byte{0}, sealed...))
	_, err = conn.Write(sealed)
	require.NoError(t, err)
	send(fed, append(sealed, "the last"...)) // loopback keeps the order
	packet := <-w.PacketCh()
	assert.Equal(t, append(sealed, "the last"...), packet.Buf)

	newcomer := newWire(t, "", false)
	for _, packet := range [][]byte{labelOf(""), labelOf(fed), nil} {
		_, err := newcomer.mine(packet)
		assert.Error(t, err)
	}
}

func TestAConnectionEndsAfterMoreThanAFederationHasToSay(t *testing.T) {
	a, b := newWire(t, fed, false), newWire(t, fed, false)
	conn, err := a.DialTimeout(b.address().String(), patience)
	require.NoError(t, err)
	go func() {
		chunk := bytes.Repeat([]byte("x"), 1<<16)
		for {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	}()
	s := <-b.StreamCh()
	n, err := io.Copy(io.Discard, s)
	assert.ErrorContains(t, err, "more was sent")
	assert.LessOrEqual(t, n, int64(mostStreamBytes))
	require.NoError(t, s.Close())
}

func TestShutdownClosesWhatIsOpen(t *testing.T) {
	a, b := newWire(t, fed, false), newWire(t, fed, false)
	conn, err := a.DialTimeout(b.address().String(), patience)
	require.NoError(t, err)
	_, err = conn.Write([]byte("a message"))
	require.NoError(t, err)
	s := <-b.StreamCh()
	require.NoError(t, b.Shutdown())
	_, err = io.Copy(io.Discard, s)
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = b.DialTimeout(a.address().String(), patience)
	assert.Error(t, err)
	_, err = conn.Read(make([]byte, 64))
	if err == nil { // its label came before
		_, err = conn.Read(make([]byte, 64))
	}
	assert.Error(t, err)
	assert.NotErrorIs(t, err, errStranger)
}

func TestWhoseAConnectionIsIsCheckedByTheDiallerToo(t *testing.T) {
	a, b := newWire(t, fed, false), newWire(t, "f-2", false)
	conn, err := a.DialAddressTimeout(memberlist.Address{Addr: b.address().String()}, patience)
	require.NoError(t, err)
	_, err = conn.Write(make([]byte, mostStreamBytes/2)) // all is taken, so that the reason is heard
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, ErrFederation)
	assert.ErrorContains(t, err, "f-2")
	require.NoError(t, conn.Close())
}
