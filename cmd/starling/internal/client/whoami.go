package client

import "context"

// Who is whom a node takes the caller for.
type Who struct {
	Node      string   `json:"node,omitempty"`
	User      string   `json:"user"`
	Roles     []string `json:"roles,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	Proposal  string   `json:"proposal,omitempty"`  // that pays
	Proposals []string `json:"proposals,omitempty"` // that may
}

// Whoami asks the node whom it takes the caller for.
func (c *Client) Whoami(ctx context.Context) (*Who, error) {
	who := new(Who)
	return who, c.getJSON(ctx, "/", nil, who)
}
