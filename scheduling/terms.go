package scheduling

import "fmt"

// Amount is a cost or a metric: a kind of quantity, by its URN, and how much of it. Unit is what it is counted in; ""
// where nobody has said.
type Amount struct {
	Type  string
	Value float64
	Unit  string
}

// Quote is what a plan costs and how well it would do. The first cost counts when offers are ranked.
type Quote struct {
	Costs, Metrics []Amount
}

// Terms is what a site asks for the use of a pool: its tariff, and what it says of its performance.
type Terms interface {
	// Quote prices a plan.
	Quote(Plan) Quote
	// Changes returns, in order, at most limit instants in the window at which the tariff changes.
	Changes(w Window, limit int) []Instant
}

// Constraints are what the user demands of a quote: at most this much of a cost, at least this much of a metric.
type Constraints struct {
	AtMost, AtLeast []Amount
}

// broken returns why a quote doesn't meet the constraints, or nil if it does. What the site doesn't quote is not met.
func (c Constraints) broken(q Quote) *Refusal {
	for _, limit := range c.AtMost {
		if r := broken(CodeCost, limit, q.Costs, func(v float64) bool { return v <= limit.Value }); r != nil {
			return r
		}
	}
	for _, limit := range c.AtLeast {
		if r := broken(CodeMetric, limit, q.Metrics, func(v float64) bool { return v >= limit.Value }); r != nil {
			return r
		}
	}
	return nil
}

func broken(code Code, limit Amount, quoted []Amount, holds func(float64) bool) *Refusal {
	value, ok := find(quoted, limit.Type)
	if !ok {
		return &Refusal{Code: code, Reason: Reason{
			Template: "this site quotes no {type}, which the request limits to {limit}",
			Values:   map[string]string{"type": limit.Type, "limit": number(limit.Value)},
		}}
	}
	if holds(value) { // a value that is not a number never does
		return nil
	}
	template := "the {type} would be {quoted}, more than {limit}"
	if code == CodeMetric {
		template = "the {type} would be {quoted}, less than {limit}"
	}
	return &Refusal{Code: code, Reason: Reason{
		Template: template,
		Values:   map[string]string{"type": limit.Type, "quoted": number(value), "limit": number(limit.Value)},
	}}
}

func find(amounts []Amount, kind string) (float64, bool) {
	for _, a := range amounts {
		if a.Type == kind {
			return a.Value, true
		}
	}
	return 0, false
}

func number(v float64) string { return fmt.Sprintf("%.6g", v) }
