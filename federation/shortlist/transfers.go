package shortlist

import (
	"starling/federation/digest"
	"starling/scheduling"
	"starling/scheduling/transfer"
)

// transfers estimates how long the data take to come to a node's site, and how many of how many bytes come from
// elsewhere.
func transfers(s *digest.Slow, items []transfer.Item) (took scheduling.Span, moved, bytes int64) {
	return 0, 0, 0
}
