package policy

import (
	"fmt"
	"slices"
)

// A Step is what one rule has to say.
type Step struct {
	Rule   string  `json:"rule"`
	Then   Outcome `json:"then"`
	Result Result  `json:"result"`
	Detail string  `json:"detail,omitempty"`
}

// A Result is what came of a rule.
type Result byte

// The results of rules.
const (
	Unknown    Result = iota
	Matched           // its condition holds
	NotMatched        // or doesn't
	Failed            // it can't be evaluated, which denies
	PerOffer          // it is judged for each offer
	NotReached        // an earlier one has decided
)

var results = [...]string{"unknown", "match", "no match", "error", "per offer", "not reached"}

// String is the result in words.
func (r Result) String() string { return results[r] }

// MarshalText implements encoding.TextMarshaler.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// trace sets the results of a course beside the rules.
func (o outcome) trace(p *Policy) []Step {
	steps := make([]Step, len(o.results))
	for i, result := range o.results {
		steps[i] = Step{Rule: p.rules[i].name, Then: p.rules[i].then, Result: result}
		if p.rules[i].name == o.rule && o.message != nil {
			steps[i].Detail = o.message.String()
		}
	}
	return steps
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Result) UnmarshalText(text []byte) error {
	i := slices.Index(results[:], string(text))
	if i < 0 {
		return fmt.Errorf("%.40q is no result of a rule", text)
	}
	*r = Result(i)
	return nil
}
