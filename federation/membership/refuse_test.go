package membership

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

// These two names have the same first 48 bits of SHA-256; a search over 2^26
// names found eight such pairs.
const twin, otherTwin = "site-957zs", "site-lb766"

func TestWhoMayNotJoinIsToldWhy(t *testing.T) {
	assert.Equal(t, identity.NodeName(twin).Tag(), identity.NodeName(otherTwin).Tag())
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	o := w.options("a")
	o.Registerer = registry
	a := w.start(o)
	w.start(w.newcomer("b", a))
	w.start(w.newcomer(twin, a))
	w.sees(a, "b", Alive)
	w.sees(a, twin, Alive)
	foreign := w.options("z")
	foreign.Self.Federation = "f-2"
	z := w.start(foreign)

	for name, c := range map[string]struct {
		who    string
		change func(*Options)
		kind   error
		says   []string
	}{
		"another federation": {"c", func(o *Options) { o.Self.Federation = "f-3" }, ErrFederation, []string{a.Addr(), fed, "f-3", "empty data directory"}},
		"two federations":    {"c", func(o *Options) { o.Join = append(o.Join, z.Addr()) }, ErrFederation, []string{a.Addr(), z.Addr(), fed, "f-2"}},
		"a taken name":       {"b", func(o *Options) { o.Self.Server = "b-2" }, ErrName, []string{"the name b", "b-1", find(a, "b").Gossip, "another name"}},
		"a colliding name":   {otherTwin, func(*Options) {}, ErrCollision, []string{twin, otherTwin, "another name"}},
		"another key":        {"c", func(o *Options) { o.Keys = [][]byte{bytes.Repeat([]byte{9}, 32)} }, ErrKeys, []string{a.Addr(), "starling keygen gossip"}},
		"no key":             {"c", func(o *Options) { o.Keys = nil }, ErrKeys, []string{a.Addr(), "starling keygen gossip"}},
		"nobody there":       {"c", func(o *Options) { o.Join = []string{"127.0.0.1:1", "127.0.0.2:1"} }, ErrUnreachable, []string{"127.0.0.1:1: ", "127.0.0.2:1: ", "refused"}},
		"no address":         {"c", func(o *Options) { o.Join = []string{"127.0.0.1"} }, ErrUnreachable, []string{"HOST:PORT"}},
		"nobody to join":     {"c", func(o *Options) { o.Join = nil }, nil, []string{"--join", "--bootstrap"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := a.Members()
			o := w.newcomer(c.who, a)
			o.File = t.TempDir() + "/peers"
			o.Profile.Patience = 300 * time.Millisecond
			c.change(&o)
			m, err := w.tryStart(o)
			if m != nil {
				_ = m.Close()
			}
			require.Error(t, err)
			t.Log(err)
			if c.kind != nil {
				assert.ErrorIs(t, err, c.kind)
			}
			for _, text := range c.says {
				assert.ErrorContains(t, err, text)
			}
			assert.NoFileExists(t, o.File)
			for i, m := range a.Members() { // nothing changed
				assert.Equal(t, before[i].Self, m.Self)
				assert.Equal(t, before[i].Gossip, m.Gossip)
			}
		})
	}
	assert.Len(t, a.Members(), 3)
	for _, reason := range []string{"name", "collision", "keys"} {
		assert.Positive(t, refusals(t, registry, reason), reason)
	}
}

// An older node of the federation stays when it can't be reached by an intruder;
// one that belongs to it, and has the wrong keys, works alone (promise 6).
func TestPromise6ANodeWithTheWrongKeyWorksAlone(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	require.NoError(t, all[1].Close())
	o := w.newcomer("n1", all[0])
	o.Keys = [][]byte{bytes.Repeat([]byte{9}, 32)}
	m := w.start(o)
	assert.Equal(t, fed, m.Federation())
	require.NoError(t, m.Close())
	o.Keys = [][]byte{key}
	w.together(all[0], w.start(o))
}

func TestNewcomersDontMakeAFederationOfThemselves(t *testing.T) {
	w := newWorld(t)
	address := free(t)
	o := w.newcomer("a")
	o.Listen, o.Join, o.Profile.Patience = address, []string{address}, 300*time.Millisecond
	_, err := w.tryStart(o)
	assert.ErrorIs(t, err, ErrUnreachable)
	assert.ErrorContains(t, err, "this node's own")

	o = w.newcomer("b") // it waits for nobody
	o.Listen, o.Join, o.Profile.Patience = address, []string{"127.0.0.1:1"}, patience
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := Start(ctx, o)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		o := w.newcomer("a")
		o.Join, o.Profile.Patience = []string{address}, time.Millisecond
		_, err := w.tryStart(o)
		return err != nil && strings.Contains(err.Error(), "belongs to no federation yet")
	}, patience, 10*time.Millisecond)
	cancel()
	assert.ErrorIs(t, <-ended, ErrUnreachable)
}

// free is an address at which nobody listens.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestANameMayBeAdvertised(t *testing.T) {
	w := newWorld(t)
	address := free(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	o := w.options("a")
	o.Listen, o.Advertise = address, "localhost:"+port
	a := w.start(o)
	b := w.start(w.newcomer("b", a))
	w.together(a, b)
	assert.Equal(t, "localhost:"+port, find(b, "a").Gossip)
	require.NoError(t, a.Close())
	w.sees(b, "a", Dead)
	a = w.start(o) // who doesn't know whom to ask is found by that name
	w.together(a, b)

	t.Run("and what it meant before counts where it can't be looked up", func(t *testing.T) {
		require.NoError(t, a.Close())
		o.Advertise = "no-such-host.invalid:" + port
		a = w.start(o)
		assert.Equal(t, address, a.Addr())
		w.together(a, b)
		o.File, o.Listen = "", "127.0.0.1:0"
		_, err := w.tryStart(o)
		assert.ErrorContains(t, err, "to advertise")
	})
}

// memberlist would panic at these: whoever has the key could end all nodes.
func TestEncryptedMessagesThatEndMemberlistAreRefused(t *testing.T) {
	w := newWorld(t)
	a := w.start(w.options("a"))
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	seal := func(layout byte, plain, authentic []byte) []byte {
		message := append([]byte{layout}, make([]byte, gcm.NonceSize())...)
		return gcm.Seal(message, message[1:], plain, authentic)
	}
	padding := bytes.Repeat([]byte{255}, 16) // more of it than there is
	for name, c := range map[string]struct {
		layout byte
		plain  []byte
	}{"nothing": {1, nil}, "too much padding": {0, padding}} {
		t.Run(name, func(t *testing.T) {
			head := binary.BigEndian.AppendUint32([]byte{encryptedKind}, uint32(len(seal(c.layout, c.plain, nil))))
			conn, err := net.Dial("tcp", a.Addr())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_, err = conn.Write(slices.Concat(labelOf(fed), head, seal(c.layout, c.plain, head)))
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
			_, err = io.Copy(io.Discard, conn)
			assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is closed")

			udp, err := net.Dial("udp", a.Addr())
			require.NoError(t, err)
			defer func() { _ = udp.Close() }()
			packet, err := labelled(fed, seal(c.layout, c.plain, nil))
			require.NoError(t, err)
			_, err = udp.Write(packet)
			require.NoError(t, err)
		})
	}
	w.together(a, w.start(w.newcomer("b", a)))
}

// A newcomer waits for those it is to join, which may be starting, too.
func TestANewcomerWaitsForThoseItIsToJoin(t *testing.T) {
	w := newWorld(t)
	address := free(t)
	o := w.newcomer("b")
	o.Join, o.Profile.Patience = []string{address}, patience
	started := make(chan *Membership)
	go func() {
		m, err := w.tryStart(o)
		assert.NoError(t, err)
		started <- m
	}()
	first := w.options("a")
	first.Listen = address
	a := w.start(first)
	w.together(a, <-started)
}

// A name is free again when whoever had it is dead; and a node that lost its
// data comes back under its name as another server.
func TestTheNameOfADeadNodeIsFree(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	require.NoError(t, all[1].Close())
	w.sees(all[0], "n1", Dead)
	o := w.newcomer("n1", all[0])
	o.Self.Server, o.File = "n1-2", ""
	reborn := w.start(o)
	w.together(all[0], reborn)
	assert.Equal(t, "n1-2", find(all[0], "n1").Server)

	t.Run("at the same address even before it was missed", func(t *testing.T) {
		address := reborn.Addr()
		require.NoError(t, reborn.Close())
		o := w.newcomer("n1", all[0])
		o.Self.Server, o.File, o.Listen = "n1-3", "", address
		reborn = w.start(o)
		w.until(all[0], "the third server", func() bool { return find(all[0], "n1").Server == "n1-3" && find(all[0], "n1").State == Alive })
	})
}

// Both sides of a partition let a node of the same name in. When it heals, one of
// the two is not let in, and says so; nobody's record mixes with the other's.
func TestTwoOfOneNameAfterAPartitionAreNotMixed(t *testing.T) {
	w := newWorld(t)
	all := w.federation(3)
	w.part(all[:1], all[1:], true)
	w.sees(all[0], "n2", Dead)
	o := w.newcomer("n2", all[0])
	o.Self.Server, o.File = "n2-2", ""
	second := w.start(o)
	w.part([]*Membership{second}, all[1:], true)
	w.sees(all[0], "n2", Alive)
	w.part(all[:1], all[1:], false)
	w.part([]*Membership{second}, all[1:], false)
	require.Eventually(t, func() bool { return second.Err() != nil || all[2].Err() != nil }, patience, 10*time.Millisecond)
	err := second.Err()
	if err == nil {
		err = all[2].Err()
	}
	assert.ErrorIs(t, err, ErrName)

	t.Run("and all is well when one of them is gone", func(t *testing.T) {
		require.NoError(t, second.Close())
		w.together(all...)
		for _, m := range all {
			require.Eventually(t, func() bool { return m.Err() == nil }, patience, 10*time.Millisecond)
		}
	})
}

// One data directory that runs twice can't be told from a node that moved, until
// the others go on seeing the first.
func TestADataDirectoryThatRunsTwiceIsFoundOut(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	o := w.newcomer("n1", all[0])
	var later atomic.Int64
	o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	copied := w.start(o)
	assert.NoError(t, copied.Err())
	later.Store(int64(time.Hour))
	require.Eventually(t, func() bool { return copied.Err() != nil }, patience, 10*time.Millisecond)
	assert.ErrorIs(t, copied.Err(), ErrName)
	assert.ErrorContains(t, copied.Err(), all[1].Addr())
	assert.Equal(t, all[1].Addr(), find(all[0], "n1").Gossip, "the first stays")
}

func TestOptionsAreChecked(t *testing.T) {
	w := newWorld(t)
	for says, change := range map[string]func(*Options){
		"--gossip-advertise":         func(o *Options) { o.Listen = "0.0.0.0:0" },
		"wildcard":                   func(o *Options) { o.Listen, o.Advertise = "0.0.0.0:0", "0.0.0.0:7946" },
		"to advertise":               func(o *Options) { o.Advertise = "nowhere" },
		"listen for gossip":          func(o *Options) { o.Listen = "127.0.0.1:99999" },
		"node name":                  func(o *Options) { o.Self.Name = "Ä" },
		"raft address":               func(o *Options) { o.Self.Raft = "0.0.0.0:1" },
		"URL":                        func(o *Options) { o.Self.URL = "ftp://x" },
		"server: it is missing":      func(o *Options) { o.Self.Server = "" },
		"gossip keys":                func(o *Options) { o.Keys = [][]byte{{1, 2, 3}} },
		"65 addresses to join":       func(o *Options) { o.Join = make([]string, 65) },
		"command version: 0: want 1": func(o *Options) { o.Self.CommandVersion = 0 },
	} {
		o := w.options("a")
		change(&o)
		_, err := w.tryStart(o)
		assert.ErrorContains(t, err, says)
	}
}

func TestStrangersAreCountedAndChangeNothing(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	o := w.options("a")
	o.Registerer = registry
	a := w.start(o)
	b := w.start(w.newcomer("b", a))
	w.together(a, b)

	udp, err := net.Dial("udp", a.Addr())
	require.NoError(t, err)
	defer func() { _ = udp.Close() }()
	own, err := labelled(fed, []byte("in the right federation, but not encrypted"))
	require.NoError(t, err)
	other, err := labelled("f-2", []byte("x"))
	require.NoError(t, err)
	garbage := [][]byte{{}, {0}, {labelMark}, {labelMark, 255}, {labelMark, 0}, bytes.Repeat([]byte{labelMark}, 1000), []byte("GET / HTTP/1.1\r\n\r\n"), own, other, make([]byte, 60000)}
	for _, packet := range garbage {
		_, err := udp.Write(packet)
		require.NoError(t, err)
	}
	for _, bytes := range garbage {
		conn, err := net.Dial("tcp", a.Addr())
		require.NoError(t, err)
		_, _ = conn.Write(bytes)
		_ = conn.(*net.TCPConn).CloseWrite() // it may be closed already
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
		for buffer := make([]byte, 1024); err == nil; {
			_, err = conn.Read(buffer)
		}
		_ = conn.Close()
	}
	for _, reason := range []string{"stranger", "federation", "keys"} {
		assert.Eventually(t, func() bool { return refusals(t, registry, reason) > 0 }, patience, 10*time.Millisecond, reason)
	}
	assert.Len(t, a.Members(), 2)
	w.together(a, b)
}

func TestCallersAreLimited(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	o := w.options("a")
	o.Registerer = registry
	a := w.start(o)
	var silent []net.Conn
	for range mostStreamsHost + 1 {
		conn, err := net.Dial("tcp", a.Addr())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		silent = append(silent, conn)
	}
	assert.Eventually(t, func() bool { return refusals(t, registry, "busy") > 0 }, patience, 10*time.Millisecond)
	for _, conn := range silent {
		_ = conn.Close()
	}
	w.together(a, w.start(w.newcomer("b", a)))
}
