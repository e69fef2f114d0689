package client

import (
	"context"

	"starling/node/chronicle"
)

// Explanation tells what became of a session, and why it waited.
func (c *Client) Explanation(ctx context.Context, id string) (*chronicle.Explanation, error) {
	told := new(chronicle.Explanation)
	return told, c.getJSON(ctx, sessionPath(id)+"/explanation", nil, told)
}
