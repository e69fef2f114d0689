package node

import (
	"strconv"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/node/store"
	"starling/scheduling"
)

// How long a session takes beside what it asks for.
const (
	// stagingStart is what fetching data takes before the first byte.
	stagingStart = 5 * scheduling.Second
	// stagingRate is what a site's link gives one transfer, in bytes a second.
	stagingRate = 50 << 20
	// guessedBytes stands for data whose size nobody has said.
	guessedBytes = 256 << 20
	// releasing is how long it takes to see that work has stopped, to list its
	// files and to clear up; the work of an overrun session ends within it.
	releasing = 5 * scheduling.Second
)

// preparing is how long staging a request's data is expected to take.
func preparing(data []ivoa.DataResource) scheduling.Span {
	if len(data) == 0 {
		return 0
	}
	span := stagingStart
	for _, d := range data {
		bytes := dataBytes(d)
		if bytes <= 0 {
			bytes = guessedBytes
		}
		span += scheduling.Span(min(bytes/(stagingRate/1000), int64(scheduling.MaxSpan/1024)))
	}
	return span
}

// terms is what this site asks for running a question's session, and how well
// it would do.
type terms struct {
	costs accounting.CostModel
	site  siteMetrics
	bytes int64 // to be staged
}

type siteMetrics struct{ computePerformance, ioThroughput float64 }

func (b *Broker) terms(q *question) scheduling.Terms {
	return terms{costs: b.options.Costs, bytes: q.bytes, site: siteMetrics{b.options.Site.ComputePerformance, b.options.Site.IOThroughput}}
}

// costTypes are the types of cost that the charges of a tariff stand for.
var costTypes = map[accounting.Resource]string{
	accounting.Monetary: ivoa.CostMonetary,
	accounting.Energy:   ivoa.CostEnergy,
	accounting.Carbon:   ivoa.CostCarbon,
}

// unitOf is the unit of a type of cost; "" where it is not known.
func unitOf(costs accounting.CostModel, costType string) string {
	switch costType {
	case ivoa.CostMonetary:
		if m, ok := costs.(interface{ Currency() accounting.Unit }); ok {
			return string(m.Currency())
		}
	case ivoa.CostEnergy:
		return string(accounting.KilowattHours)
	case ivoa.CostCarbon:
		return string(accounting.Kilograms)
	}
	return ""
}

// Quote prices a plan as if it used all that it books for all of its time.
// What costs nothing is quoted as 0, so that a limit on it can be met.
func (t terms) Quote(p scheduling.Plan) scheduling.Quote {
	charges, err := estimate(t.costs, p.Resources, t.bytes, p.Available.Start.Time(), p.Available.Length().Duration())
	if err != nil {
		return scheduling.Quote{} // nothing is quoted: no limit on cost can be met
	}
	var quote scheduling.Quote
	for _, name := range []accounting.Resource{accounting.Monetary, accounting.Energy, accounting.Carbon} {
		quote.Costs = append(quote.Costs, scheduling.Amount{Type: costTypes[name], Value: valueOf(charges, name)})
	}
	if t.site.computePerformance > 0 {
		quote.Metrics = append(quote.Metrics, scheduling.Amount{
			Type: ivoa.MetricComputePerformance, Value: t.site.computePerformance * float64(p.Resources.Cores),
		})
	}
	if t.site.ioThroughput > 0 {
		quote.Metrics = append(quote.Metrics, scheduling.Amount{Type: ivoa.MetricIOThroughput, Value: t.site.ioThroughput})
	}
	return quote
}

// Changes returns when prices change within a window.
func (t terms) Changes(w scheduling.Window, limit int) []scheduling.Instant {
	var at []scheduling.Instant
	for _, change := range t.costs.Changes(w.Start.Time(), w.End.Time()) {
		if len(at) == limit {
			break
		}
		at = append(at, scheduling.InstantOf(change))
	}
	return at
}

// estimate is what resources would be charged for a duration from a start.
func estimate(costs accounting.CostModel, r scheduling.Resources, bytes int64, start time.Time, d time.Duration) ([]accounting.Quantity, error) {
	usage, err := accounting.Footprint{
		Cores: r.Cores, MemoryGiB: r.Memory, StorageGiB: r.Storage, GPUs: r.GPUs, BytesStaged: bytes,
	}.Usage(d)
	if err != nil {
		return nil, err
	}
	return costs.Estimate(usage, start, d)
}

// estimateOf is what a session's plan is expected to be charged.
func (b *Broker) estimateOf(s *store.Session) []accounting.Quantity {
	start := wall(s.Plan.Start + s.Plan.Preparing)
	charges, err := estimate(b.options.Costs, resourcesOf(s.Plan), s.Plan.Bytes, start, time.Duration(s.Plan.Duration)*time.Millisecond)
	if err != nil {
		b.log.Error("a session can't be estimated", "session", s.ID.String(), "error", err)
	}
	return charges
}

// valueOf is the amount of one charge, as a number for people to compare.
func valueOf(charges []accounting.Quantity, name accounting.Resource) float64 {
	for _, c := range charges {
		if c.Name == name {
			value, _ := strconv.ParseFloat(string(c.Amount.Format(c.Unit)), 64)
			return value
		}
	}
	return 0
}
