package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"
	"time"
)

// mostRead bounds what is read of any answer, mostKept what is kept of a refusal.
const (
	mostRead = 64 << 20
	mostKept = 16 << 10
)

// question is one operation that is to be asked for.
type question struct {
	kind         Kind
	who          Person
	method, path string
	body         any // encoded as JSON; nil: none
	key          string
	object       string // that it is of
	at           []int  // the sites to ask, in this order, until one answers
	// persists has all sites asked again, until one answers or the context ends.
	persists bool
	header   [2]string
}

// reply is what came of it.
type reply struct {
	*Op
	header http.Header
	body   []byte
}

// ok reports whether it was done.
func (r reply) ok() bool { return r.Outcome == Acknowledged }

// into decodes the answer, and reports whether that worked.
func (r reply) into(v any) bool { return r.Outcome != Unknown && json.Unmarshal(r.body, v) == nil }

// ask asks one site after the other until one answers, and writes down nothing.
func (l *Load) ask(ctx context.Context, q question) reply {
	r := reply{Op: &Op{Kind: q.kind, Who: q.who.Name, Object: q.object, Key: q.key, Call: l.journal.now(), Outcome: Unknown}}
	var text []byte
	if q.body != nil {
		var err error
		if text, err = json.Marshal(q.body); err != nil {
			r.Error = err.Error()
			return r
		}
	}
	doubtful := false // whether a site that gave no answer may have done it
	for round := 0; ; round++ {
		for _, i := range q.at {
			site := l.options.Sites[i]
			r.Sites = append(r.Sites, site.Name)
			status, header, body, err := l.once(ctx, site, q, text)
			r.Return = l.journal.now()
			if err == nil && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout {
				r.Status, r.header, r.body, r.Error = status, header, body, ""
				r.Outcome = Acknowledged
				if status >= 400 {
					r.Outcome = Refused
					r.Answer = body[:min(len(body), mostKept)]
					if doubtful && q.kind == Allocate {
						r.Outcome, r.Error = Unknown, "refused, after no answer"
					}
				}
				return r
			}
			if err != nil {
				r.Error = reason(err)
			} else {
				r.Status, r.Error = status, fmt.Sprint(status)
			}
			doubtful = true
			if ctx.Err() != nil {
				return r
			}
		}
		if !q.persists || !pause(ctx, min(time.Duration(round+1)*50*time.Millisecond, time.Second)) {
			return r
		}
		if n := len(r.Sites); n > 64 { // it goes on for as long as a fault does
			r.Sites = r.Sites[n-len(q.at):]
		}
	}
}

// does is ask, written down.
func (l *Load) does(ctx context.Context, q question) reply {
	r := l.ask(ctx, q)
	l.journal.wrote(r.Op)
	return r
}

// once sends a request to one site.
func (l *Load) once(ctx context.Context, site Site, q question, text []byte) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	token, err := site.Token(ctx, q.who)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("a token of %s for %s: %w", q.who.Name, site.Name, err)
	}
	request, err := http.NewRequestWithContext(ctx, q.method, site.URL+q.path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, nil, err
	}
	if text != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if q.key != "" {
		request.Header.Set("Idempotency-Key", q.key)
	}
	if q.header[0] != "" {
		request.Header.Set(q.header[0], q.header[1])
	}
	answer, err := site.Client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostRead))
	return answer.StatusCode, answer.Header, body, err
}

// reason says why there was no answer, in the same words each time.
func reason(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection cut"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no way there"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// anywhere is all sites in an order that is drawn.
func (l *Load) anywhere(draw *rand.Rand) []int { return draw.Perm(len(l.options.Sites)) }

// from is all sites, one first.
func (l *Load) from(first int) []int {
	order := make([]int, len(l.options.Sites))
	for i := range order {
		order[i] = (first + i) % len(order)
	}
	return order
}
