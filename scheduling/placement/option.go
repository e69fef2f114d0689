package placement

import "starling/scheduling"

// Option is one way to run a session, as far as it is known.
type Option struct {
	Site string
	// Asked is from when on it is wanted: when it was asked for, or the earliest start that the request allows if that
	// is later. Start and End are when the work would begin and end, data and all.
	Asked, Start, End scheduling.Instant
	// Transfer is how long the data take to come, before Start; Moved, how many bytes of them come from another site,
	// of Bytes altogether. Bytes is 0 where there are no data, or nobody knows.
	Transfer     scheduling.Span
	Moved, Bytes int64
	Resources    scheduling.Resources
	Quote        scheduling.Quote
}

// quoted returns what an option quotes of a type of cost; nil, if nothing. What is less than nothing, or no number, is
// no quote.
func (o *Option) quoted(kind string) *scheduling.Amount {
	for i := range o.Quote.Costs {
		if a := &o.Quote.Costs[i]; a.Type == kind && sound(a.Value) {
			return a
		}
	}
	return nil
}

func sound(value float64) bool { return value >= 0 && value <= most }

// most is more than anything costs.
const most = 1e300

// turnaround is how long it takes from the wish to the end.
func (o *Option) turnaround() scheduling.Span { return max(0, o.End.Sub(o.Asked)) }
