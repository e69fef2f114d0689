package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// File is something that a session has written.
type File struct {
	Name     string    `json:"name"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256,omitempty"` // hexadecimal; empty while it is written
	URL      string    `json:"url,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	Open     bool      `json:"open,omitempty"` // still being written
}

// FileList is all that a session has written.
type FileList struct {
	Files []File `json:"files"`
}

// Files lists what a session has written.
func (c *Client) Files(ctx context.Context, id string) (*FileList, error) {
	list := new(FileList)
	return list, c.getJSON(ctx, sessionPath(id)+"/files", nil, list)
}

// OpenFile opens one of a session's files. The caller closes it. The outputs,
// which are listed among the files, have resources of their own.
func (c *Client) OpenFile(ctx context.Context, id, name string) (io.ReadCloser, error) {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	what := call{
		method: http.MethodGet, path: sessionPath(id) + "/files/" + strings.Join(parts, "/"),
		header: http.Header{"Accept": {"*/*"}},
	}
	resp, err := c.open(ctx, what)
	if NotFound(err) && (name == Stdout || name == Stderr) {
		what.path = sessionPath(id) + "/" + name
		resp, err = c.open(ctx, what)
	}
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// The outputs of a session.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// CopyOutput writes one of a session's outputs to w: what there is, or with
// follow all until the session ends. A connection that breaks is taken up where
// it broke.
func (c *Client) CopyOutput(ctx context.Context, id, output string, follow bool, w io.Writer) error {
	var offset int64
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		n, err := c.copyFrom(ctx, id, output, follow, offset, w)
		if n > 0 {
			offset, pause = offset+n, firstPause
		}
		switch {
		case !follow, err != nil && (offset == 0 || !isUnreachable(err)):
			return err
		case err == nil && c.over(ctx, id):
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// over reports whether a session has ended. A node that stops ends its streams
// as it should, though the session goes on.
func (c *Client) over(ctx context.Context, id string) bool {
	session, err := c.Session(ctx, id)
	return err == nil && Terminal(session.Phase)
}

func (c *Client) copyFrom(ctx context.Context, id, output string, follow bool, offset int64, w io.Writer) (int64, error) {
	what := call{method: http.MethodGet, path: sessionPath(id) + "/" + output, header: http.Header{"Accept": {"*/*"}}}
	if follow {
		what.query = url.Values{"follow": {"true"}}
	}
	if offset > 0 {
		what.header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := c.open(ctx, what)
	if hasStatus(err, http.StatusRequestedRangeNotSatisfiable) {
		return 0, nil // all of it has been read
	}
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if offset > 0 && resp.StatusCode != http.StatusPartialContent {
		if _, err := io.CopyN(io.Discard, resp.Body, offset); err != nil {
			return 0, c.unreachable(err)
		}
	}
	source := &failing{reader: resp.Body}
	n, err := io.Copy(w, source)
	if source.err != nil {
		return n, c.unreachable(source.err)
	}
	return n, err
}

// failing remembers that it was the reading that failed, not the writing.
type failing struct {
	reader io.Reader
	err    error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func (c *Client) getJSON(ctx context.Context, path string, query url.Values, into any) error {
	got, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		return fmt.Errorf("the node's answer can't be read: %w", err)
	}
	return nil
}
