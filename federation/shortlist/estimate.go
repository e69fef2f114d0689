package shortlist

import (
	"slices"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/scheduling"
	"starling/scheduling/placement"
)

// estimator looks at one node after the other. It keeps those that could do it, with what is to be expected of each,
// and why the others are left out.
type estimator struct {
	Request
	unconfirmed *Unconfirmed
	need        scheduling.Resources
	wanted      scheduling.Instant // from when on
	// Of each that is able: what is known of it, what it is expected to offer, and for how many such requests it has
	// room then.
	able    []*digest.Known
	options []placement.Option
	rooms   []int64
	left    []Left
	// arrivals is how many jobs may have begun anywhere since the digests were made.
	arrivals float64
	costs    []scheduling.Amount // of all options, in one piece
	buffer   []digest.Point      // of one profile at a time
}

func newEstimator(r Request, u *Unconfirmed, n int) *estimator {
	return &estimator{
		Request: r, unconfirmed: u, need: r.Demand.Min, wanted: max(r.Now, r.Demand.Start.Earliest),
		able: make([]*digest.Known, 0, n), options: make([]placement.Option, 0, n), rooms: make([]int64, 0, n),
		left: make([]Left, 0, n), costs: make([]scheduling.Amount, 0, n),
	}
}

// MaxAge is how old a digest may be to be believed at all. Nodes repeat theirs far more often; but one that is alive,
// and hasn't been heard of for minutes, is still better asked by chance than never (starling-sim network).
const MaxAge = 15 * scheduling.Minute

// consider keeps what is to be expected of a node, or why it is left out.
func (e *estimator) consider(k *digest.Known) {
	if cause := e.unfit(k); cause != "" {
		e.leave(k, cause, nil)
		return
	}
	e.keep(k)
}

// keep keeps what is to be expected of a node that could do it.
func (e *estimator) keep(k *digest.Known) {
	age := scheduling.SpanOf(k.Age)
	e.arrivals += float64(k.Fast.Running) * float64(age) / float64(e.Demand.Total())
	n := len(e.options)
	e.options = append(e.options, placement.Option{Site: string(k.Node), Asked: e.wanted, Resources: e.need})
	o := &e.options[n]
	o.Transfer, o.Moved, o.Bytes = e.transfers(k)
	o.Quote.Costs = e.price(k.Slow)
	room := e.place(k, e.Now-scheduling.Instant(age), o)
	if cause := e.unwanted(o); cause != "" {
		e.leave(k, cause, o)
		e.options = e.options[:n]
		return
	}
	e.able, e.rooms = append(e.able, k), append(e.rooms, room)
}

// unfit returns why a node can't do it, whenever that is, or shouldn't.
func (e *estimator) unfit(k *digest.Known) Cause {
	switch {
	case !k.Alive:
		return Gone
	case !k.Said:
		return Unheard
	case scheduling.SpanOf(k.Age) > MaxAge:
		return Outdated
	case k.Fast.Closed:
		return Closed
	case !fits(&e.need, &k.Fast.Largest):
		return TooLarge
	case k.Slow == nil:
		return "" // what it can do will be known in a moment, and the node itself knows it now
	case missing(e.Data, k.Slow.Kinds) != "":
		return WrongData
	case missing(e.Schemes, k.Slow.Schemes) != "":
		return WrongScheme
	case k.Slow.MaxDuration > 0 && e.Demand.Duration.Duration().Seconds() > k.Slow.MaxDuration:
		return TooLong
	case e.tooSlow(k):
		return TooSlow
	case slices.Contains(k.Slow.Simulated, e.Kind):
		return Simulates
	case !slices.Contains(k.Slow.Kinds, e.Kind):
		return WrongKind
	}
	return ""
}

// missing returns the first of what is wanted that isn't there, "" if all is.
func missing(wanted, there []string) string {
	for _, w := range wanted {
		if !slices.Contains(there, w) {
			return w
		}
	}
	return ""
}

// tooSlow reports whether a site says of its cores that even the most that would be used of them are too slow.
func (e *estimator) tooSlow(k *digest.Known) bool {
	for _, limit := range e.Constraints.AtLeast {
		most := e.Demand.Max.Max(e.need).Min(k.Fast.Largest).Cores
		if there := k.Slow.ComputePerformance * float64(most); limit.Type == ivoa.MetricComputePerformance && there > 0 && there < limit.Value {
			return true
		}
	}
	return false
}

// unwanted returns why what is to be expected is not what is wanted.
func (e *estimator) unwanted(o *placement.Option) Cause {
	if latest := e.Demand.Start.Latest; latest != 0 && o.Start > latest || o.Start >= scheduling.Forever {
		return TooLate
	}
	if dear(e.Constraints, o.Quote) >= 0 {
		return TooDear
	}
	return ""
}

// dear returns the limit that a quote breaks, −1 if there is none.
func dear(c scheduling.Constraints, q scheduling.Quote) int {
	return slices.IndexFunc(c.AtMost, func(limit scheduling.Amount) bool {
		return slices.ContainsFunc(q.Costs, func(a scheduling.Amount) bool { return a.Type == limit.Type && a.Value > limit.Value })
	})
}

// place estimates when the work would begin and end, and returns for how many such there is room then.
func (e *estimator) place(k *digest.Known, made scheduling.Instant, o *placement.Option) int64 {
	points := k.Fast.Profile
	if len(points) == 0 {
		points = []digest.Point{{Free: k.Fast.Free.Min(k.Fast.Largest)}}
	}
	view := outlook{made, points, min(k.Fast.Queue/max(k.Fast.Running, 1), 1000)}.without(e.unconfirmed.at(k.Node, made, e.Now), &e.buffer)
	length := o.Transfer + e.Demand.Duration + e.Demand.Releasing
	from := max(e.Now, e.wanted-scheduling.Instant(o.Transfer))
	start, room := view.start(&e.need, length, from)
	for range maxWindows {
		if e.Demand.Starts == nil || start >= scheduling.Forever {
			break
		}
		w, ok := e.Demand.Starts(start.Add(o.Transfer))
		if !ok {
			start = scheduling.Forever
			break
		}
		if from = w.Earliest - scheduling.Instant(o.Transfer); from <= start {
			break
		}
		start, room = view.start(&e.need, length, from)
	}
	o.Start = start.Add(o.Transfer)
	o.End = o.Start.Add(e.Demand.Duration)
	return room
}

// maxWindows bounds in how many windows for its start a request is looked for. It is an estimate.
const maxWindows = 8

// price estimates what the request costs, by the rates that hold at present.
func (e *estimator) price(s *digest.Slow) []scheduling.Amount {
	if s == nil {
		return nil
	}
	hours, n := float64(e.Demand.Duration)/float64(scheduling.Hour), len(e.costs)
	for i := range s.Rates {
		r := &s.Rates[i]
		e.costs = append(e.costs, scheduling.Amount{Type: r.Type, Unit: r.Unit, Value: hours * (float64(e.need.Cores)*r.CoreHour +
			float64(e.need.Memory)*r.MemoryHour + float64(e.need.Storage)*r.StorageHour + float64(e.need.GPUs)*r.GPUHour)})
	}
	return e.costs[n:len(e.costs):len(e.costs)]
}
