package line

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who may speak to whom before both belong to the same federation: the table in
// DESIGN.md.
func TestWhoMaySpeakToWhomBeforeJoining(t *testing.T) {
	both(t, func(w world) {
		const none = ""
		for _, c := range []struct {
			caller, called string
			raft, http     string // why not
		}{
			{"f", "f", "", ""},
			{"f", "g", "it belongs to federation g, a to f", "it belongs to federation g, a to f"},
			{none, "f", "a belongs to no federation yet", ""},
			{"f", none, "", "b belongs to no federation yet"},
			{none, none, "a belongs to no federation yet", "b belongs to no federation yet, and neither does a"},
		} {
			a, b := w.port("a", c.caller), w.port("b", c.called)
			w.echo(b)
			b.Serve(greet)
			conn, err := a.Stream().Dial("b", b.Addr(), soon)
			w.answered(err, c.raft)
			if err == nil {
				_, err = exchange(conn, "entries")
				assert.NoError(w, err)
			}
			_, err = w.get(a.Client(at(map[string]string{"b": b.Addr()})), "http://b/peer/join")
			w.answered(err, c.http)
		}
	})
}

// A newcomer is marked as such, so that handlers let it join and nothing else.
func TestANewcomersRequestsAreMarked(t *testing.T) {
	both(t, func(w world) {
		a, b := w.port("a", ""), w.port("b", "f")
		b.Serve(greet)
		client := a.Client(at(map[string]string{"b": b.Addr()}))
		got, err := w.get(client, "http://b/peer/join")
		require.NoError(w, err)
		assert.Equal(w, "hello a, who is new, of /peer/join", got)

		a.federation.set("f") // the connection of a newcomer isn't kept
		got, err = w.get(client, "http://b/peer/join")
		require.NoError(w, err)
		assert.Equal(w, "hello a, of /peer/join", got)
	})
}

// What is nobody's request may least of all.
func TestARequestFromElsewhereIsNobodys(t *testing.T) {
	assert.Empty(t, PeerOf(t.Context()))
	assert.True(t, Newcomer(t.Context()))
	ctx := WithPeer(t.Context(), Peer{Node: "a"})
	assert.Equal(t, "a", PeerOf(ctx))
	assert.False(t, Newcomer(ctx))
}

// Two federations under one CA would both write into a newcomer's empty log.
func TestANewcomerIsPromisedToTheFirstWhoseRaftCalls(t *testing.T) {
	both(t, func(w world) {
		b := w.port("b", "")
		w.echo(b)
		first, second := w.port("a", "f"), w.port("c", "g")
		conn, err := first.Stream().Dial("b", b.Addr(), soon)
		require.NoError(w, err)
		_, err = second.Stream().Dial("b", b.Addr(), soon)
		w.refused(err, ReasonFederation, "b is being added to federation f")
		_, err = exchange(conn, "entries")
		require.NoError(w, err)

		b.federation.set("f")
		_, err = exchange(conn, "more entries")
		require.NoError(w, err, "the promise was kept")
		b.federation.set("h")
		_, err = exchange(conn, "and more")
		assert.NoError(w, err, "and isn't asked for again")
	})
}

func TestAPromiseThatIsBrokenEndsItsConnections(t *testing.T) {
	both(t, func(w world) {
		b := w.port("b", "")
		w.echo(b)
		a := w.port("a", "f")
		conn, err := a.Stream().Dial("b", b.Addr(), soon)
		require.NoError(w, err)
		b.federation.set("g")
		_, _ = io.WriteString(conn, "entries")
		n, err := conn.Read(make([]byte, 10))
		assert.Error(w, err)
		assert.Zero(w, n, "nothing of it was read")
	})
}

// answered checks that a call got through, or why not.
func (w world) answered(err error, why string) {
	w.Helper()
	if why == "" {
		assert.NoError(w, err)
		return
	}
	assert.ErrorContains(w, err, why)
}
