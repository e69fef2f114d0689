package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// transfer is one file on its way, over as many requests as it takes.
type transfer struct {
	*Stager
	Request
	part     *os.File
	hash     hash.Hash
	have     int64
	total    int64  // 0: not known
	expected string // SHA-256, hexadecimal; empty: not known
	version  string // strong ETag, or Last-Modified, for If-Range
	told     time.Time
}

func newTransfer(s *Stager, r Request, part *os.File) *transfer {
	return &transfer{
		Stager: s, Request: r, part: part, hash: sha256.New(),
		total: r.Bytes, expected: strings.ToLower(r.SHA256),
	}
}

func (t *transfer) sum() string { return hex.EncodeToString(t.hash.Sum(nil)) }

// run makes requests until the file is whole. Any gain renews its patience.
func (t *transfer) run(ctx context.Context) error {
	wait := t.MinBackoff
	for failures := 0; ; {
		before := t.have
		err := t.once(ctx)
		if err == nil {
			return t.verify()
		}
		if ctx.Err() != nil || !Retryable(err) {
			return err
		}
		failures++
		if t.have > before {
			failures, wait = 1, t.MinBackoff
		}
		if failures >= t.Tries {
			return err
		}
		timer := time.NewTimer(wait - rand.N(wait/2+1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait = min(2*wait, t.MaxBackoff)
	}
}

// once makes one request and takes what it gives.
func (t *transfer) once(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return permanent(errors.New("the location is no URL"))
	}
	if err := t.Bearer.show(req); err != nil {
		return err
	}
	req.Header.Set("Want-Repr-Digest", "sha-256=1")
	if t.have > 0 && t.version != "" {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.have))
		req.Header.Set("If-Range", t.version)
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := t.begin(resp); err != nil {
		return err
	}
	idle := time.AfterFunc(t.Idle, func() { cancel(errIdle) })
	defer idle.Stop()
	err = t.take(resp.Body, idle)
	if cause := context.Cause(ctx); err != nil && cause == errIdle {
		return fmt.Errorf("nothing came for %v: %w", t.Idle, errIdle)
	}
	if err == nil && t.total > 0 && t.have < t.total {
		return io.ErrUnexpectedEOF
	}
	return err
}

var errIdle = errors.New("the server fell silent")

// begin reads the head of an answer: whether it goes on or starts anew, how
// large the file is, and its checksum.
func (t *transfer) begin(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if err := t.restart(); err != nil {
			return err
		}
	case http.StatusPartialContent:
		if !strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(t.have, 10)+"-") {
			t.version = "" // not what was asked for: start anew
			return errors.New("the server sent another part of the file than asked")
		}
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		t.version = ""
		return errors.New("the server can't go on where it stopped")
	default:
		return t.Bearer.statusError(resp.StatusCode)
	}
	if t.expected == "" {
		t.expected = digest(resp.Header)
	}
	t.version = version(resp.Header)
	if resp.ContentLength > 0 && t.Bytes > 0 && resp.ContentLength != t.Bytes {
		return permanent(fmt.Errorf("it is %d bytes long and should be %d", resp.ContentLength, t.Bytes))
	}
	if resp.ContentLength > 0 {
		t.total = resp.ContentLength
	}
	if t.Limit > 0 && t.total > t.Limit {
		return t.tooLarge()
	}
	return nil
}

// restart forgets what is there. A server that gives no way to go on may have
// replaced the file, so nothing of it can be kept.
func (t *transfer) restart() error {
	t.have, t.total = 0, t.Bytes
	t.hash.Reset()
	if err := t.part.Truncate(0); err != nil {
		return permanent(err)
	}
	_, err := t.part.Seek(0, io.SeekStart)
	return err
}

// take streams a body into the file.
func (t *transfer) take(body io.Reader, idle *time.Timer) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := body.Read(buffer)
		idle.Reset(t.Idle)
		if t.Limit > 0 && t.have+int64(n) > t.Limit {
			return t.tooLarge()
		}
		if _, err := t.part.Write(buffer[:n]); err != nil {
			return permanent(err)
		}
		t.hash.Write(buffer[:n])
		t.have += int64(n)
		t.tell()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *transfer) tell() {
	if t.Progress != nil && time.Since(t.told) >= time.Second {
		t.told = time.Now()
		t.Progress(t.have, t.total)
	}
}

func (t *transfer) tooLarge() error {
	return permanent(fmt.Errorf("it is larger than the %d bytes of storage that are booked; ask for more", t.Limit))
}

// verify compares size and checksum with what was announced.
func (t *transfer) verify() error {
	if t.Bytes > 0 && t.have != t.Bytes {
		return permanent(fmt.Errorf("it is %d bytes long and should be %d", t.have, t.Bytes))
	}
	if got := t.sum(); t.expected != "" && got != t.expected {
		return permanent(fmt.Errorf("its SHA-256 is %s and should be %s: the data or its description has changed", got, t.expected))
	}
	return nil
}
