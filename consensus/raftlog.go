package consensus

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger passes on what raft logs. It calls an error what it will try again
// and information what is its own business: each is a level lower here.
func raftLogger(log *slog.Logger) hclog.Logger {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	logger.RegisterSink(raftSink{log})
	return logger
}

type raftSink struct{ log *slog.Logger }

// Accept is described at hclog.SinkAdapter.
func (s raftSink) Accept(name string, level hclog.Level, message string, values ...any) {
	to := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		to = slog.LevelWarn
	case level == hclog.Warn:
		to = slog.LevelInfo
	}
	s.log.Log(context.Background(), to, name+": "+message, values...)
}
