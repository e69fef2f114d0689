package fanout

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// Offers reads how the offers of another node's set stand, by UUID, on behalf of the
// caller. Sessions have paths for URLs. The error is a *Fault.
func (p *Peers) Offers(ctx context.Context, caller identity.Caller, node identity.NodeName, set identity.UUID) (map[identity.UUID]*ivoa.Session, error) {
	status, body, err := p.call(ctx, caller, node, call{method: http.MethodGet, path: "/offersets/" + set.String(), route: "/offersets/:uuid", most: mostOffers * mostAnswer / 4})
	if err != nil {
		return nil, inTime(ctx, err)
	}
	if status != http.StatusOK {
		return nil, refusal(status, body)
	}
	var answer ivoa.OfferSet
	if err := decode(body, &answer); err != nil {
		return nil, err
	}
	c := checker{node: node, base: p.Base, now: p.Now()}
	found := make(map[identity.UUID]*ivoa.Session, len(answer.Offers))
	for _, s := range answer.Offers {
		id, err := c.session(s)
		if err != nil {
			return nil, err
		}
		found[id] = s
	}
	return found, nil
}

// Accept takes an offer of another node's, on behalf of the caller. The key makes it
// harmless to do it again. What the node answers is either the session, accepted, or
// the session as it stands, with refused true and the reason in its messages. The
// error is a *Fault: what has come of it is not known, unless it is Refused.
func (p *Peers) Accept(ctx context.Context, caller identity.Caller, node identity.NodeName, id identity.UUID, key string) (s *ivoa.Session, refused bool, err error) {
	body, err := ivoa.Encode(ivoa.JSON, ivoa.SetPhase(ivoa.SessionAccepted))
	if err != nil {
		return nil, false, err
	}
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	status, said, err := p.call(ctx, caller, node, call{method: http.MethodPost, path: "/sessions/" + id.String(), route: "/sessions/:uuid", header: header, body: body, most: 2 * mostAnswer})
	if err != nil {
		return nil, false, inTime(ctx, err)
	}
	if status != http.StatusOK && status != http.StatusConflict {
		return nil, false, refusal(status, said)
	}
	if s, err = p.read(node, id, said); err != nil && status == http.StatusConflict { // it only says why
		return nil, false, refusal(status, said)
	}
	return s, status == http.StatusConflict, err
}

// read reads one session of a node's.
func (p *Peers) read(node identity.NodeName, id identity.UUID, body []byte) (*ivoa.Session, error) {
	var s ivoa.Session
	if err := decode(body, &s); err != nil {
		return nil, err
	}
	c := checker{node: node, base: p.Base, now: p.Now()}
	found, err := c.session(&s)
	if err == nil && found != id {
		err = fault(Wrong, "it answers with another session")
	}
	return &s, err
}

// session checks what a node says of a session of its own, which may have gone on
// from an offer: whose it is, and that it leads nowhere else.
func (c *checker) session(s *ivoa.Session) (identity.UUID, error) {
	id, err := c.identify(&s.Component)
	if err != nil {
		return id, err
	}
	if err := c.own(&s.Component, "/sessions/", id); err != nil {
		return id, err
	}
	s.Meta.Messages = messages(s.Meta.Messages)
	for _, part := range partsOf(s) {
		if err := none(part); err != nil {
			return id, err
		}
	}
	s.Connectors = slices.DeleteFunc(s.Connectors, func(way ivoa.Connector) bool {
		_, err := c.path(way.Location)
		return err != nil
	})
	for i := range s.Connectors {
		s.Connectors[i].Location, _ = c.path(s.Connectors[i].Location)
	}
	return id, nil
}

// inTime makes a fault of what a deadline has ended.
func inTime(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault(Slow, "it has not answered in time")
	}
	return err
}

// Patience is how long another node may take to say how its offers stand.
const Patience = 2 * time.Second
