package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Copy says what the node's answers were read from: its own copy of the record,
// unless strong reads were asked for.
type Copy struct {
	// Age is for how long it may have been behind the other nodes'.
	Age time.Duration
	// Pending is how many records of the node were read that are not in the log.
	Pending int
}

// Read is what the answers from the record were read from so far, at the worst.
func (c *Client) Read() Copy { return c.copy }

// noteCopy takes up what an answer says of it.
func (c *Client) noteCopy(h http.Header) {
	if seconds, err := strconv.Atoi(h.Get("Starling-Age")); err == nil {
		c.copy.Age = max(c.copy.Age, time.Duration(seconds)*time.Second)
	}
	number, _, _ := strings.Cut(h.Get("Starling-Pending"), ";")
	if n, err := strconv.Atoi(number); err == nil {
		c.copy.Pending = max(c.copy.Pending, n)
	}
}

// asWanted adds how the record is to be read to a query.
func (c *Client) asWanted(query url.Values) url.Values {
	if c.Consistency == "" {
		return query
	}
	if query == nil {
		query = url.Values{}
	}
	query.Set("consistency", c.Consistency)
	return query
}

// An Exportable chooses rows of a list that is to be had as a whole.
type Exportable interface {
	path() string
	query() url.Values
}

// Export writes all rows that a filter chooses, in a media type: JSON lines or
// CSV. If the error is not nil, what was written is not all.
func (c *Client) Export(ctx context.Context, filter Exportable, mediaType string, to io.Writer) error {
	resp, err := c.open(ctx, call{
		method: http.MethodGet, path: filter.path(), query: c.asWanted(filter.query()), header: http.Header{"Accept": {mediaType}},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	c.noteCopy(resp.Header)
	n, err := io.Copy(to, resp.Body)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the node has broken the export off after %d bytes, and its log says why: what was written is not all", n)
	}
	return fmt.Errorf("after %d bytes, which is not all: %w", n, err)
}
