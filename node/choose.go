package node

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
	"starling/scheduling/placement"
)

// choice is one of the offers among which the best are chosen: this node's own, or
// another's.
type choice struct {
	own     *store.Session
	foreign *ivoa.Session
	node    identity.NodeName // whose the foreign one is
	set     identity.UUID     // of that node, which it belongs to
}

// choose ranks this node's prospects and other nodes' offers by the question's policy
// and keeps the best: its own are held. It fills in the set's offers and returns its
// own among them; b.mu is held.
func (b *Broker) choose(q *question, set *store.OfferSet, own prospects) []*store.Session {
	var choices []choice
	var options []placement.Option
	for _, s := range own.sessions {
		choices = append(choices, choice{own: s})
		options = append(options, b.optionOf(q, s, scheduling.Instant(set.Created)))
	}
	for _, a := range q.others.answers {
		for _, s := range a.Offers {
			choices = append(choices, choice{foreign: s, node: a.Node, set: a.Set})
			options = append(options, foreignOption(q, a.Node, s, scheduling.Instant(set.Created)))
		}
	}
	if len(choices) == 0 {
		return nil
	}
	ranked := placement.Rank(q.policy, options, rand.IntN)
	ranked = ranked[:min(len(ranked), b.mostOffers(q))]
	var mine []*store.Session
	for _, r := range ranked {
		if s := choices[r.Option].own; s != nil {
			mine = append(mine, s)
		}
	}
	mine = b.hold(set, own.pools, mine)
	place := 0
	for _, r := range ranked {
		c := choices[r.Option]
		switch {
		case c.own == nil:
			set.Elsewhere = append(set.Elsewhere, c.foreignOffer(set, place, r))
			b.heldAt(c.node, set, options[r.Option])
		case !slices.Contains(mine, c.own): // it could not be held
			continue
		case q.asked.Set.IsZero(): // or else the node that asks says how it ranks among all
			c.own.Messages = slices.Insert(c.own.Messages, 1, placeMessage(b.options.Name, set.Created, place, r)) // behind that which says what it is
		}
		place++
	}
	return mine
}

// heldAt remembers what another node holds for an answer of this one, until that
// node's digests show it. Of its offers, which are alternatives, the best counts.
func (b *Broker) heldAt(node identity.NodeName, set *store.OfferSet, o placement.Option) {
	if slices.ContainsFunc(set.Elsewhere[:len(set.Elsewhere)-1], func(f store.Foreign) bool { return f.Node == node }) {
		return
	}
	slot := scheduling.Slot{Window: scheduling.Window{Start: o.Start.Add(-o.Transfer), End: o.End}, Resources: o.Resources}
	b.placing.Lock()
	defer b.placing.Unlock()
	b.unconfirmed.Sent(node, entryID(set.ID), slot, scheduling.Instant(set.Created))
}

// mostOffers is how many offers an answer may have. Another node ranks them itself,
// among those of all.
func (b *Broker) mostOffers(q *question) int {
	if q.plain == nil {
		return b.options.Offers.PerRequest
	}
	return b.options.Placement.Offers
}

func (b *Broker) optionOf(q *question, s *store.Session, now scheduling.Instant) placement.Option {
	start := scheduling.Instant(s.Plan.Start + s.Plan.Preparing)
	return placement.Option{
		Site: string(b.options.Name), Asked: max(now, q.demand.Start.Earliest),
		Start: start, End: start.Add(scheduling.Span(s.Plan.Duration)),
		Transfer: q.transfer.Span, Moved: q.transfer.Moved, Bytes: q.transfer.Bytes,
		Resources: resourcesOf(s.Plan),
		Quote:     scheduling.Quote{Costs: quoted(s.Costs), Metrics: quoted(s.Metrics)},
	}
}

func quoted(amounts []store.Amount) (list []scheduling.Amount) {
	for _, a := range amounts {
		list = append(list, scheduling.Amount{Type: a.Type, Value: a.Value, Unit: a.Unit})
	}
	return list
}

// foreignOption is an offer that package fanout has checked.
func foreignOption(q *question, node identity.NodeName, s *ivoa.Session, now scheduling.Instant) placement.Option {
	start, end := spansOf(s)
	if late := now.Sub(start); late > 0 { // others were waited for meanwhile; until it expires it can begin at any time
		start, end = now, end.Add(late)
	}
	quote, _ := fanout.QuoteOf(s)
	compute := s.Compute.(*ivoa.SimpleComputeResource)
	o := placement.Option{
		Site: string(node), Asked: max(now, q.demand.Start.Earliest), Start: start, End: end,
		Resources: scheduling.Resources{Cores: *compute.Cores.Min, Memory: *compute.Memory.Min},
		Quote:     quote,
	}
	o.Transfer, o.Moved, o.Bytes = readTransfer(s)
	return o
}

// placeMessage says why an offer is where it is among all.
func placeMessage(site identity.NodeName, now store.Millis, place int, r placement.Ranked) ivoa.Message {
	values := pairsOf(r.Reason.Values, "site", string(site), "rank", strconv.Itoa(place+1))
	return ivoa.NewMessage(wall(now), ivoa.LevelInfo, messagePlace, "{site}: "+r.Reason.Template, values...)
}
