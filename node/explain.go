package node

import (
	"context"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/policy"
	"starling/node/store"
	"starling/scheduling"
)

// PolicyCheck is what a site's policy says of a request, and how it comes to that.
type PolicyCheck struct {
	Node   identity.NodeName `json:"node"`
	As     PolicySubject     `json:"as"`
	Result ivoa.Result       `json:"result"`
	// Rule is the rule or the quota that has decided; "" where none did.
	Rule string `json:"rule,omitempty"`
	// Messages say why it is NO, or what is cut down.
	Messages []string         `json:"messages,omitempty"`
	Rules    []policy.Step    `json:"rules,omitempty"`
	Caps     []policy.Ceiling `json:"caps,omitempty"`
	// Offer is the one for which rules about offers were judged: at the time that was
	// given, as large as is allowed.
	Offer  PolicyOffer       `json:"offer"`
	Quotas []policy.Standing `json:"quotas,omitempty"`
	// Offline says that no node was asked, so that nobody knows what is used of quotas.
	Offline bool `json:"offline,omitempty"`
}

// PolicySubject is on whose behalf a policy is checked. What is empty is the
// caller's own where nothing is said of another.
type PolicySubject struct {
	User     string   `json:"user,omitempty"`
	Issuer   string   `json:"issuer,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	Proposal string   `json:"proposal,omitempty"`
}

func (s PolicySubject) isZero() bool {
	return s.User == "" && s.Issuer == "" && len(s.Groups) == 0 && s.Proposal == ""
}

// PolicyOffer is an offer as rules see it: sizes in cores and GiB.
type PolicyOffer struct {
	Start   time.Time          `json:"start"`
	End     time.Time          `json:"end"`
	Cores   int64              `json:"cores"`
	Memory  int64              `json:"memory"`
	Storage int64              `json:"storage"`
	GPUs    int64              `json:"gpus"`
	Price   map[string]float64 `json:"price,omitempty"`
}

// Explainer says what a site's policy makes of requests. It needs no broker, so
// that a policy can be tried out before a node has it.
type Explainer struct {
	Name   identity.NodeName
	Policy *policy.Policy
	Costs  accounting.CostModel
	Offers config.Offers
}

// Explain decides on a request without looking for room: for a caller, as if an
// offer began at a time. Nothing is used of any quota. The error is a *Problem for
// a request that makes no sense.
func (e Explainer) Explain(as identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, at time.Time) (*PolicyCheck, error) {
	q, err := understand(req, notices, at, e.Offers)
	if err != nil {
		return nil, err
	}
	check := e.explain(as, q, at, policy.NewTally(e.Policy))
	check.Offline = true
	return check, nil
}

// CheckPolicy says what the site's policy makes of a request without asking for
// offers: for the caller or, where operators and auditors ask, for another; as if an
// offer began at a time, zero being now.
func (b *Broker) CheckPolicy(_ context.Context, caller identity.Caller, whom PolicySubject, req *ivoa.ExecutionRequest, notices []ivoa.Notice, at time.Time) (*PolicyCheck, error) {
	as, err := asWhom(caller, whom)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = wall(b.now())
	}
	q, err := understand(req, notices, wall(b.now()), b.options.Offers, b.recalled(as, req))
	if err != nil {
		return nil, err
	}
	e := Explainer{b.options.Name, b.options.Policy, b.options.Costs, b.options.Offers}
	b.mu.Lock()
	defer b.mu.Unlock()
	return e.explain(as, q, at, b.state.tally), nil
}

func (e Explainer) explain(as identity.Caller, q *question, at time.Time, tally *policy.Tally) *PolicyCheck {
	check := &PolicyCheck{
		Node: e.Name, Result: ivoa.Yes,
		As: PolicySubject{User: as.User, Issuer: as.Subject.Issuer, Groups: as.Groups, Proposal: as.Proposal},
	}
	for _, m := range q.objections { // the request's own faults
		check.no("", m.Text)
	}
	d := e.Policy.Decide(q.judged(as, tally.Sessions(as.User)))
	check.Caps, check.Rules = d.Caps, d.Trace()
	for _, remark := range d.Remarks {
		check.Messages = append(check.Messages, remark.String())
	}
	if !d.Allowed {
		check.no(d.Rule, d.Message.String())
	}
	size := e.quotas(check, as, q, d, tally, at)
	offer := e.offer(as, q, size, scheduling.InstantOf(at))
	check.Offer = PolicyOffer{offer.Start, offer.End, size.Cores, size.Memory, size.Storage, size.GPUs, offer.Price}
	if !d.Allowed || !d.Judged() {
		return check
	}
	v := d.Offer(offer)
	check.Rules = v.Trace()
	if !v.Allowed {
		check.no(v.Rule, v.Message.String())
	} else if check.Result == ivoa.Yes {
		check.Rule = v.Rule
	}
	return check
}

// no makes the answer NO; what said so first has decided.
func (c *PolicyCheck) no(rule, why string) {
	if c.Result == ivoa.Yes {
		c.Result, c.Rule = ivoa.No, rule
	}
	c.Messages = append(c.Messages, why)
}

// quotas fills in where the caller stands, and returns the size that is left.
func (e Explainer) quotas(check *PolicyCheck, as identity.Caller, q *question, d *policy.Decision, tally *policy.Tally, at time.Time) scheduling.Resources {
	q.demand.Max = d.Max.Max(q.demand.Min)
	q.owners, q.groups = owners(as), e.Policy.Counted(as.Groups)
	r := roomIn(tally, q, e.Offers.PerRequest, store.Millis(at.UnixMilli()))
	check.Quotas = r.standings
	for _, s := range r.standings {
		if s.Over() {
			check.no(s.Quota, s.Message().String())
		}
	}
	return r.max.Max(q.demand.Min)
}

// offer is the one that would begin at a time, if there were room.
func (e Explainer) offer(as identity.Caller, q *question, size scheduling.Resources, at scheduling.Instant) policy.Offer {
	available := at.From(q.demand.Duration)
	quote := terms{
		costs: e.Costs, bytes: q.bytes,
		work: accounting.Work{Kind: q.kind, Site: accounting.NodeName(e.Name), Owners: owners(as)},
	}.Quote(scheduling.Plan{Resources: size, Preparing: at.From(0), Available: available, Releasing: available.End.From(q.demand.Releasing)})
	return policy.Offer{Start: available.Start.Time(), End: available.End.Time(), Size: size, Price: pricesOf(e.Costs, quote)}
}
