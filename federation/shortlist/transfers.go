package shortlist

import (
	"starling/federation/digest"
	"starling/scheduling"
)

// transfers estimates how long the data take to come to a node's site, and how many of how many bytes come from
// elsewhere.
func (e *estimator) transfers(k *digest.Known) (took scheduling.Span, moved, bytes int64) {
	if len(e.Items) == 0 {
		return 0, 0, 0
	}
	model := k.Transfers
	if model == nil {
		model = k.Slow.Transfers()
	}
	plan := model.Estimate(e.Items)
	return plan.Span, plan.Moved, plan.Bytes
}
