package shortlist

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/scheduling"
	"starling/scheduling/placement"
)

// Cause says in one word why a node is not asked.
type Cause string

// The causes.
const (
	Gone        Cause = "gone"         // it is dead, or has left
	Unheard     Cause = "unheard"      // nothing is known of it yet
	Outdated    Cause = "outdated"     // what is known is too old
	Closed      Cause = "closed"       // it takes no work at present
	TooLarge    Cause = "too-large"    // more than its largest pool has
	WrongKind   Cause = "wrong-kind"   // it doesn't run such a thing
	Simulates   Cause = "simulates"    // it only simulates such a thing, and others run it
	WrongData   Cause = "wrong-data"   // it can't fetch data of some kind
	WrongScheme Cause = "wrong-scheme" // it can't fetch from some kind of URL
	TooLong     Cause = "too-long"     // it runs nothing for so long
	TooSlow     Cause = "too-slow"     // its cores are slower than is wanted
	TooLate     Cause = "too-late"     // there is room, but later than is wanted
	TooDear     Cause = "too-dear"     // it is expected to cost more than is wanted
	Worse       Cause = "worse"        // those that are asked are expected to offer something better
	NotDrawn    Cause = "not-drawn"    // about as good as those that are asked, which were drawn by lot
)

// Left is a node that is not asked.
type Left struct {
	Node    identity.NodeName
	Cause   Cause
	request *Request
	known   *digest.Known
	// estimate is what is expected of it, and against what of the last of those that are asked; nil where that isn't
	// why.
	estimate, against *placement.Option
}

func (e *estimator) leave(k *digest.Known, cause Cause, o *placement.Option) {
	l := Left{Node: k.Node, Cause: cause, request: &e.Request, known: k}
	if o != nil {
		estimate := *o
		l.estimate = &estimate
	}
	e.left = append(e.left, l)
}

// settleForSimulators keeps the nodes that only simulate such a thing: there are no others.
func (e *estimator) settleForSimulators() {
	left := e.left
	e.left = make([]Left, 0, cap(left))
	for _, l := range left {
		if l.Cause == Simulates {
			e.keep(l.known)
			continue
		}
		e.left = append(e.left, l)
	}
}

// leaveOthers leaves out all that are able but those in some places.
func (e *estimator) leaveOthers(asked []int32, able *field) {
	if len(asked) == len(e.able) {
		return
	}
	last := asked[len(asked)-1]
	for i, k := range e.able {
		if slices.Contains(asked, int32(i)) {
			continue
		}
		l := Left{Node: k.Node, Cause: Worse, request: &e.Request, known: k, estimate: &e.options[i], against: &e.options[last]}
		if able.compare(int32(i), last) <= 0 {
			l.Cause = NotDrawn
		}
		e.left = append(e.left, l)
	}
}

// tryDoubtful asks those that estimates alone speak against, the earliest first, as long as there are too few others.
func (e *estimator) tryDoubtful(asked []Choice) []Choice {
	for len(asked) < e.Ask {
		best := -1
		for i, l := range e.left {
			if (l.Cause == TooLate || l.Cause == TooDear) && (best < 0 || l.estimate.End < e.left[best].estimate.End) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		asked = append(asked, Choice{e.left[best].Node, *e.left[best].estimate})
		e.left = slices.Delete(e.left, best, best+1)
	}
	return asked
}

// Reason says why the node is not asked, in words for who asked.
func (l Left) Reason() scheduling.Reason {
	switch l.Cause {
	case Gone:
		return because("it can't be reached at present")
	case Unheard:
		return because("it hasn't told yet what it has")
	case Outdated:
		return because("what is known of it is {age} old", "age", l.known.Age.Round(time.Second).String())
	case Closed:
		return because("it takes no work at present")
	case TooLarge:
		return l.tooLarge()
	case WrongKind:
		return because("it doesn't run {kind}", "kind", l.request.Kind)
	case Simulates:
		return because("it only simulates {kind}, and other sites run it", "kind", l.request.Kind)
	case WrongData:
		return because("it can't fetch data of kind {kind}", "kind", missing(l.request.Data, l.known.Slow.Kinds))
	case WrongScheme:
		return because("it can't fetch data from {scheme} URLs", "scheme", missing(l.request.Schemes, l.known.Slow.Schemes))
	case TooLong:
		return because("it runs nothing for longer than {limit}", "limit", time.Duration(l.known.Slow.MaxDuration*float64(time.Second)).String())
	case TooSlow:
		return because("its cores are slower than the request allows")
	case TooLate:
		return l.tooLate()
	case TooDear:
		return l.tooDear()
	case NotDrawn:
		return because("it looks as good as the sites that were asked, which were drawn by lot")
	}
	return l.worse()
}

func because(template string, pairs ...string) scheduling.Reason {
	r := scheduling.Reason{Template: "not asked: " + template, Values: make(map[string]string, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Values[pairs[i]] = pairs[i+1]
	}
	return r
}

func (l Left) tooLarge() scheduling.Reason {
	words := map[string]string{"cores": "cores", "memory": "GiB of memory", "storage": "GiB of storage", "gpus": "GPUs"}
	var parts, pairs []string
	for _, lack := range l.request.Demand.Min.Lacking(l.known.Fast.Largest) {
		parts = append(parts, "{"+lack.Name+"} "+words[lack.Name]+" are needed, and it has {"+lack.Name+"There} at most")
		pairs = append(pairs, lack.Name, strconv.FormatInt(lack.Needed, 10), lack.Name+"There", strconv.FormatInt(lack.There, 10))
	}
	return because(strings.Join(parts, "; "), pairs...)
}

func (l Left) tooLate() scheduling.Reason {
	if l.estimate.Start >= scheduling.Forever {
		return because("it is not expected to have room within the times that the request allows")
	}
	return because("it is not expected to have room before {start}, and the request wants to start by {latest}",
		"start", l.estimate.Start.String(), "latest", l.request.Demand.Start.Latest.String())
}

func (l Left) tooDear() scheduling.Reason {
	limit := l.request.Constraints.AtMost[dear(l.request.Constraints, l.estimate.Quote)]
	value := limit
	for _, a := range l.estimate.Quote.Costs {
		if a.Type == limit.Type {
			value = a
		}
	}
	name := limit.Type[strings.LastIndexByte(limit.Type, ':')+1:]
	if limit.Type == ivoa.CostMonetary {
		name = "cost"
	}
	return because("its {type} is expected to be {quoted}, more than {limit}", "type", name,
		"quoted", placement.Amount(value.Value, value.Unit), "limit", placement.Amount(limit.Value, value.Unit))
}

// worse says what is expected of it beside the last of those that were asked.
func (l Left) worse() scheduling.Reason {
	r := because("by {policy} it is expected behind {other}", "policy", l.request.Policy.Name(), "other", l.against.Site)
	than := placement.Difference(*l.estimate, *l.against)
	if than.Template != "" {
		r.Template += ": " + than.Template
	}
	maps.Copy(r.Values, than.Values)
	return r
}
