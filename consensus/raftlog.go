package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// raftLogger passes on what raft logs. It calls an error what it will try again
// and information what is its own business: each is a level lower here. And it
// says the same of a node that is away several times a second, for as long as it
// is away: here once in repeatAfter.
func raftLogger(log *slog.Logger) hclog.Logger {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	logger.RegisterSink(&raftSink{log: log, said: map[string]*saying{}})
	return logger
}

const (
	// repeatAfter is how long something is not said again.
	repeatAfter = time.Minute
	// mostSayings bounds what is remembered of what was said: far more than raft
	// says of as many members as there may be voters and replicas.
	mostSayings = 1024
)

type raftSink struct {
	log  *slog.Logger
	mu   sync.Mutex
	said map[string]*saying
}

// A saying is a message, of one other node where it is of one.
type saying struct {
	at     time.Time
	unsaid int // since then
}

// Accept is described at hclog.SinkAdapter.
func (s *raftSink) Accept(name string, level hclog.Level, message string, values ...any) {
	to := slog.LevelDebug
	switch {
	case ordinary(message, values):
	case level >= hclog.Error:
		to = slog.LevelWarn
	case level == hclog.Warn:
		to = slog.LevelInfo
	}
	if to > slog.LevelDebug {
		unsaid, now := s.now(message, values)
		if !now {
			return
		}
		if unsaid > 0 {
			values = append(values[:len(values):len(values)], "unsaid", unsaid)
		}
	}
	s.log.Log(context.Background(), to, name+": "+message, values...)
}

// now reports whether something may be said now, and how often it was not said
// since it last was.
func (s *raftSink) now(message string, values []any) (unsaid int, may bool) {
	key := message + fmt.Sprint(valueOf(values, "peer"), valueOf(values, "target"))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	last := s.said[key]
	if last != nil && now.Sub(last.at) < repeatAfter {
		last.unsaid++
		return 0, false
	}
	if last != nil {
		unsaid = last.unsaid
	}
	if len(s.said) >= mostSayings {
		clear(s.said)
	}
	s.said[key] = &saying{at: now}
	return unsaid, true
}

// ordinary reports whether raft calls an error what belongs to every day: that a
// connection was closed, and that one who has just joined needs the state first.
func ordinary(message string, values []any) bool {
	err, _ := valueOf(values, "error").(error)
	switch message {
	case "failed to decode incoming command":
		var broken net.Error
		return errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.As(err, &broken)
	case "failed to get log", "failed to get previous log":
		return errors.Is(err, raft.ErrLogNotFound)
	}
	return false
}

// valueOf is the value of a name among hclog's pairs; nil if it isn't there.
func valueOf(values []any, name string) any {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == name {
			return values[i+1]
		}
	}
	return nil
}
