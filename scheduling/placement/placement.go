package placement

import "starling/scheduling"

// Option is one way to run a session, as far as it is known.
type Option struct {
	Site string
	// Asked is when it was asked for; Start and End are when the work would begin and
	// end, data and all.
	Asked, Start, End scheduling.Instant
	// Transfer is how long the data take to come, before Start; Moved, how many bytes
	// of them come from another site, of Bytes altogether.
	Transfer     scheduling.Span
	Moved, Bytes int64
	Resources    scheduling.Resources
	Quote        scheduling.Quote
}
