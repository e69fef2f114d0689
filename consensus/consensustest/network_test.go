package consensustest

import (
	"context"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a connection from a to b, on a network of the two.
func pair(t *testing.T, n *Network) (from, to io.ReadWriteCloser) {
	streams := map[string]*Stream{}
	for _, name := range []string{"a", "b"} {
		s, err := n.Listen(name)
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		streams[name] = s
	}
	accepted := make(chan io.ReadWriteCloser)
	go func() {
		conn, err := streams["b"].Accept()
		assert.NoError(t, err)
		accepted <- conn
	}()
	from, err := streams["a"].Dial("b", "", time.Second)
	require.NoError(t, err)
	to = <-accepted
	t.Cleanup(func() { _, _ = from.Close(), to.Close() })
	return from, to
}

func say(t *testing.T, to io.Writer, what string) {
	go func() {
		_, err := to.Write([]byte(what))
		assert.NoError(t, err)
	}()
}

func hear(t *testing.T, from io.Reader, what string) {
	heard := make([]byte, len(what))
	_, err := io.ReadFull(from, heard)
	require.NoError(t, err)
	assert.Equal(t, what, string(heard))
}

func TestWhatIsSaidIsHeard(t *testing.T) {
	for name, n := range map[string]*Network{"memory": NewNetwork(1), "loopback": NewLoopback(1)} {
		t.Run(name, func(t *testing.T) {
			from, to := pair(t, n)
			say(t, from, "how are you?")
			hear(t, to, "how are you?")
			say(t, to, "fine")
			hear(t, from, "fine")
		})
	}
}

func TestABlockedDirectionHoldsWhatIsSaidUntilItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(1)
		from, to := pair(t, n)
		say(t, from, "first")
		hear(t, to, "first")
		n.Block("a", "b")
		say(t, from, "late")
		say(t, to, "the other way is open")
		hear(t, from, "the other way is open")
		began := time.Now()
		time.AfterFunc(time.Hour, n.Mend)
		hear(t, to, "late")
		assert.Equal(t, time.Hour, time.Since(began))
	})
}

func TestACutTakesEveryWayButThoseBetweenTheCut(t *testing.T) {
	n := NewNetwork(1)
	for _, name := range []string{"a", "b", "c", "d"} {
		s, err := n.Listen(name)
		require.NoError(t, err)
		defer s.Close()
	}
	n.Cut("a", "b")
	through := func(from, to string) bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		return n.Pass(ctx, from, to) == nil
	}
	assert.True(t, through("a", "b"))
	assert.True(t, through("c", "d"))
	for _, way := range [][2]string{{"a", "c"}, {"c", "a"}, {"b", "d"}, {"d", "b"}} {
		assert.False(t, through(way[0], way[1]), way)
	}
	n.Join("a", "b")
	assert.True(t, through("a", "c"))
}

func TestTheWeatherDelaysAndLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(1)
		n.Set(Weather{Delay: time.Second, Jitter: time.Second})
		began := time.Now()
		require.NoError(t, n.Pass(t.Context(), "a", "b"))
		assert.GreaterOrEqual(t, time.Since(began), time.Second)
		assert.Less(t, time.Since(began), 2*time.Second)
		n.Set(Weather{Loss: 0.5})
		lost := 0
		for range 1000 {
			if n.Pass(t.Context(), "a", "b") != nil {
				lost++
			}
		}
		assert.InDelta(t, 500, lost, 100)
	})
}

func TestARequestMayArriveWhoseAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(1)
		pair(t, n)
		arrived := 0
		detach := n.Attach("b", func(_ context.Context, from string, request []byte) []byte {
			arrived++
			return append([]byte(from+" said "), request...)
		})
		answer, err := n.Courier("a").Forward(t.Context(), "b", []byte("hello"))
		require.NoError(t, err)
		assert.Equal(t, "a said hello", string(answer))
		n.Block("b", "a")
		_, err = n.Courier("a").Forward(t.Context(), "b", []byte("hello"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2, arrived)
		n.Mend()
		detach()
		_, err = n.Courier("a").Forward(t.Context(), "b", []byte("hello"))
		require.ErrorContains(t, err, "b is down")
	})
}

func TestAWriteToACutNodeEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(1)
		from, _ := pair(t, n)
		n.Cut("a")
		conn := from.(*faultyConn)
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Second)))
		_, err := conn.Write([]byte("anybody?"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}
