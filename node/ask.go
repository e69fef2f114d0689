package node

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/api/ivoa/spelling"
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node/store"
	"starling/scheduling"
	"starling/scheduling/placement"
)

// Asking is how a question is to be answered.
type Asking struct {
	// Placement names the policy by which offers are ranked; "": the node's own.
	Placement string
	// For is the offer set that another node puts together, and asks for.
	For identity.UUID
}

// Ask answers a request with offers, which are held until they expire, or with
// NO and the reasons. Other nodes are asked as well, unless it is one of them that
// asks. The answer is durable. Notices are what the decoder had to say of the
// request. The error is a *Problem where the request makes no sense at all, or
// nothing can be written.
func (b *Broker) Ask(ctx context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, how Asking) (*ivoa.OfferSet, error) {
	q, err := b.question(ctx, caller, req, notices, how)
	if err != nil {
		return nil, err
	}
	b.askOthers(ctx, caller, q)
	defer b.guard()
	set, sessions, err := b.answerAfresh(ctx, caller, q)
	if err != nil {
		return nil, err
	}
	ticket := b.submit(write{set: set, sessions: sessions, tidings: traced(caller, q.others.unwanted(set))})
	b.mu.Unlock()
	if err := durable(ctx, ticket); err != nil {
		return nil, err
	}
	b.metrics.asked(set.Yes())
	if !q.asked.Set.IsZero() && ctx.Err() != nil { // the node that asked waits no longer, so that nobody will hear of it
		b.retract(set.ID)
		return nil, ctx.Err()
	}
	return viewOfferSet(set, q.request, sessions, q.others.sessions(set)), nil
}

// question reads a request on behalf of a caller.
func (b *Broker) question(ctx context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, how Asking) (*question, error) {
	ctx, span := tracing.Start(ctx, "read request")
	defer span.End()
	if err := b.mayAsk(caller); err != nil {
		return nil, err
	}
	if err := recordable(owners(caller), ""); err != nil {
		return nil, problem(CodeForbidden, "the names in your token can't be recorded, and nothing could be charged: %v", err)
	}
	placed, asked, err := b.asking(caller, how)
	if err != nil {
		return nil, err
	}
	if err := b.writable(); err != nil {
		return nil, err
	}
	var plain []byte
	keeper := b.keeperOf(req)
	if b.asksOthers(caller) {
		if plain, err = ivoa.Encode(ivoa.JSON, req); err != nil { // before what follows reads it, and changes it
			return nil, err
		}
	}
	q, err := understand(req, notices, wall(b.now()), b.options.Offers, b.recalled(caller, req))
	if err != nil {
		return nil, err
	}
	q.set, q.policy, q.asked, q.plain, q.keeper, q.trace = b.mint.New(b.now()), placed, asked, plain, keeper, caller.Trace
	b.needTokens(q, caller)
	b.judge(caller, q)
	q.owners = b.lineage(ctx, owners(caller))
	if q.funds, err = b.fundsOf(ctx, q.owners); err != nil {
		return nil, err
	}
	encoded, err := ivoa.Encode(ivoa.JSON, req)
	q.encoded = bytes.Clone(encoded) // it is kept while offers are open: without the room for an answer
	return q, err
}

// asking reads how a question is to be answered.
func (b *Broker) asking(caller identity.Caller, how Asking) (placement.Policy, store.For, error) {
	policy, err := placement.ByName(cmp.Or(how.Placement, b.options.Placement.Policy))
	if err != nil {
		return nil, store.For{}, &Problem{Code: CodeInvalid, Field: "Starling-Placement", Detail: err.Error()}
	}
	if how.For.IsZero() {
		return policy, store.For{}, nil
	}
	if len(caller.Via) == 0 || how.For.Owner() != caller.Via[len(caller.Via)-1].Tag() {
		return nil, store.For{}, &Problem{Code: CodeInvalid, Field: "Starling-Offer-Set", Detail: "only a node asks for an offer set, and for one of its own"}
	}
	return policy, store.For{Node: caller.Via[len(caller.Via)-1], Set: how.For}, nil
}

// answerAfresh is answer, under the lock that it leaves locked. A NO for want of
// funds is given only on the strength of a record that has all that was decided
// before, where that can be had.
func (b *Broker) answerAfresh(ctx context.Context, caller identity.Caller, q *question) (set *store.OfferSet, sessions []*store.Session, err error) {
	ctx, span := tracing.Start(ctx, "make offers")
	defer func() { span.Count(tracing.Offers, len(sessions)); span.End() }()
	b.mu.Lock()
	set, sessions, short := b.answer(caller, q)
	if set.Yes() || !short {
		return set, sessions, nil
	}
	b.mu.Unlock()
	_ = b.catchUp(ctx)
	if q.funds, err = b.fundsOf(ctx, q.owners); err != nil {
		return nil, nil, err
	}
	b.mu.Lock()
	set, sessions, _ = b.answer(caller, q)
	return set, sessions, nil
}

// answer decides on offers, beside those of other nodes, and holds its own; b.mu is
// held. The sessions of a NO are none; short says that some were left out since
// nobody could pay for them.
func (b *Broker) answer(caller identity.Caller, q *question) (set *store.OfferSet, sessions []*store.Session, short bool) {
	now := b.now()
	set = &store.OfferSet{
		ID: q.set, User: caller.User, Created: now, Request: q.encoded, For: q.asked,
		Expires: now + b.options.Offers.HoldTime.Milliseconds(), Messages: slices.Clone(q.remarks),
	}
	own := b.prospects(caller, q, set)
	sessions = b.choose(q, set, own)
	level := ivoa.LevelError
	if set.Yes() { // then it is only worth knowing
		level = ivoa.LevelInfo
	}
	for _, why := range own.reasons {
		why.Level = level
		set.Messages = append(set.Messages, why)
	}
	set.Messages = append(set.Messages, b.messagesOfOthers(q, set, level)...)
	if len(sessions) == 0 {
		if len(set.Elsewhere) == 0 {
			set.Expires = 0
		}
		return set, nil, own.short
	}
	b.openSet(set)
	return set, sessions, own.short
}

// prospects are what this node could offer, not yet held.
type prospects struct {
	sessions []*store.Session
	pools    []*pool
	reasons  []ivoa.Message // why nothing, or not more
	short    bool           // some are left out since nobody could pay for them
}

// prospects looks for offers of this node's; b.mu is held.
func (b *Broker) prospects(caller identity.Caller, q *question, set *store.OfferSet) (own prospects) {
	now := set.Created
	if len(q.objections) > 0 {
		own.reasons = q.objections
		return own
	}
	if q.keeper != (identity.Tag{}) && q.keeper != b.options.Name.Tag() && b.asksOthers(caller) {
		own.reasons = []ivoa.Message{ivoa.NewMessage(wall(now), ivoa.LevelError, ivoa.MessageNotSupported,
			"{site} doesn't have the storage that is to be used again", "site", string(b.options.Name))}
		return own
	}
	if open := b.state.open[caller.User]; open >= b.options.Offers.HoldGroupsPerUser {
		own.reasons = []ivoa.Message{ivoa.NewMessage(wall(now), ivoa.LevelError, ivoa.MessageResourceLimit,
			"you have {open} answers with open offers, and no more are held for one user: accept or reject some, or wait until they expire",
			"open", strconv.Itoa(open))}
		return own
	}
	if own.reasons = append(b.fullOfKept(q, now), b.inUse(q, now)...); len(own.reasons) > 0 {
		return own
	}
	room := b.roomFor(q, now)
	if own.reasons = room.objections; len(own.reasons) > 0 {
		return own
	}
	demand := q.demand
	demand.Max = room.max
	candidates, pools, simulated := b.candidates(caller, q, now)
	if len(candidates) == 0 {
		own.reasons = []ivoa.Message{b.unable(q, now)}
		return own
	}
	proposals, refusals := scheduling.Propose(candidates, demand, q.constraints, scheduling.Limits{
		Now:       scheduling.Instant(now),
		HeldUntil: scheduling.Instant(set.Expires),
		Horizon:   scheduling.SpanOf(b.options.Offers.Horizon),
		HoldShare: b.options.Offers.HoldShare,
		MaxOffers: room.offers,
	})
	var unpaid, forbidden []ivoa.Message
	for _, p := range proposals {
		if why := b.forbids(caller, q, p); why != nil {
			forbidden = append(forbidden, policyMessage(b.options.Name, *why, now, ivoa.LevelError))
			continue
		}
		s := b.offer(q, set, p)
		s.Plan.Pool, s.Plan.Simulated = pools[p.Candidate].id, simulated[p.Candidate]
		if s.Plan.Simulated {
			s.Messages = append(s.Messages, ivoa.NewMessage(wall(now), ivoa.LevelWarn, messageSimulated,
				"{site} would simulate this: no executor here runs {kind}, so that nothing would really run", "site", string(b.options.Name), "kind", q.kind))
		}
		s.Messages = append(s.Messages, b.transferMessages(q, now)...)
		s.Messages = append(s.Messages, b.priceMessages(s, now)...)
		s.Messages = append(s.Messages, tokenMessages(q, s, now)...)
		if lacks := b.afford(q, s); lacks != nil {
			unpaid = append(unpaid, lacks.message(now, ivoa.LevelError))
			continue
		}
		own.sessions = append(own.sessions, s)
	}
	for _, r := range refusals {
		own.reasons = append(own.reasons, b.refusal(r, now))
	}
	own.pools, own.reasons, own.short = pools, append(append(own.reasons, unpaid...), forbidden...), len(unpaid) > 0
	return own
}

// candidates are the pools that could run a question's executable.
func (b *Broker) candidates(caller identity.Caller, q *question, now store.Millis) (candidates []scheduling.Candidate, pools []*pool, simulated []bool) {
	taken := b.taken(q.kind, now)
	for _, id := range slices.SortedFunc(maps.Keys(b.state.pools), compareUUIDs) {
		p := b.state.pools[id]
		ok, sim := p.able(q, now)
		if !ok || sim && taken {
			continue
		}
		candidates = append(candidates, scheduling.Candidate{Timeline: p.timeline, Terms: b.terms(q, p)})
		pools, simulated = append(pools, p), append(simulated, sim)
	}
	return candidates, pools, simulated
}

// taken reports whether an executor of any pool really runs a kind. Then nobody
// simulates it.
func (b *Broker) taken(kind string, now store.Millis) bool {
	for _, e := range b.state.executors {
		if e.alive(now) && !e.Registration.Simulated && slices.Contains(e.Registration.Kinds, kind) {
			return true
		}
	}
	return false
}

func compareUUIDs(a, b identity.UUID) int { return slices.Compare(a[:], b[:]) }

// unable says why no pool of this node could run a question's executable.
func (b *Broker) unable(q *question, now store.Millis) ivoa.Message {
	if q.executor != (identity.UUID{}) {
		return ivoa.NewMessage(wall(now), ivoa.LevelError, ivoa.MessageNotSupported,
			"{site}: the executor that keeps the storage to be used again can't run this, or isn't there at present", "site", string(b.options.Name))
	}
	var kinds []string
	taken := b.taken(q.kind, now)
	for _, id := range slices.SortedFunc(maps.Keys(b.state.executors), compareUUIDs) {
		e := b.state.executors[id]
		if !e.alive(now) {
			continue
		}
		if slices.Contains(e.Registration.Kinds, q.kind) && (!taken || !e.Registration.Simulated) {
			return b.unstageable(q, e)
		}
		for _, k := range e.Registration.Kinds {
			if !isData(k) {
				kinds = addOnce(kinds, ivoa.ShortKind(k))
			}
		}
	}
	spelling.Sort(kinds, ivoa.ShortKind(q.kind))
	known := strings.Join(kinds, ", ")
	if known == "" {
		known = "nothing at present"
	}
	return ivoa.NewMessage(wall(now), ivoa.LevelError, ivoa.MessageNotSupported,
		"{site} has no executor that runs {kind}; its executors run: {kinds}", "site", string(b.options.Name), "kind", q.kind, "kinds", known)
}

// isData reports whether a kind is one of data, or says what an executor does with
// them, which nobody runs.
func isData(kind string) bool {
	return strings.HasPrefix(kind, ivoa.Schema+"/data/") || kind == despatch.KindDataToken || kind == despatch.KindKeptStorage
}

// unstageable says which data an executor that runs the kind can't stage.
func (b *Broker) unstageable(q *question, e *executor) ivoa.Message {
	for _, kind := range q.dataKinds {
		if kind == despatch.KindKeptStorage && !slices.Contains(e.Registration.Kinds, kind) {
			return ivoa.NewMessage(wall(b.now()), ivoa.LevelError, ivoa.MessageNotSupported,
				"{site} has no executor that runs {kind} and keeps storage after the session's end", "site", string(b.options.Name), "kind", q.kind)
		}
		if kind == despatch.KindDataToken && !slices.Contains(e.Registration.Kinds, kind) {
			return ivoa.NewMessage(wall(b.now()), ivoa.LevelError, ivoa.MessageNotSupported,
				"{site} has no executor that runs {kind} and fetches data that need a token", "site", string(b.options.Name), "kind", q.kind)
		}
		if name, scheme, located := strings.Cut(kind, locatedAt); !e.stages(kind) && located {
			return ivoa.NewMessage(wall(b.now()), ivoa.LevelError, ivoa.MessageNotSupported,
				"{site} can't stage data of kind {kind}, nor fetch from {schemes}", "site", string(b.options.Name), "kind", name, "schemes", scheme)
		} else if !e.stages(kind) {
			return ivoa.NewMessage(wall(b.now()), ivoa.LevelError, ivoa.MessageNotSupported,
				"{site} can't stage data of kind {kind}", "site", string(b.options.Name), "kind", name)
		}
	}
	return ivoa.NewMessage(wall(b.now()), ivoa.LevelError, ivoa.MessageNotSupported,
		"{site} can't fetch data from {schemes}; it can from {known}", "site", string(b.options.Name),
		"schemes", strings.Join(q.schemes, " "), "known", strings.Join(e.Registration.Schemes, " "))
}

// refusalKinds says which kind of message a refusal of a timeline becomes.
var refusalKinds = map[scheduling.Code]string{
	scheduling.CodeInvalid:       ivoa.MessageInvalidValue,
	scheduling.CodeTooLarge:      ivoa.MessageResourceLimit,
	scheduling.CodeNoWindow:      ivoa.MessageResourceLimit,
	scheduling.CodeFull:          ivoa.MessageResourceLimit,
	scheduling.CodeStartInterval: ivoa.MessageResourceLimit,
	scheduling.CodeHoldLimit:     ivoa.MessageResourceLimit,
	scheduling.CodeCost:          ivoa.MessageResourceLimit,
	scheduling.CodeMetric:        ivoa.MessageResourceLimit,
}

// refusal makes a message of a timeline's reason.
func (b *Broker) refusal(r scheduling.Refusal, now store.Millis) ivoa.Message {
	pairs := []string{"site", string(b.options.Name), "reason", string(r.Code)}
	for _, name := range slices.Sorted(maps.Keys(r.Reason.Values)) {
		value := r.Reason.Values[name]
		if name == "type" { // of a cost or a metric
			pairs = append(pairs, "urn", value)
			value = measureName(b.options.Costs, value)
		}
		pairs = append(pairs, name, value)
	}
	return ivoa.NewMessage(wall(now), ivoa.LevelError, refusalKinds[r.Code], "{site}: "+r.Reason.Template, pairs...)
}

// The kinds of our own messages.
const (
	messageOffer     = "urn:starling:message:offer"
	messageSimulated = "urn:starling:message:simulated"
	messagePrice     = "urn:starling:message:price"
	messageRepeats   = "urn:starling:message:repeats"
	messagePhase     = "urn:starling:message:phase"
	messageAttempt   = "urn:starling:message:attempt"
)

// offer makes a session of a proposal.
func (b *Broker) offer(q *question, set *store.OfferSet, p scheduling.Proposal) *store.Session {
	s := &store.Session{
		ID: b.mint.New(set.Created), OfferSet: set.ID, Owners: q.owners, Name: q.name,
		Kind: q.kind, Data: q.dataKinds, Schemes: q.schemes, Stages: len(q.request.Data), Staging: q.staging, Actions: ownActions(q.request.Executable),
		Groups: q.groups, Phase: ivoa.SessionOffered, Asked: q.trace, Created: set.Created, Modified: set.Created, Expires: set.Expires,
		Costs: b.amounts(p.Quote.Costs), Metrics: b.amounts(p.Quote.Metrics),
		Plan: store.Plan{
			Cores: p.Resources.Cores, Memory: p.Resources.Memory, Storage: p.Resources.Storage, GPUs: p.Resources.GPUs,
			Start:     store.Millis(p.Preparing.Start),
			End:       store.Millis(p.Slot.End),
			Latest:    store.Millis(p.Start.Latest.Add(-q.demand.Preparing)),
			Preparing: store.Millis(q.demand.Preparing), Duration: store.Millis(q.demand.Duration), Releasing: store.Millis(q.demand.Releasing),
			Bytes: q.bytes, Label: string(p.Label),
		},
	}
	window := q.window(p.Available.Start)
	s.Plan.Earliest, s.Plan.NotAfter = b.bounds(window, p.Preparing.Start, q.demand.Preparing)
	if b.options.Policy.JudgesTimes() { // it may begin when it was judged for, and not before
		s.Plan.Earliest = max(s.Plan.Earliest, s.Plan.Start)
	}
	if q.times.Kind != "" {
		s.Times = store.Times{Timing: q.times, Window: window}
	}
	for range walk(&q.request.Components) {
		s.Components = append(s.Components, b.mint.New(set.Created))
	}
	for _, w := range q.storages {
		if w.existing != nil {
			s.Components[w.place] = w.existing.ID
		}
	}
	s.Pinned = q.executor
	s.Storage = storagesOf(q, s)
	pairs := pairsOf(p.Reason.Values, "site", string(b.options.Name), "label", string(p.Label))
	s.Messages = []ivoa.Message{ivoa.NewMessage(wall(set.Created), ivoa.LevelInfo, messageOffer, "{site}: "+p.Reason.Template, pairs...)}
	if repeats(s) {
		s.Messages = append(s.Messages, b.seriesMessage(s))
	}
	note(s, store.Step{At: set.Created, Phase: ivoa.SessionOffered})
	return s
}

// pairsOf appends a reason's values to names and values that come first.
func pairsOf(values map[string]string, first ...string) []string {
	pairs := first
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(first, name) {
			pairs = append(pairs, name, values[name])
		}
	}
	return pairs
}

// window is when the request lets work begin, about an instant.
func (q *question) window(at scheduling.Instant) scheduling.StartInterval {
	times := q.times
	if times.Kind == "" {
		times = scheduling.Timing{Kind: scheduling.Flexible, Start: q.demand.Start}
	}
	window, _ := times.Next(at, scheduling.Executed{})
	return window
}

func (b *Broker) amounts(list []scheduling.Amount) []store.Amount {
	var out []store.Amount
	for _, a := range list {
		out = append(out, store.Amount{Type: a.Type, Value: a.Value, Unit: unitOf(b.options.Costs, a.Type)})
	}
	return out
}
