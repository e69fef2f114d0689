package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Link is a way into a session for a browser, which works once.
type Link struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
	// Sandboxed says that pages which need cookies won't work there.
	Sandboxed bool `json:"sandboxed,omitempty"`
}

// Link asks for a one-time link into a connector of a session.
func (c *Client) Link(ctx context.Context, session, connector string) (Link, error) {
	var link Link
	got, err := c.do(ctx, call{method: http.MethodPost, path: sessionPath(session) + "/links/" + url.PathEscape(connector)})
	if err != nil {
		return link, err
	}
	if err := json.Unmarshal(got.body, &link); err != nil {
		return link, fmt.Errorf("the node's answer can't be read: %w", err)
	}
	return link, nil
}
