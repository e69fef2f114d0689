package node

import (
	"context"
	"errors"
	"time"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node/store"
)

// A direct request takes the best offer wherever it is. One of another node's is
// accepted there, with a key that makes it harmless to do so again: it is tried until
// the node answers or the offer has expired, and only then is another one taken, so
// that nothing runs twice as long as anybody can still tell.

// ranked is one of the offers of a set.
type ranked struct {
	id        identity.UUID
	elsewhere *store.Foreign // nil: it is this node's own
}

// ranking lists the offers of a set, the best first.
func ranking(set *store.OfferSet) (list []ranked) {
	own := set.Offers
	for i := range set.Elsewhere {
		f := &set.Elsewhere[i]
		for len(list) < f.Place && len(own) > 0 {
			list, own = append(list, ranked{id: own[0]}), own[1:]
		}
		list = append(list, ranked{f.ID, f})
	}
	for _, id := range own {
		list = append(list, ranked{id: id})
	}
	return list
}

// Bounds of taking an offer elsewhere.
const (
	// takePatience is how long one call tries: the client has no more patience.
	takePatience = 25 * time.Second
	takeOnce     = 5 * time.Second // an answer
	takePause    = 200 * time.Millisecond
)

// takeBest accepts the first of the offers that can be had. The key is for the one
// that is being tried.
func (b *Broker) takeBest(ctx context.Context, caller identity.Caller, offers []ranked, key string) (s *ivoa.Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, takePatience)
	defer cancel()
	for i, offer := range offers {
		if i > 0 && key != "" {
			b.mu.Lock()
			ticket := b.submit(write{extra: keyFor(caller, key, offer.id)})
			b.mu.Unlock()
			if err := durable(ctx, ticket); err != nil {
				return nil, err
			}
		}
		if offer.elsewhere == nil {
			s, err = b.Update(ctx, caller, offer.id, ivoa.SetPhase(ivoa.SessionAccepted), key)
		} else {
			s, err = b.takeElsewhere(ctx, caller, offer.elsewhere, key)
		}
		var refused *Problem
		if err == nil || !errors.As(err, &refused) || refused.Code != CodeConflict {
			return s, err
		}
	}
	return nil, err
}

// takeElsewhere accepts an offer of another node's. The error is a conflict where it
// can't be had any more.
func (b *Broker) takeElsewhere(ctx context.Context, caller identity.Caller, f *store.Foreign, key string) (*ivoa.Session, error) {
	if key == "" {
		key = "direct " + f.ID.String()
	}
	for {
		once, cancel := context.WithTimeout(ctx, takeOnce)
		s, refused, err := b.options.Network.Accept(once, caller, f.Node, f.ID, key)
		cancel()
		switch {
		case err == nil && !refused:
			return s, nil
		case err == nil:
			return nil, &Problem{Code: CodeConflict, Detail: "the offer of " + string(f.Node) + " can't be accepted: " + lastWord(s), Session: s}
		case fanout.IsFault(err, fanout.Refused):
			return nil, problem(CodeConflict, "the offer of %s can't be accepted: %v", f.Node, err)
		case b.now() >= f.Expires:
			return nil, problem(CodeConflict, "the offer of %s expired before it was accepted: %v", f.Node, err)
		}
		b.log.InfoContext(ctx, "an offer of another node is not accepted yet", "node", f.Node, "session", f.ID.String(), "error", err)
		select {
		case <-ctx.Done():
			return nil, &Problem{Code: CodeUnavailable, RetryAfter: 5 * time.Second, Detail: "the best offer is of " + string(f.Node) +
				", which doesn't answer, so that it isn't known whether session " + f.ID.String() + " is accepted: " + err.Error() +
				". Ask again, here and with the same Idempotency-Key if you gave one; or look at the session"}
		case <-time.After(takePause):
		}
	}
}

// takeAgain is for an idempotency key that has been used before, for an offer of
// another node's. What came of it that node says.
func (b *Broker) takeAgain(ctx context.Context, caller identity.Caller, id identity.UUID, key string) (*ivoa.Session, error) {
	gone := problem(CodeUnavailable, "the node that has session %s, which this Idempotency-Key was used for, isn't known here at the moment", id)
	if b.options.Network == nil {
		return nil, gone
	}
	node, known := b.options.Network.Owner(id.Owner())
	if !known {
		return nil, gone
	}
	ctx, cancel := context.WithTimeout(ctx, takePatience)
	defer cancel()
	return b.takeElsewhere(ctx, caller, &store.Foreign{ID: id, Node: node, Expires: id.Milliseconds() + mostHeldMillis}, key)
}

// lastWord is what a session says last.
func lastWord(s *ivoa.Session) string {
	if s.Meta == nil || len(s.Meta.Messages) == 0 {
		return "it is " + string(s.Phase)
	}
	return s.Meta.Messages[len(s.Meta.Messages)-1].Text
}
