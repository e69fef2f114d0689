package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/federation/shortlist"
	"starling/federation/tracing"
	"starling/node/store"
	"starling/scheduling"
)

// The kinds of messages about other sites.
const (
	messageAsked    = "urn:starling:message:asked"     // what came of asking a site
	messageNotAsked = "urn:starling:message:not-asked" // why a site was not
	messagePlace    = "urn:starling:message:place"     // why an offer ranks where it does
	messageStale    = "urn:starling:message:stale"     // what is shown may not be so any more
)

// others is what other nodes say to a question.
type others struct {
	answers []fanout.Answer
	left    []left // who was not asked
}

// left is a node that was not asked, and why.
type left struct {
	node   identity.NodeName
	reason scheduling.Reason
}

// askOthers asks other nodes what they can offer, where that could be anything. The
// node's own answer is quickly found, and waits for theirs, so that it never holds
// what turns out not to be wanted.
func (b *Broker) askOthers(ctx context.Context, caller identity.Caller, q *question) {
	if q.plain == nil || q.hopeless {
		return
	}
	ctx, span := tracing.Start(ctx, "ask others")
	defer span.End()
	var nodes []identity.NodeName
	nodes, q.others.left = b.whomToAsk(q)
	span.Count(tracing.Asked, len(nodes))
	q.others.answers = b.options.Network.Ask(ctx, caller, fanout.Question{
		Request: q.plain, Set: q.set, Placement: q.policy.Name(), Deadline: b.options.Placement.Deadline, Wanted: q.wanted(),
	}, nodes)
	for _, a := range q.others.answers {
		b.metrics.answered(a)
		if a.Err != nil {
			b.log.InfoContext(ctx, "a node is left out of an answer", "node", a.Node, "offerset", q.set.String(), "took", a.Took.Round(time.Millisecond), "reason", a.Err, "cause", errors.Unwrap(a.Err))
		}
	}
}

// whomToAsk chooses among the other nodes.
func (b *Broker) whomToAsk(q *question) (nodes []identity.NodeName, others []left) {
	if b.options.Placement.Ask == 0 {
		return nil, nil
	}
	known := b.options.Network.Known()
	if q.keeper != (identity.Tag{}) {
		return b.onlyKeeper(q, known)
	}
	now := b.now()
	b.placing.Lock()
	chosen, rest := shortlist.Choose(shortlist.Request{
		Demand: q.demand, Kind: q.kind, Data: q.plainKinds(), Schemes: q.schemes, Items: q.items, Constraints: q.constraints,
		Policy: q.policy, Ask: b.options.Placement.Ask, Now: scheduling.Instant(now),
	}, known, b.unconfirmed, rand.IntN)
	b.placing.Unlock()
	for _, c := range chosen {
		nodes = append(nodes, c.Node)
	}
	for _, l := range rest {
		if l.Cause == shortlist.Unheard && len(nodes) < b.options.Placement.Ask { // it knows by itself what it has
			nodes = append(nodes, l.Node)
			continue
		}
		others = append(others, left{l.Node, l.Reason()})
	}
	return nodes, others
}

// onlyKeeper is for a request that wants to use storage again: only its node can do
// that.
func (b *Broker) onlyKeeper(q *question, known []digest.Known) (nodes []identity.NodeName, others []left) {
	for _, k := range known {
		switch {
		case k.Self:
		case k.Node.Tag() == q.keeper:
			nodes = append(nodes, k.Node)
		default:
			others = append(others, left{k.Node, scheduling.Reason{Template: "not asked: it doesn't have the storage that is to be used again"}})
		}
	}
	return nodes, others
}

// plainKinds are the kinds of data that have to be staged, of which a node says
// whether it takes them. That this one has a URL of its own for some is nothing to
// others.
func (q *question) plainKinds() []string {
	kinds := slices.DeleteFunc(slices.Clone(q.dataKinds), func(kind string) bool { return strings.Contains(kind, locatedAt) })
	for _, kind := range q.unlocated {
		kinds = addOnce(kinds, kind)
	}
	return kinds
}

// keeperOf is the node that keeps storage which a request wants to use again; zero:
// there is none.
func (b *Broker) keeperOf(req *ivoa.ExecutionRequest) identity.Tag {
	if b.options.Network == nil {
		return identity.Tag{}
	}
	refs := make([]string, 0, len(req.Storage))
	for _, s := range req.Storage {
		refs = append(refs, s.Base().UUID())
	}
	if req.Compute != nil {
		for _, v := range req.Compute.Mounted().Volumes {
			if v, ok := v.(*ivoa.SimpleVolumeMount); ok {
				refs = append(refs, v.Resource)
			}
		}
	}
	for _, ref := range refs {
		id, err := identity.ParseUUID(ref)
		if err != nil {
			continue
		}
		if _, known := b.options.Network.Owner(id.Owner()); known || id.Owner() == b.options.Name.Tag() {
			return id.Owner()
		}
	}
	return identity.Tag{}
}

// wanted is what offers of other nodes must be of.
func (q *question) wanted() fanout.Wanted {
	w := fanout.Wanted{
		Executable: q.request.Executable, Data: q.request.Data, Constraints: q.constraints,
		Least: q.demand.Min, Most: q.demand.Max, Start: q.demand.Start,
	}
	if q.times.Kind != "" { // within which its own windows are looked for
		w.Start = q.times.Start
	}
	if s := q.request.Schedule; s != nil && s.Requested != nil && s.Requested.Duration != "" {
		w.Duration = q.demand.Duration
	}
	return w
}

// sessions are the offers of other nodes that are in an answer, as they came.
func (o others) sessions(set *store.OfferSet) map[identity.UUID]*ivoa.Session {
	if len(set.Elsewhere) == 0 {
		return nil
	}
	found := make(map[identity.UUID]*ivoa.Session, len(set.Elsewhere))
	for _, a := range o.answers {
		for _, s := range a.Offers {
			if id, err := identity.ParseUUID(s.UUID()); err == nil {
				found[id] = s
			}
		}
	}
	return found
}

// unwanted tells the nodes that were asked which of their offers are still wanted,
// where those aren't all.
func (o others) unwanted(set *store.OfferSet) (list []*store.Tiding) {
	for _, a := range o.answers {
		t := store.Tiding{Node: a.Node, Set: set.ID, Until: set.Created + mostHeldMillis}
		for _, f := range set.Elsewhere {
			if f.Node == a.Node {
				t.Keep = append(t.Keep, f.ID)
			}
		}
		if a.Err != nil || len(t.Keep) < len(a.Offers) {
			list = append(list, &t)
		}
	}
	return list
}

// mostHeldMillis is how long any node may hold offers.
const mostHeldMillis = 24 * 3600 * 1000

// messagesOfOthers says what came of the other sites: of each one that isn't among
// the offers, why.
func (b *Broker) messagesOfOthers(q *question, set *store.OfferSet, level ivoa.Level) (list []ivoa.Message) {
	now := wall(set.Created)
	for _, a := range q.others.answers {
		kept := slices.ContainsFunc(set.Elsewhere, func(f store.Foreign) bool { return f.Node == a.Node })
		site := string(a.Node)
		switch {
		case kept:
		case a.Err != nil:
			list = append(list, ivoa.NewMessage(now, ivoa.LevelWarn, messageAsked, "{site} is left out: {reason}", "site", site, "reason", a.Err.Error()))
		case len(a.Offers) > 0:
			list = append(list, ivoa.NewMessage(now, ivoa.LevelInfo, messageAsked, "{site} offers this too, but none of its {count} is among the best {kept} of all", "site", site,
				"count", strconv.Itoa(len(a.Offers)), "kept", strconv.Itoa(len(set.Offers)+len(set.Elsewhere))))
		default:
			list = append(list, condensed(a, level, now))
		}
	}
	for _, l := range q.others.left {
		list = append(list, ivoa.NewMessage(now, ivoa.LevelInfo, messageNotAsked, "{site}: "+l.reason.Template, pairsOf(l.reason.Values, "site", string(l.node))...))
	}
	return list
}

// condensed is one message for all that a site says that says NO.
func condensed(a fanout.Answer, level ivoa.Level, now time.Time) ivoa.Message {
	worst := a.Messages[0]
	reasons := 0
	for _, m := range a.Messages {
		if m.Level == ivoa.LevelError {
			if reasons++; reasons == 1 {
				worst = m
			}
		}
	}
	template, pairs := "{site} offers nothing: {reason}", []string{"site", string(a.Node), "reason", withoutSite(worst.Text, a.Node), "kind", worst.Kind}
	if reasons > 1 {
		template, pairs = template+" (and {more} more)", append(pairs, "more", strconv.Itoa(reasons-1))
	}
	return ivoa.NewMessage(now, level, messageAsked, template, pairs...)
}

// withoutSite takes a site's name off what it says, where that begins with it.
func withoutSite(text string, node identity.NodeName) string {
	for _, prefix := range []string{string(node) + ": ", string(node) + " "} {
		if len(text) > len(prefix) && text[:len(prefix)] == prefix {
			return text[len(prefix):]
		}
	}
	return text
}

// spansOf reads when an offer's work begins and ends, at the earliest.
func spansOf(s *ivoa.Session) (start, end scheduling.Instant) {
	available := s.Schedule.Available
	interval, _ := ivoa.ParseInterval(available.Start) // package fanout has read them
	length, _ := ivoa.ParseDuration(available.Duration)
	start = scheduling.InstantOf(interval.Start)
	return start, start.Add(scheduling.SpanOf(length))
}
