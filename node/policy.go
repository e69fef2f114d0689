package node

import (
	"slices"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/policy"
	"starling/node/store"
	"starling/scheduling"
)

// messagePolicy is the kind of what the site's policy has to say.
const messagePolicy = "urn:starling:message:policy"

// policyMessage is a message of the policy as the API shows it.
func policyMessage(site identity.NodeName, m policy.Message, now store.Millis, level ivoa.Level) ivoa.Message {
	return ivoa.NewMessage(wall(now), level, messagePolicy, "{site}: "+m.Template, slices.Concat([]string{"site", string(site)}, m.Pairs)...)
}

// judged is a question as the policy sees it.
func (q *question) judged(caller identity.Caller, sessions int) policy.Request {
	r := policy.Request{
		Caller: caller, Min: q.demand.Min, Max: q.demand.Max.Max(q.demand.Min), Duration: q.demand.Duration.Duration(),
		Repeats: q.times.Repeats(), Sessions: sessions,
	}
	r.Executable, r.Data = policy.Describe(q.request)
	return r
}

// judge has the site's policy decide on a question: it objects, or cuts down what
// is asked. What makes no sense isn't judged.
func (b *Broker) judge(caller identity.Caller, q *question) {
	if len(q.objections) > 0 {
		return
	}
	b.mu.Lock()
	sessions := b.state.tally.Sessions(caller.User)
	b.mu.Unlock()
	now := b.now()
	q.decision = b.options.Policy.Decide(q.judged(caller, sessions))
	b.noteFailed(q.decision.Failed)
	if !q.decision.Allowed {
		b.metrics.denied(q.decision.Rule)
		no := policyMessage(b.options.Name, *q.decision.Message, now, ivoa.LevelError)
		q.objections = append(q.objections, no)
		b.note(against(caller, q.decision.Rule, no), accounting.Denied)
		return
	}
	q.groups = b.options.Policy.Counted(caller.Groups)
	for _, remark := range q.decision.Remarks {
		q.remarks = append(q.remarks, policyMessage(b.options.Name, remark, now, ivoa.LevelWarn))
	}
	q.limit()
}

// limit keeps a question to the caps of its decision.
func (q *question) limit() {
	q.demand.Max = q.decision.Max
	if most, limited := q.decision.MaxPrice(); limited {
		q.constraints.AtMost = append(slices.Clip(q.constraints.AtMost), scheduling.Amount{Type: ivoa.CostMonetary, Value: most})
	}
}

// against is that a rule of the site's policy was against what a caller asked.
func against(caller identity.Caller, rule string, no ivoa.Message) deed {
	return deed{caller: caller, action: ActionAsk, object: "request:new", rule: "policy " + rule, reason: no.Text}
}

// forbids says why the policy forbids an offer, at the first or the last instant at
// which its work may begin; nil: it doesn't.
func (b *Broker) forbids(caller identity.Caller, q *question, p scheduling.Proposal) *policy.Message {
	if q.decision == nil || !q.decision.Judged() {
		return nil
	}
	length := p.Available.Length()
	for _, start := range slices.Compact([]scheduling.Instant{p.Start.Earliest, p.Start.Latest}) {
		v := q.decision.Offer(policy.Offer{
			Start: start.Time(), End: start.Add(length).Time(), Size: p.Resources, Price: pricesOf(b.options.Costs, p.Quote),
		})
		b.noteFailed(v.Failed)
		if !v.Allowed {
			b.metrics.denied(v.Rule)
			b.note(against(caller, v.Rule, policyMessage(b.options.Name, *v.Message, b.now(), ivoa.LevelError)), accounting.Denied)
			return v.Message
		}
	}
	return nil
}

// pricesOf is a quote by the names of what is charged for.
func pricesOf(costs accounting.CostModel, quote scheduling.Quote) map[string]float64 {
	prices := make(map[string]float64, len(quote.Costs))
	for _, q := range costs.Units() {
		for _, cost := range quote.Costs {
			if cost.Type == costType(q.Name) {
				prices[string(q.Name)] = cost.Value
			}
		}
	}
	return prices
}

// noteFailed tells the operator of rules that can't be evaluated: what they were to
// judge was denied.
func (b *Broker) noteFailed(rules []string) {
	for _, rule := range rules {
		b.metrics.failedRules.WithLabelValues(rule).Inc()
		if _, known := b.failedRules.LoadOrStore(rule, true); !known {
			b.log.Error("a rule of the site's policy can't be evaluated, which denies what it was to judge; `starling policy check` says more", "rule", rule)
		}
	}
}
