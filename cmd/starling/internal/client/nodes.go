package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

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

// Remembering is a node that goes on listing one that was taken out.
type Remembering struct {
	Node   string `json:"node"`
	Detail string `json:"detail"`
}

// A NodeChange is what has changed among the nodes; one of the fields is set.
type NodeChange struct {
	// Nodes are all of them: at the beginning, and after the connection was lost.
	Nodes []Node `json:"nodes,omitempty"`
	// Node is one that is new, has changed, or has told again how it is.
	Node *Node  `json:"node,omitempty"`
	Gone string `json:"gone,omitempty"` // the name of one that is not listed any more
	// Lost is why nothing has been heard for a while. It is tried again.
	Lost string `json:"lost,omitempty"`
}

// FollowNodes tells of the nodes, and then what changes, until ctx ends. A stream
// that breaks is begun again. The error, if there is one, comes last.
func (c *Client) FollowNodes(ctx context.Context) iter.Seq2[NodeChange, error] {
	return func(yield func(NodeChange, error) bool) {
		pause, known := firstPause, false
		for {
			heard, over, err := c.followNodes(ctx, func(n NodeChange) bool { return yield(n, nil) })
			if over {
				return
			}
			if heard {
				pause, known = firstPause, true
			}
			var said *Problem
			if ctx.Err() != nil || !known || errors.As(err, &said) && said.Status < 500 && said.Status != http.StatusTooManyRequests {
				yield(NodeChange{}, cause(ctx, err))
				return
			}
			if pause >= patience && !yield(NodeChange{Lost: err.Error()}, nil) {
				return
			}
			select {
			case <-ctx.Done():
				yield(NodeChange{}, ctx.Err())
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, lastPause)
		}
	}
}

func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// followNodes reads one stream. It reports whether anything came, and whether who
// reads it wants no more.
func (c *Client) followNodes(ctx context.Context, tell func(NodeChange) bool) (heard, over bool, err error) {
	resp, err := c.open(ctx, call{method: http.MethodGet, path: "/federation/nodes", header: http.Header{"Accept": {"text/event-stream"}}})
	if err != nil {
		return false, false, err
	}
	defer resp.Body.Close()
	for sent, err := range readStream(resp.Body, maxAnswer) {
		if err != nil {
			return heard, false, c.unreachable(err)
		}
		change, known, err := nodeChange(sent)
		if err != nil {
			return heard, false, err
		}
		if heard = true; known && !tell(change) {
			return heard, true, nil
		}
	}
	return heard, false, c.unreachable(io.ErrUnexpectedEOF)
}

// nodeChange reads an event; kinds that this program doesn't know mean nothing to it.
func nodeChange(e sent) (change NodeChange, known bool, err error) {
	switch e.kind {
	case "nodes":
		err = json.Unmarshal([]byte(e.data), &change)
	case "node":
		change.Node = new(Node)
		err = json.Unmarshal([]byte(e.data), change.Node)
	case "gone":
		var gone struct{ Name string }
		err = json.Unmarshal([]byte(e.data), &gone)
		change.Gone = gone.Name
	default:
		return change, false, nil
	}
	if err != nil {
		return change, false, fmt.Errorf("an event can't be read: %w", err)
	}
	return change, true, nil
}
