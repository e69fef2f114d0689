package node

import (
	"context"
	"errors"
	"slices"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node/chronicle"
	"starling/node/store"
)

// mostExplained bounds the attempts of which an explanation tells, the newest.
const mostExplained = 20

// Explanation tells what became of a session that the caller may see, and why it
// waited. Of a session that isn't kept here it tells what the record of its attempts
// says, which every node has.
func (b *Broker) Explanation(ctx context.Context, caller identity.Caller, id identity.UUID) (*chronicle.Explanation, error) {
	m := chronicle.Material{Now: b.now(), Node: b.options.Name}
	s, err := b.stored(caller, toRead, id)
	var missing *Problem
	switch {
	case err == nil:
		m.ID, m.Session = s.ID, b.asOfNow(s)
		if err := b.kept(&m); err != nil {
			return nil, err
		}
	case errors.As(err, &missing) && missing.Code == CodeNotFound:
	default:
		return nil, err
	}
	entries, recordErr := b.attemptsOf(ctx, caller, id)
	if recordErr != nil {
		return nil, recordErr
	}
	if m.Attempts = entries; m.Session == nil && len(entries) == 0 {
		return nil, missing
	}
	if m.Session == nil { // the record says which it is, to whom may know
		m.ID, err = identity.ParseUUID(string(entries[0].Session))
		m.Node = identity.NodeName(entries[0].Node)
		if err != nil {
			return nil, err
		}
	}
	told := chronicle.Tell(m)
	return &told, nil
}

// kept gathers what the node keeps of a session beside itself.
func (b *Broker) kept(m *chronicle.Material) error {
	if err := b.store.View(func(tx *store.Tx) (err error) {
		if m.Set, err = tx.OfferSet(m.Session.OfferSet); err != nil {
			return err
		}
		m.Outages, err = tx.Outages()
		return err
	}); err != nil {
		return err
	}
	m.Present = b.present(m.Session.ID)
	return nil
}

// present counts for whom a session waits that waits to be despatched.
func (b *Broker) present(id identity.UUID) *chronicle.Present {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, now := b.state.live[id], b.now()
	if s == nil || !despatchable(s) {
		return nil
	}
	p := b.state.pools[s.Plan.Pool]
	present := &chronicle.Present{Closed: !p.working(now)}
	for _, e := range p.executors {
		switch {
		case e.unable(&line{like: s}) != "":
			present.Unable++
		case !e.alive(now):
			present.Away++
		default:
			present.Able++
		}
	}
	return present
}

// attemptsOf reads what is on record of a session's attempts, the oldest first, as far
// as the caller may see it.
func (b *Broker) attemptsOf(ctx context.Context, caller identity.Caller, id identity.UUID) (entries []accounting.HistoryEntry, err error) {
	err = b.look(ctx, nil, func(view accounting.View) error {
		found, _, err := accounting.Histories(view, accounting.HistoryFilter{Caller: asker(caller), Session: accounting.SessionID(id.String())}, "", mostExplained)
		if err != nil {
			return err
		}
		entries = entries[:0]
		for _, e := range slices.Backward(found) {
			whole, err := accounting.History(view, asker(caller), e.HistoryRef)
			if err != nil {
				return err
			}
			entries = append(entries, whole)
		}
		return nil
	})
	return entries, err
}
