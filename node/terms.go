package node

import (
	"strings"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// releasing is how long it takes to see that work has stopped, to list its files
// and to clear up; the work of an overrun session ends within it.
const releasing = 5 * scheduling.Second

// terms is what this site asks for running a question's session, and how well
// it would do.
type terms struct {
	costs accounting.CostModel
	site  siteMetrics
	work  accounting.Work // without its size and its time
	bytes int64           // to be staged
}

type siteMetrics struct{ computePerformance, ioThroughput float64 }

func (b *Broker) terms(q *question, p *pool) scheduling.Terms {
	return terms{
		costs: b.options.Costs, bytes: q.bytes,
		work: accounting.Work{Kind: q.kind, Site: accounting.NodeName(b.options.Name), Pool: b.poolName(p.id), Owners: q.owners},
		site: siteMetrics{b.options.Site.ComputePerformance, b.options.Site.IOThroughput},
	}
}

// poolName is the name of the executor whose own a pool is, "" for the node's.
func (b *Broker) poolName(id identity.UUID) string {
	if e := b.state.executors[id]; e != nil {
		return e.Registration.Name
	}
	return ""
}

// costTypes are the types of cost that the standard knows.
var costTypes = map[accounting.Resource]string{
	accounting.Monetary: ivoa.CostMonetary,
	accounting.Energy:   ivoa.CostEnergy,
	accounting.Carbon:   ivoa.CostCarbon,
}

// costPrefix begins the types of all other costs; the resource's name ends them.
const costPrefix = "urn:starling:cost:"

// costType is the type of cost that charges of a resource stand for.
func costType(name accounting.Resource) string {
	if known, ok := costTypes[name]; ok {
		return known
	}
	return costPrefix + string(name)
}

// unitOf is the unit of a type of cost or metric; "" where it is not known.
func unitOf(costs accounting.CostModel, kind string) string {
	switch kind {
	case ivoa.MetricComputePerformance:
		return "GFLOP/s"
	case ivoa.MetricIOThroughput:
		return "MB/s"
	}
	for _, q := range costs.Units() {
		if costType(q.Name) == kind {
			return string(q.Unit)
		}
	}
	return ""
}

// measureName is what messages call a type of cost or metric: "cost (EUR)".
func measureName(costs accounting.CostModel, kind string) string {
	name := kind[strings.LastIndexByte(kind, ':')+1:]
	switch kind {
	case ivoa.CostMonetary:
		name = "cost"
	case ivoa.MetricComputePerformance:
		name = "compute performance"
	case ivoa.MetricIOThroughput:
		name = "I/O throughput"
	}
	if unit := unitOf(costs, kind); unit != "" {
		name += " (" + unit + ")"
	}
	return name
}

// Quote prices a plan as if it used all that it books for all of its time.
// What costs nothing is quoted as 0, so that a limit on it can be met; what
// can't be priced is not quoted, so that none can.
func (t terms) Quote(p scheduling.Plan) scheduling.Quote {
	work := t.work
	work.Size = accounting.Footprint{
		Cores: p.Resources.Cores, MemoryGiB: p.Resources.Memory, StorageGiB: p.Resources.Storage, GPUs: p.Resources.GPUs,
		BytesStaged: t.bytes,
	}
	bill, err := estimate(t.costs, work, p.Available.Start.Time(), p.Available.Length().Duration())
	net := bill.Net()
	var quote scheduling.Quote
	for _, q := range t.costs.Units() {
		value, charged := valueOf(net, q.Name)
		if charged || err == nil {
			quote.Costs = append(quote.Costs, scheduling.Amount{Type: costType(q.Name), Value: value})
		}
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

// estimate prices work that books its size for a duration from a start.
func estimate(costs accounting.CostModel, work accounting.Work, start time.Time, d time.Duration) (accounting.Bill, error) {
	usage, err := work.Size.Usage(d)
	if err != nil {
		return accounting.Bill{}, err
	}
	work.Usage, work.Start, work.End = usage, start, start.Add(d)
	return costs.Charge(work)
}

// work is what a session's plan is to be charged for, without usage and time.
func (b *Broker) work(s *store.Session) accounting.Work {
	return accounting.Work{
		Kind: s.Kind, Site: accounting.NodeName(b.options.Name), Pool: b.poolName(s.Plan.Pool), Owners: s.Owners,
		Size: accounting.Footprint{
			Cores: s.Plan.Cores, MemoryGiB: s.Plan.Memory, StorageGiB: s.Plan.Storage, GPUs: s.Plan.GPUs, BytesStaged: s.Plan.Bytes,
		},
	}
}

// bill is what a session's plan is expected to be charged.
func (b *Broker) bill(s *store.Session) (accounting.Bill, error) {
	return estimate(b.options.Costs, b.work(s), wall(s.Plan.Start+s.Plan.Preparing), time.Duration(s.Plan.Duration)*time.Millisecond)
}

// estimateOf is what a session's plan is expected to be charged, discounts off.
func (b *Broker) estimateOf(s *store.Session) []accounting.Quantity {
	bill, err := b.bill(s)
	if err != nil {
		b.log.ErrorContext(threadOf(s), "a session can't be estimated", "session", s.ID.String(), "error", err)
	}
	return bill.Net()
}

// valueOf is the amount of one charge, as a number for people to compare, and
// whether it is there.
func valueOf(charges []accounting.Quantity, name accounting.Resource) (float64, bool) {
	for _, c := range charges {
		if c.Name == name {
			return c.Value(), true
		}
	}
	return 0, false
}
