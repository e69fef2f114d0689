package fanout

import (
	"bytes"
	"math"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/scheduling"
)

// Bounds of an answer.
const (
	mostAnswer = 1 << 20 // bytes, beside what was asked, which every offer repeats
	mostEver   = 32 << 20
	mostOffers = 64 // as many as a node can be configured to make
	// mostHeld is how long a node can be configured to hold offers.
	mostHeld = 24 * time.Hour
	// skew is how far the clocks of two nodes may differ where that is no lie.
	skew = time.Minute
	// furthest is how far ahead anything can be planned.
	furthest = 60 * 365 * 24 * time.Hour
)

// Wanted is what offers must be of.
type Wanted struct {
	Executable ivoa.Executable
	Data       []ivoa.DataResource
	// Least and Most are the bounds of cores and memory.
	Least, Most scheduling.Resources
	// Start is when it may begin; zero ends are open.
	Start scheduling.StartInterval
	// Duration is how long it takes; 0: whatever the site thinks, up to furthest.
	Duration    scheduling.Span
	Constraints scheduling.Constraints
}

// wanted is the same, ready to be compared with.
type wanted struct {
	Wanted
	executable []byte
	data       [][]byte
	size       int // bytes of them all
}

func (w Wanted) prepare() wanted {
	p := wanted{Wanted: w}
	if w.Executable != nil {
		p.executable = content(w.Executable)
	}
	p.size = len(p.executable)
	for _, d := range w.Data {
		p.data = append(p.data, content(d))
		p.size += len(p.data[len(p.data)-1])
	}
	return p
}

// part is a component with a life.
type part interface {
	Base() *ivoa.Component
	Life() *ivoa.Lifecycle
}

// content writes what a component is, without what a node says of it. Nobody else
// may have it meanwhile.
func content(c part) []byte {
	base, life := *c.Base(), *c.Life()
	*c.Base(), *c.Life() = ivoa.Component{Kind: base.Kind}, ivoa.Lifecycle{}
	defer func() { *c.Base(), *c.Life() = base, life }()
	if d, ok := c.(ivoa.DataResource); ok {
		place := *d.Place()
		*d.Place() = ivoa.Placement{}
		defer func() { *d.Place() = place }()
	}
	text, _ := ivoa.Encode(ivoa.JSON, c) // what was read can be written
	return text
}

// checker looks at what one node answers.
type checker struct {
	node   identity.NodeName
	base   string
	now    time.Time
	wanted wanted
	seen   map[identity.UUID]bool
}

// answer reads and checks an offer set. The error is a *Fault: one offer that isn't
// right makes all of them suspect.
func (c *checker) answer(body []byte) (Answer, error) {
	var set ivoa.OfferSet
	if err := decode(body, &set); err != nil {
		return Answer{}, err
	}
	id, err := c.identify(&set.Component)
	if err != nil {
		return Answer{}, err
	}
	if err := c.own(&set.Component, "/offersets/", id); err != nil {
		return Answer{}, err
	}
	a := Answer{Set: id, Messages: messages(set.Meta.Messages)}
	switch {
	case set.Result == ivoa.Yes && len(set.Offers) == 0, set.Result == ivoa.No && len(set.Offers) > 0, set.Result != ivoa.Yes && set.Result != ivoa.No:
		return Answer{}, fault(Broken, "its answer says %s, with %d offers", clip(string(set.Result), 20), len(set.Offers))
	case len(set.Offers) > mostOffers:
		return Answer{}, fault(Broken, "it makes %d offers", len(set.Offers))
	case set.Result == ivoa.No && len(a.Messages) == 0:
		return Answer{}, fault(Broken, "it says NO, and not why")
	}
	for _, offer := range set.Offers {
		if err := c.offer(offer); err != nil {
			return Answer{}, err
		}
	}
	a.Offers = set.Offers
	return a, nil
}

// decode reads a document that another node has written, within bounds.
func decode(body []byte, into any) error {
	limits := ivoa.DefaultLimits()
	limits.Bytes = len(body)
	limits.Entries *= 10
	limits.Values *= 10 // of a long list; its bytes are bounded
	if _, err := ivoa.Decode(ivoa.JSON, body, limits, into); err != nil {
		return fault(Broken, "its answer can't be read: %v", err)
	}
	return nil
}

// identify reads a component's UUID, which must be of the node's own making, and new.
func (c *checker) identify(component *ivoa.Component) (identity.UUID, error) {
	id, err := identity.ParseUUID(component.UUID())
	switch {
	case err != nil:
		return id, fault(Broken, "a part of its answer has no UUID")
	case id.Owner() != c.node.Tag():
		return id, fault(Wrong, "it answers with what belongs to another node")
	case c.seen[id]:
		return id, fault(Wrong, "it uses a UUID twice")
	}
	if c.seen == nil {
		c.seen = map[identity.UUID]bool{}
	}
	c.seen[id] = true
	return id, nil
}

// offer checks one offer.
func (c *checker) offer(o *ivoa.Session) error {
	id, err := c.identify(&o.Component)
	if err != nil {
		return err
	}
	if err := c.own(&o.Component, "/sessions/", id); err != nil {
		return err
	}
	tidy(&o.Component)
	switch {
	case o.Kind != ivoa.KindScheduledSession:
		return fault(Wrong, "it offers something that is no session")
	case o.Phase != ivoa.SessionOffered:
		return fault(Wrong, "it offers a session that is %s", clip(string(o.Phase), 20))
	case len(o.Connectors) > 0 || o.Repeats != nil && o.Repeats.Completed+o.Repeats.Failed > 0:
		return fault(Wrong, "it offers a session that runs already")
	}
	for _, check := range []func(*ivoa.Session) error{c.expiry, c.parts, c.compute, c.schedule, c.quote} {
		if err := check(o); err != nil {
			return err
		}
	}
	compute := o.Compute.Base()
	compute.Costs, compute.Metrics = o.Costs, o.Metrics
	return nil
}

func (c *checker) expiry(o *ivoa.Session) error {
	switch left := o.Expires.Sub(c.now); {
	case o.Expires.IsZero() || left <= 0:
		return fault(Wrong, "its offer has expired already, by this node's clock")
	case left > mostHeld+skew:
		return fault(Wrong, "its offer would be held for %s", left.Round(time.Minute))
	}
	return nil
}

// parts checks what would run, and with which data.
func (c *checker) parts(o *ivoa.Session) error {
	if o.Executable == nil || !bytes.Equal(content(o.Executable), c.wanted.executable) {
		return fault(Wrong, "its offer is for another executable")
	}
	if len(o.Data) != len(c.wanted.data) {
		return fault(Wrong, "its offer is for other data")
	}
	for i, d := range o.Data {
		if !bytes.Equal(content(d), c.wanted.data[i]) {
			return fault(Wrong, "its offer is for other data")
		}
	}
	for _, component := range partsOf(o) {
		if err := none(component); err != nil {
			return err
		}
		tidy(component)
		component.Costs, component.Metrics = nil, nil // only what is said of the session is checked
		if component.UUID() == "" {
			continue
		}
		if _, err := c.identify(component); err != nil {
			return err
		}
	}
	return nil
}

// partsOf are the parts of a session.
func partsOf(s *ivoa.Session) (all []*ivoa.Component) {
	if s.Executable != nil {
		all = append(all, s.Executable.Base())
	}
	if s.Compute != nil {
		all = append(all, s.Compute.Base())
		for _, v := range s.Compute.Mounted().Volumes {
			all = append(all, v.Base())
		}
	}
	for _, storage := range s.Storage {
		all = append(all, storage.Base())
	}
	for _, d := range s.Data {
		all = append(all, d.Base())
	}
	return all
}

// compute checks that what is offered is definite, and within what was asked for.
func (c *checker) compute(o *ivoa.Session) error {
	compute, ok := o.Compute.(*ivoa.SimpleComputeResource)
	if !ok {
		return fault(Wrong, "its offer has no compute resource of a known kind")
	}
	for _, r := range []struct {
		name        string
		offered     *ivoa.Range
		least, most int64
	}{
		{"cores", compute.Cores, c.wanted.Least.Cores, c.wanted.Most.Cores},
		{"GiB of memory", compute.Memory, c.wanted.Least.Memory, c.wanted.Most.Memory},
	} {
		switch {
		case r.offered == nil || r.offered.Min == nil || r.offered.Max == nil || *r.offered.Min != *r.offered.Max:
			return fault(Wrong, "its offer doesn't say how many %s it has", r.name)
		case *r.offered.Min < r.least || *r.offered.Min > r.most:
			return fault(Wrong, "its offer has %d %s, where %d to %d were asked for", *r.offered.Min, r.name, r.least, r.most)
		}
	}
	return nil
}

// schedule checks when the offer is for.
func (c *checker) schedule(o *ivoa.Session) error {
	if o.Schedule == nil || o.Schedule.Preparing == nil || o.Schedule.Available == nil {
		return fault(Wrong, "its offer doesn't say when")
	}
	prepared, err := ivoa.ParseInstant(o.Schedule.Preparing.Start)
	if err != nil {
		return fault(Wrong, "its offer doesn't say when it is prepared")
	}
	start, err := ivoa.ParseInterval(o.Schedule.Available.Start)
	if err != nil || start.Reversed() {
		return fault(Wrong, "its offer doesn't say when it begins")
	}
	length, err := ivoa.ParseDuration(o.Schedule.Available.Duration)
	if err != nil || length <= 0 || length > furthest {
		return fault(Wrong, "its offer doesn't say how long it lasts")
	}
	for _, part := range []*ivoa.StartDuration{o.Schedule.Preparing, o.Schedule.Available, o.Schedule.Releasing} {
		if part != nil && (len(part.Start) > mostName || len(part.Duration) > mostName) {
			return fault(Wrong, "its offer says when in too many words")
		}
	}
	asked := c.wanted.Start
	switch {
	case c.wanted.Duration != 0 && scheduling.SpanOf(length) != c.wanted.Duration:
		return fault(Wrong, "its offer is for %s, which isn't what was asked for", length)
	case prepared.Before(c.now.Add(-skew)), start.Start.Before(prepared), start.Start.After(c.now.Add(furthest)), start.End.After(c.now.Add(furthest)):
		return fault(Wrong, "its offer is for a time that can't be")
	case asked.Earliest != 0 && scheduling.InstantOf(start.Start) < asked.Earliest, asked.Latest != 0 && scheduling.InstantOf(start.End) > asked.Latest:
		return fault(Wrong, "its offer is for a time that wasn't asked for")
	}
	return nil
}

// quote checks what the offer would cost, and what is promised of it.
func (c *checker) quote(o *ivoa.Session) error {
	q, ok := QuoteOf(o)
	if !ok {
		return fault(Wrong, "its offer has costs or metrics that are no numbers")
	}
	for _, limit := range c.wanted.Constraints.AtMost {
		if value, quoted := amount(q.Costs, limit.Type); !quoted || value > limit.Value {
			return fault(Wrong, "its offer costs more than was asked for")
		}
	}
	for _, limit := range c.wanted.Constraints.AtLeast {
		if value, quoted := amount(q.Metrics, limit.Type); !quoted || value < limit.Value {
			return fault(Wrong, "its offer promises less than was asked for")
		}
	}
	return nil
}

func amount(list []scheduling.Amount, kind string) (float64, bool) {
	for _, a := range list {
		if a.Type == kind {
			return a.Value, true
		}
	}
	return 0, false
}

// mostQuoted bounds the costs of an offer, and its metrics.
const mostQuoted = 100

// QuoteOf reads what an offer costs, and what is promised of it. It is not ok where
// a number is missing, no number, or not definite.
func QuoteOf(o *ivoa.Session) (q scheduling.Quote, ok bool) {
	if len(o.Costs) > mostQuoted || len(o.Metrics) > mostQuoted {
		return q, false
	}
	for _, item := range o.Costs {
		cost, known := item.(*ivoa.FloatCost)
		if !known || len(cost.Type)+len(cost.Description) > mostName || cost.Min == nil || cost.Max == nil || *cost.Min != *cost.Max || !finite(*cost.Min) {
			return q, false
		}
		q.Costs = append(q.Costs, scheduling.Amount{Type: cost.Type, Value: *cost.Min, Unit: unitOf(cost.Description)})
	}
	for _, item := range o.Metrics {
		metric, known := item.(*ivoa.FloatMetric)
		if !known || len(metric.Type)+len(metric.Description) > mostName || metric.Min == nil || metric.Max == nil || *metric.Min != *metric.Max || !finite(*metric.Min) {
			return q, false
		}
		q.Metrics = append(q.Metrics, scheduling.Amount{Type: metric.Type, Value: *metric.Min})
	}
	return q, true
}

// unitOf is the unit that nodes put into the description of a cost, since the schema
// has no place for it.
func unitOf(description string) string {
	if len(description) > 20 || strings.ContainsAny(description, " \t\n") {
		return ""
	}
	return description
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
