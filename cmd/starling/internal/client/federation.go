package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"starling/accounting"
	broker "starling/node"
	"starling/node/cluster"
)

// Node is one node of the federation, as the one that was asked knows it.
type Node struct {
	Name       string  `json:"name"`
	URL        string  `json:"url"`
	Alive      bool    `json:"alive"`
	AgeSeconds float64 `json:"ageSeconds"`
	*broker.Availability
	Member *cluster.Member `json:"member,omitempty"` // nil: the node is alone
}

// NodeList lists the nodes of the federation.
type NodeList struct {
	Nodes []Node `json:"nodes"`
}

// Nodes lists the nodes of the federation.
func (c *Client) Nodes(ctx context.Context) (*NodeList, error) {
	list := new(NodeList)
	return list, c.getJSON(ctx, "/federation/nodes", nil, list)
}

// Leave takes the node that is asked out of its federation; with force even if
// sessions have not ended there.
func (c *Client) Leave(ctx context.Context, force bool) error {
	query := url.Values{}
	if force {
		query.Set("force", "true")
	}
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/federation/leave", query: query})
	return err
}

// Revocations lists the certificates of nodes that were revoked.
func (c *Client) Revocations(ctx context.Context) (*RevocationList, error) {
	list := new(RevocationList)
	return list, c.getJSON(ctx, "/federation/revocations", nil, list)
}

// RevocationList lists revoked certificates.
type RevocationList struct {
	Revocations []accounting.RevokeCertificate `json:"revocations"`
}

// Revoke has certificates of a node be good for nothing any more.
func (c *Client) Revoke(ctx context.Context, r cluster.Revocation) (*cluster.Exclusion, error) {
	out := new(cluster.Exclusion)
	return out, c.order(ctx, "/federation/revocations", r, "", out)
}

// Remembering is a node that goes on listing one that was taken out.
type Remembering struct {
	Node   string `json:"node"`
	Detail string `json:"detail"`
}

// Expel takes another node out, that is gone for good, and returns the nodes that
// go on listing it.
func (c *Client) Expel(ctx context.Context, node string) ([]Remembering, error) {
	answer, err := c.do(ctx, call{method: http.MethodDelete, path: "/federation/nodes/" + url.PathEscape(node)})
	if err != nil || len(answer.body) == 0 {
		return nil, err
	}
	var said struct{ Remembering []Remembering }
	return said.Remembering, json.Unmarshal(answer.body, &said)
}
