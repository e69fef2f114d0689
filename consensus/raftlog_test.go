package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
)

// lines is how many lines a logger has written since it was last asked.
func lines(b *bytes.Buffer) int {
	defer b.Reset()
	return bytes.Count(b.Bytes(), []byte("\n"))
}

func TestANodeThatIsAwayIsLoggedOnceAMinuteAndNotWithEachHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := raftLogger(slog.New(slog.NewTextHandler(&out, nil)))
		failing := func(peer string) {
			log.Error("failed to heartbeat to", "peer", peer, "error", errors.New("connection refused"))
		}
		for range 10 {
			failing("b")
			failing("c")
			time.Sleep(300 * time.Millisecond)
		}
		assert.Equal(t, 2, lines(&out), "each of them once")
		log.Error("failed to appendEntries to", "peer", "b")
		assert.Equal(t, 1, lines(&out), "something else is said at once")
		time.Sleep(repeatAfter)
		failing("b")
		assert.Contains(t, out.String(), "unsaid=9")
		assert.Equal(t, 1, lines(&out))
	})
}

func TestWhatIsRememberedOfRaftsSayingsIsBounded(t *testing.T) {
	sink := &raftSink{log: slog.New(slog.DiscardHandler), said: map[string]*saying{}}
	for n := range 3 * mostSayings {
		sink.now("failed", []any{"peer", fmt.Sprint(n)})
	}
	assert.LessOrEqual(t, len(sink.said), mostSayings)
}

func TestWhatBelongsToEveryDayIsNoWarning(t *testing.T) {
	var out bytes.Buffer
	log := raftLogger(slog.New(slog.NewTextHandler(&out, nil)))
	log.Error("failed to decode incoming command", "error", &net.OpError{Op: "read", Err: net.ErrClosed})
	log.Error("failed to decode incoming command", "error", io.EOF)
	log.Error("failed to get log", "index", 1, "error", raft.ErrLogNotFound)
	assert.Zero(t, lines(&out))
	log.Error("failed to decode incoming command", "error", errors.New("unknown rpc type 7"))
	log.Error("failed to get log", "index", 2, "error", io.ErrUnexpectedEOF)
	assert.Equal(t, 2, lines(&out))
}
