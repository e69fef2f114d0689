package membership

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"sync"
	"time"
)

// A listener takes memberlist's own log lines. What an operator would act on is
// said by this package in its own words, so that they are for whoever looks
// closely; strangers can cause most of them, so that they are few.
type listener struct {
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time

	mu    sync.Mutex
	since time.Time
	lines int
}

const (
	mostLines = 20 // a minute
	mostLine  = 300
)

func (l *listener) logger() *log.Logger { return log.New(l, "", 0) }

// Write takes one line, and never fails.
func (l *listener) Write(line []byte) (int, error) {
	size := len(line)
	if bytes.Contains(line, []byte("ecrypt")) && bytes.Contains(line, []byte("[ERR]")) {
		l.metrics.refuse(ErrKeys)
	}
	udp := bytes.Contains(line, []byte("over TCP but UDP probes failed"))
	if l.few() {
		line = bytes.TrimSpace(line)
		level := slog.LevelDebug
		if udp {
			level = slog.LevelWarn // gossip works without UDP, slowly
		}
		l.log.Log(context.Background(), level, "gossip", "line", string(line[:min(len(line), mostLine)]))
	}
	return size, nil
}

// few reports whether there is room for another line in this minute.
func (l *listener) few() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.since) >= time.Minute || now.Before(l.since) {
		l.since, l.lines = now, 0
	}
	l.lines++
	return l.lines <= mostLines
}

// complaints remembers what was said already about whom, so that the same is
// not said at every exchange.
type complaints struct {
	mu   sync.Mutex
	said map[string]string
}

// fresh reports whether this is news about somebody.
func (c *complaints) fresh(about, text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said[about] == text {
		return false
	}
	if c.said == nil || len(c.said) >= mostMembers {
		c.said = map[string]string{}
	}
	c.said[about] = text
	return true
}
