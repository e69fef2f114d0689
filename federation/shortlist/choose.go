package shortlist

import (
	"cmp"
	"slices"

	"starling/federation/digest"
	"starling/federation/identity"
	"starling/scheduling"
	"starling/scheduling/placement"
	"starling/scheduling/transfer"
)

// Request is what somebody wants to run, as far as it matters for whom to ask.
type Request struct {
	// Demand is what is needed. What preparing takes at other sites is estimated from Items, so Demand.Preparing isn't
	// looked at.
	Demand scheduling.Demand
	Kind   string   // of the executable
	Data   []string // the kinds of the data that have to be staged
	// Schemes are those of the data's URLs; Items, the data themselves.
	Schemes     []string
	Items       []transfer.Item
	Constraints scheduling.Constraints
	Policy      placement.Policy // nil: the default one
	Ask         int              // how many others to ask; 0: DefaultAsk
	Now         scheduling.Instant
}

// DefaultAsk is how many others are asked, where nobody says.
const DefaultAsk = 3

// Choice is a node that is worth asking, with what it is expected to offer.
type Choice struct {
	Node     identity.NodeName
	Estimate placement.Option
}

// Choose returns whom to ask, the best first, and why the others are not asked. The node itself is in neither. Those of
// which an estimate alone says that they can't do it are asked where there is nobody better, since an estimate is no
// answer.
//
// unconfirmed, which may be nil, is what this node knows better than the digests; draw returns a random number from 0
// to n−1. What is returned refers to what is known, which must not change as long as that is in use.
func Choose(r Request, known []digest.Known, unconfirmed *Unconfirmed, draw func(n int) int) ([]Choice, []Left) {
	r.Ask = cmp.Or(max(r.Ask, 0), DefaultAsk)
	if r.Policy == nil {
		r.Policy, _ = placement.ByName("")
	}
	e := newEstimator(r, unconfirmed, len(known))
	for i := range known {
		if !known[i].Self {
			e.consider(&known[i])
		}
	}
	if !slices.ContainsFunc(e.able, func(k *digest.Known) bool { return k.Slow != nil }) { // nobody is known to run it
		e.settleForSimulators()
	}
	able := field{placement.Scores(r.Policy, e.options, make([]float64, 0, len(e.options))), e.options, e.rooms}
	places := able.pick(e.arrivals, r.Ask, draw)
	asked := make([]Choice, 0, r.Ask)
	for _, i := range places {
		asked = append(asked, Choice{e.able[i].Node, e.options[i]})
	}
	e.leaveOthers(places, &able)
	return e.tryDoubtful(asked), e.left
}
