package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	broker "starling/node"
)

// CheckPolicy returns what a node's policy makes of a request: on behalf of the
// caller, where whom is zero, and as if an offer began at a time; zero is now.
func (c *Client) CheckPolicy(ctx context.Context, request Request, whom broker.PolicySubject, at time.Time) (*broker.PolicyCheck, error) {
	query := url.Values{}
	setUnlessEmpty(query, "user", whom.User)
	setUnlessEmpty(query, "issuer", whom.Issuer)
	setUnlessEmpty(query, "proposal", whom.Proposal)
	for _, group := range whom.Groups {
		query.Add("group", group)
	}
	if !at.IsZero() {
		query.Set("at", at.UTC().Format(time.RFC3339))
	}
	got, err := c.do(ctx, call{method: http.MethodPost, path: "/policy/check", query: query, media: request.Media.String(), body: request.Body})
	if err != nil {
		return nil, err
	}
	check := new(broker.PolicyCheck)
	if err := json.NewDecoder(bytes.NewReader(got.body)).Decode(check); err != nil {
		return nil, fmt.Errorf("the node's answer can't be read: %w", err)
	}
	return check, nil
}
