package stage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"starling/federation/address"
)

// Options of a Stager; each zero value means the default.
type Options struct {
	// AllowPrivate also fetches from loopback and private addresses: for
	// development, and sites whose storage has such addresses. Link-local
	// addresses, where clouds keep their credentials, are never allowed.
	AllowPrivate bool
	// Allow are addresses of the site's own that are open to it all the same.
	Allow address.Ranges
	// Idle is how long a server may send nothing: 60 s. Headers is how long it
	// may take to begin its answer: 60 s. Overall bounds one file: 24 h.
	Idle, Headers, Overall time.Duration
	// MaxBytes is the largest file that is fetched; 0: no limit but a request's.
	MaxBytes int64
	// Tries is how often in a row a request may fail without a byte gained: 6.
	Tries int
	// MinBackoff and MaxBackoff bound the pause between them: 500 ms and 30 s.
	MinBackoff, MaxBackoff time.Duration
}

// Stager fetches files. It is safe for concurrent use.
type Stager struct {
	Options
	http *http.Client
}

// New makes a Stager; Close ends its idle connections.
func New(o Options) *Stager {
	o.Idle = cmp.Or(o.Idle, time.Minute)
	o.Headers = cmp.Or(o.Headers, time.Minute)
	o.Overall = cmp.Or(o.Overall, 24*time.Hour)
	o.Tries = cmp.Or(o.Tries, 6)
	o.MinBackoff = cmp.Or(o.MinBackoff, 500*time.Millisecond)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, 30*time.Second)
	return &Stager{Options: o, http: client(o)}
}

// Close ends idle connections.
func (s *Stager) Close() { s.http.CloseIdleConnections() }

// Request is a file to fetch.
type Request struct {
	URL string
	// Dir is where the file goes, under Name, or else the last part of the
	// URL's path.
	Dir, Name string
	SHA256    string // hexadecimal; empty: what the server says, if anything
	Bytes     int64  // 0: not known
	Limit     int64  // bytes; more is an error. 0: no limit
	// Bearer is for the server at the URL alone.
	Bearer Bearer
	// Progress, if not nil, hears at most once a second how much is there;
	// total is 0 where nobody knows.
	Progress func(have, total int64)
}

// Result is a file that is there.
type Result struct {
	Path    string
	Bytes   int64
	SHA256  string // of what was received, hexadecimal
	Checked bool   // and there was something to compare it with
}

// Fetch fetches a file. Its errors name the URL, without what may be secret in
// it, and say whether another attempt may fare better (Retryable).
func (s *Stager) Fetch(ctx context.Context, r Request) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Overall)
	defer cancel()
	if s.MaxBytes > 0 && (r.Limit == 0 || r.Limit > s.MaxBytes) {
		r.Limit = s.MaxBytes
	}
	place, err := place(r)
	if err != nil {
		return Result{}, err
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return Result{}, err
	}
	part, err := os.CreateTemp(r.Dir, ".staging-")
	if err != nil {
		return Result{}, err
	}
	defer os.Remove(part.Name())
	defer part.Close()

	t := newTransfer(s, r, part)
	if err := t.run(ctx); err != nil {
		return Result{}, t.explain(err)
	}
	if err := part.Chmod(0o644); err != nil {
		return Result{}, err
	}
	if err := os.Rename(part.Name(), place); err != nil {
		return Result{}, fmt.Errorf("put %s in its place: %w", filepath.Base(place), err)
	}
	return Result{Path: place, Bytes: t.have, SHA256: t.sum(), Checked: t.expected != ""}, nil
}
