package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"starling/api/ivoa"
)

// answerLimits bound the documents of a node, which are larger than requests.
var answerLimits = ivoa.Limits{Bytes: maxAnswer, Depth: 64, Entries: 1_000_000, Values: 10_000_000}

// Request is a request as its author wrote it.
type Request struct {
	Media ivoa.Media
	Body  []byte
	// Placement is the policy by which offers are ranked; empty leaves it to the node.
	Placement string
}

// Ask sends a request and returns the offers, or the NO.
func (c *Client) Ask(ctx context.Context, request Request) (*ivoa.OfferSet, error) {
	header := http.Header{}
	if request.Placement != "" {
		header.Set(PlacementHeader, request.Placement)
	}
	got, err := c.do(ctx, call{
		method: http.MethodPost, path: "/requests", media: request.Media.String(), body: request.Body, header: header,
	})
	if err != nil {
		return nil, err
	}
	set := new(ivoa.OfferSet)
	// The reference implementation's clients may find an empty body, and the
	// document behind Location; it must be this node's.
	if len(got.body) == 0 {
		id := got.header.Get("Location")
		return c.OfferSet(ctx, id[strings.LastIndexByte(id, '/')+1:])
	}
	return set, decode(got.body, set)
}

// OfferSet returns the answer to an earlier request.
func (c *Client) OfferSet(ctx context.Context, id string) (*ivoa.OfferSet, error) {
	set := new(ivoa.OfferSet)
	return set, c.get(ctx, "/offersets/"+url.PathEscape(id), nil, set)
}

// Session returns a session as it is now.
func (c *Client) Session(ctx context.Context, id string) (*ivoa.Session, error) {
	session := new(ivoa.Session)
	return session, c.get(ctx, sessionPath(id), nil, session)
}

// Conflict says that a session is in no phase for what was wanted.
type Conflict struct {
	Wanted  ivoa.SessionPhase
	Session *ivoa.Session
}

// Error names the phase that stands in the way.
func (c *Conflict) Error() string {
	return fmt.Sprintf("session %s is %s; it can't be %s any more", c.Session.UUID(), c.Session.Phase, c.Wanted)
}

// SetPhase accepts, rejects or cancels a session, and returns it as it is
// then. Where the session doesn't allow that the error is a *Conflict.
func (c *Client) SetPhase(ctx context.Context, id string, phase ivoa.SessionPhase) (*ivoa.Session, error) {
	body, err := ivoa.Encode(ivoa.JSON, ivoa.SetPhase(phase))
	if err != nil {
		return nil, err
	}
	session := new(ivoa.Session)
	got, err := c.do(ctx, call{method: http.MethodPost, path: sessionPath(id), media: ivoa.JSON.String(), body: body})
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusConflict && decode(p.body, session) == nil && session.Phase != "" {
		return nil, &Conflict{phase, session}
	}
	if err != nil {
		return nil, err
	}
	return session, decode(got.body, session)
}

// SessionFilter chooses sessions.
type SessionFilter struct {
	Phases []string
	Owner  string // for operators; empty: whoever's the caller may see
	Name   string
	// Here leaves out what other nodes have.
	Here bool
	// Limit is the length of a page; 0 leaves it to the node.
	Limit int
}

// Sessions returns the newest sessions, one page of them or all. Messages say what is
// missing on any of the pages.
func (c *Client) Sessions(ctx context.Context, filter SessionFilter, all bool) (*ivoa.SessionList, error) {
	query := url.Values{}
	setUnlessEmpty(query, "phase", strings.Join(filter.Phases, ","))
	setUnlessEmpty(query, "owner", filter.Owner)
	setUnlessEmpty(query, "name", filter.Name)
	if filter.Here {
		query.Set("here", "true")
	}
	if filter.Limit > 0 {
		query.Set("limit", strconv.Itoa(filter.Limit))
	}
	list := new(ivoa.SessionList)
	path := "/sessions"
	for {
		page := new(ivoa.SessionList)
		if err := c.get(ctx, path, query, page); err != nil {
			return nil, err
		}
		list.Sessions, list.Next = append(list.Sessions, page.Sessions...), page.Next
		for _, m := range page.Messages {
			if !slices.ContainsFunc(list.Messages, func(said ivoa.Message) bool { return said.Text == m.Text }) {
				list.Messages = append(list.Messages, m)
			}
		}
		if page.Next == "" || !all {
			return list, nil
		}
		var err error
		if path, query, err = c.following(page.Next); err != nil {
			return nil, err
		}
	}
}

// following turns the "next" of a page into the next call. Nodes give paths; a
// URL counts only if it is this node's.
func (c *Client) following(next string) (string, url.Values, error) {
	u, err := url.Parse(strings.TrimPrefix(next, c.Base))
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return "", nil, fmt.Errorf("the next page lies at %q, which is not this node's", next)
	}
	return u.EscapedPath(), u.Query(), nil
}

func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	got, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	return decode(got.body, into)
}

func decode(body []byte, into any) error {
	if _, err := ivoa.Decode(ivoa.JSON, body, answerLimits, into); err != nil {
		return fmt.Errorf("the node's answer can't be read: %w", err)
	}
	return nil
}

func sessionPath(id string) string { return "/sessions/" + url.PathEscape(id) }

func setUnlessEmpty(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
