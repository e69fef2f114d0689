package scheduling

import "cmp"

// Candidate is a pool that could run a demand, with its terms.
type Candidate struct {
	Timeline *Timeline
	Terms    Terms // nil: nothing is quoted
}

// Limits bounds what Propose offers.
type Limits struct {
	Now       Instant
	HeldUntil Instant // when the offers expire
	Horizon   Span    // no slot starts later than this from now; 0: DefaultHorizon
	HoldShare float64 // share of a pool that overlapping holds may take; 0: no limit
	MaxOffers int     // proposals in all; 0: DefaultMaxOffers
}

// Proposal is one way to run the demand, not yet held.
type Proposal struct {
	Candidate int           // index of the candidate
	Plan                    // if it starts at once
	Start     StartInterval // when the work may begin, within the slot
	Slot      Slot          // what to hold
	Quote     Quote         // for Plan
	Label     Label
	Reason    Reason
}

// What holds if Limits doesn't say.
const (
	DefaultHorizon   = 60 * Day // a semester's queue is planned elsewhere
	DefaultMaxOffers = 4        // as many as a person compares
)

// Propose looks for good ways to run a demand on the candidates: on each the earliest, and what is larger, smaller or
// cheaper than that. No proposal is beaten by another in every respect. The best come first: those that would finish
// first, at equal finish the cheapest. A candidate without proposals is refused with the reason. Of a refusal by the
// constraints, the reason is that of the earliest slot.
//
// Proposals for the same timeline are alternatives: they fit if held as one group.
func Propose(candidates []Candidate, d Demand, c Constraints, limits Limits) ([]Proposal, []Refusal) {
	limits.Horizon = cmp.Or(limits.Horizon, DefaultHorizon)
	limits.MaxOffers = cmp.Or(limits.MaxOffers, DefaultMaxOffers)
	d.Max = d.Max.Max(d.Min)
	var proposals []Proposal
	var refusals []Refusal
	for i, candidate := range candidates {
		p := prober{Timeline: candidate.Timeline, terms: candidate.Terms, demand: d, constraints: c, limits: limits, index: i}
		refusal := p.probe()
		if len(p.found) == 0 {
			refusal.Candidate = i
			refusals = append(refusals, *refusal)
			continue
		}
		proposals = append(proposals, p.found...)
	}
	return best(proposals, limits.MaxOffers), refusals
}
