package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// streams counts what stays open for long, so that it can be bounded and ended: all,
// and those of one user, or of whatever else they are counted by.
type streams struct {
	limit, perUser int
	full           string // what to say when one has them all, with the number for %d
	ended          context.Context
	end            context.CancelFunc

	mu     sync.Mutex
	total  int
	ofUser map[string]int
}

// What is said to whom there is no room for.
const (
	mostOfUser = "you have %d streams open, which is all that one user may have; close some"
	mostToNode = "from here %d streams to the node that this belongs to are open, which is all there may be; try again later, or ask that node itself"
)

func newStreams(limit, perUser int, full string) *streams {
	s := &streams{limit: limit, perUser: perUser, full: full, ofUser: make(map[string]int)}
	s.ended, s.end = context.WithCancel(context.Background())
	return s
}

// enter takes a place for a user's stream, or says why there is none. The
// caller leaves when the stream ends.
func (s *streams) enter(user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ofUser[user] >= s.perUser {
		return &fault{status: http.StatusTooManyRequests, code: "limit", retry: 10 * time.Second,
			detail: fmt.Sprintf(s.full, s.perUser)}
	}
	if s.total >= s.limit {
		return &fault{status: http.StatusServiceUnavailable, code: "unavailable", retry: 10 * time.Second,
			detail: "this node has as many streams open as it can; try again later"}
	}
	s.total++
	s.ofUser[user]++
	return nil
}

func (s *streams) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.ofUser[user]--; s.ofUser[user] == 0 {
		delete(s.ofUser, user)
	}
}

func (s *streams) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// until returns a context that also ends when the server stops. The caller
// calls done.
func (s *streams) until(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ended, cancel)
	return ctx, func() { stop(); cancel() }
}

// stopping reports whether the server has been told to end its streams.
func (s *streams) stopping() bool { return s.ended.Err() != nil }
