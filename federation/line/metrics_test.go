package line

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionsAreCountedWhileTheyAreOpen(t *testing.T) {
	w := private(t)
	a, b := w.port("a", "f"), w.port("b", "f")
	w.echo(b)
	conn, err := a.Stream().Dial("b", b.Addr(), soon)
	require.NoError(t, err)
	count := func() (int, int) {
		return a.metric(t, "starling_line_connections", "out", "raft"), b.metric(t, "starling_line_connections", "in", "raft")
	}
	w.eventually(func() bool { out, in := count(); return out == 1 && in == 1 }, "open")
	require.NoError(t, conn.Close())
	w.eventually(func() bool { out, in := count(); return out == 0 && in == 0 }, "closed")

	_, err = a.Stream().Dial("c", b.Addr(), soon)
	require.Error(t, err)
	assert.Equal(t, 1, a.metric(t, "starling_line_failed_calls_total", "raft"))
}

// A node is opened again in one process: tests do, and so may others.
func TestAPortThatIsClosedTakesItsMetricsBack(t *testing.T) {
	w := private(t)
	a := w.port("a", "f")
	require.NoError(t, a.Close())
	again := w.port("a", "f", func(o *Options) { o.Registerer = a.registry })
	_, err := Listen(t.Context(), Options{
		Node: "a", Federation: a.federation.get, Listen: "127.0.0.1:0", Credentials: again.credentials, Registerer: a.registry,
	})
	assert.ErrorContains(t, err, "metrics of the port between nodes", "two at once are a mistake")
}

// Strangers can't fill the log: each reason has a line now and then, which says
// how many it stands for.
func TestAReasonIsToldNowAndThen(t *testing.T) {
	q, now := newQuiet(), time.Unix(1_790_000_000, 0)
	told := func(reason Reason, after time.Duration) int {
		others, ok := q.tell(reason, now.Add(after))
		if !ok {
			return -1
		}
		return others
	}
	assert.Equal(t, 0, told(ReasonSlow, 0))
	assert.Equal(t, -1, told(ReasonSlow, time.Second))
	assert.Equal(t, 0, told(ReasonGarbage, time.Second), "another reason is another matter")
	assert.Equal(t, -1, told(ReasonSlow, pause-1))
	assert.Equal(t, 2, told(ReasonSlow, pause))
	assert.Equal(t, 0, told(ReasonSlow, 2*pause))
}

func TestARefusalIsASentence(t *testing.T) {
	err := error(&Refused{Node: "b", Address: "127.0.0.1:7001", Reason: ReasonFederation, Message: "it belongs to federation X, a to Y"})
	assert.EqualError(t, err, "b at 127.0.0.1:7001 refuses: it belongs to federation X, a to Y")
	assert.ErrorContains(t, failedCall("b", "127.0.0.1:1", errors.New("odd")), "call b at 127.0.0.1:1: odd")
}
