package fanout

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// Bounds of lists of sessions.
const (
	mostListed = 16 << 10 // bytes of one session, on average
	// mostListing is how many nodes are asked for a list at a time.
	mostListing = 8
)

// List is which sessions other nodes are asked for.
type List struct {
	Filter url.Values // as GET /sessions has it
	// Before is where the list begins: all sessions are older, by their UUIDs; zero:
	// with the newest.
	Before   identity.UUID
	Limit    int // how many of each node
	Deadline time.Duration
}

// Listing is what one node lists.
type Listing struct {
	Node identity.NodeName
	// Sessions are the node's own, newest first, with paths for URLs; IDs are theirs.
	Sessions []*ivoa.Session
	IDs      []identity.UUID
	// Rest is how far the list goes: older ones are still to come; zero: there are none.
	Rest identity.UUID
	// Err is why the node is left out: a *Fault.
	Err error
}

// Sessions asks nodes for their sessions, on behalf of the caller, and returns what
// each of them answers within the deadline, in their order.
func (p *Peers) Sessions(ctx context.Context, caller identity.Caller, list List, nodes []identity.NodeName) []Listing {
	ctx, cancel := context.WithTimeoutCause(ctx, list.Deadline, errDeadline)
	defer cancel()
	listings := make([]Listing, len(nodes))
	places := make(chan struct{}, mostListing)
	var all sync.WaitGroup
	for i, node := range nodes {
		places <- struct{}{} // who has one gives it back by the deadline
		all.Go(func() {
			defer func() { <-places }()
			listings[i] = p.list(ctx, caller, list, node)
			listings[i].Node = node
		})
	}
	all.Wait()
	return listings
}

// list asks one node, until it has some to list or no more to look through: one that
// has neither would keep the others' from being seen.
func (p *Peers) list(ctx context.Context, caller identity.Caller, list List, node identity.NodeName) (l Listing) {
	if ctx.Err() != nil {
		return Listing{Err: fault(Slow, "others took so long that it has not been asked")}
	}
	if why := p.listing.enter(node); why != nil {
		return Listing{Err: why}
	}
	defer func() { p.listing.leave(node, !IsFault(l.Err, Slow) && !IsFault(l.Err, Unreachable)) }()
	query := url.Values{"limit": {strconv.Itoa(list.Limit)}}
	for name, values := range list.Filter {
		query[name] = values
	}
	for {
		if !list.Before.IsZero() {
			query.Set("cursor", list.Before.String())
		}
		status, body, err := p.call(ctx, caller, node, call{
			method: http.MethodGet, path: "/sessions?" + query.Encode(), route: "/sessions", most: min(mostAnswer+list.Limit*mostListed, mostEver),
		})
		switch {
		case err != nil:
			return Listing{Err: ended(ctx, err, list.Deadline)}
		case status != http.StatusOK:
			return Listing{Err: refusal(status, body)}
		}
		c := checker{node: node, base: p.Base, now: p.Now()}
		if l, err = c.listing(list, body); err != nil {
			return Listing{Err: err}
		}
		if len(l.Sessions) > 0 || l.Rest.IsZero() {
			return l
		}
		list.Before = l.Rest
	}
}

// listing reads and checks a page of a node's sessions. The error is a *Fault.
func (c *checker) listing(list List, body []byte) (Listing, error) {
	var page ivoa.SessionList
	if err := decode(body, &page); err != nil {
		return Listing{}, err
	}
	if len(page.Sessions) > list.Limit {
		return Listing{}, fault(Broken, "it lists %d sessions, where %d were asked for", len(page.Sessions), list.Limit)
	}
	l := Listing{Sessions: page.Sessions}
	last := list.Before
	l.IDs = make([]identity.UUID, 0, len(page.Sessions))
	for _, s := range page.Sessions {
		id, err := c.session(s)
		if err == nil {
			err = c.follow(last, id)
		}
		if err != nil {
			return Listing{}, err
		}
		s.Meta.UUID = id.String()
		l.IDs, last = append(l.IDs, id), id
	}
	if page.Next == "" {
		return l, nil
	}
	next, err := url.Parse(page.Next)
	if err == nil {
		l.Rest, err = identity.ParseUUID(next.Query().Get("cursor"))
	}
	if err != nil || l.Rest.IsZero() {
		return Listing{}, fault(Broken, "it doesn't say where its list goes on")
	}
	if l.Rest == last && len(l.IDs) > 0 {
		return l, nil
	}
	return l, c.follow(last, l.Rest)
}

// follow checks that a list goes on, towards older sessions.
func (c *checker) follow(last, id identity.UUID) error {
	if !last.IsZero() && bytes.Compare(id[:], last[:]) >= 0 {
		return fault(Wrong, "its list is in no order")
	}
	return nil
}
