package client

import (
	"context"
	"net/http"
	"net/url"

	"starling/accounting"
	"starling/node/cluster"
)

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
