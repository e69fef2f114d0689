package scheduling

import "strings"

// Reason is a message as plain data: a template with {names} in it and the values for them.
type Reason struct {
	Template string
	Values   map[string]string
}

// String returns the template with its values put in.
func (r Reason) String() string {
	pairs := make([]string, 0, 2*len(r.Values))
	for name, value := range r.Values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(r.Template)
}

// Code says in one word why a candidate made no proposal.
type Code string

// The codes of refusals.
const (
	CodeInvalid       Code = "invalid"        // the demand makes no sense
	CodeTooLarge      Code = "too-large"      // more than the pool ever has
	CodeNoWindow      Code = "no-window"      // the pool doesn't work for that long at a stretch before the horizon
	CodeFull          Code = "full"           // the pool is taken until the horizon
	CodeStartInterval Code = "start-interval" // it could run, but not when the user wants
	CodeHoldLimit     Code = "hold-limit"     // there is room, but outstanding offers hold too much of it
	CodeCost          Code = "cost"           // a cost is above its limit, or not quoted
	CodeMetric        Code = "metric"         // a metric is below its limit, or not quoted
)

// Refusal says why a candidate made no proposal.
type Refusal struct {
	Candidate int // index of the candidate
	Code      Code
	Reason    Reason
}

// Label says what is good about a proposal.
type Label string

// The labels of proposals.
const (
	LabelEarliest Label = "earliest" // none starts sooner here; as large as is free then
	LabelSmaller  Label = "smaller"  // as early, with less and for less
	LabelLarger   Label = "larger"   // later, with more
	LabelCheaper  Label = "cheaper"  // later, for less
)

// templates of what is said for a proposal.
var templates = map[Label]string{
	LabelEarliest: "earliest start here, at {start}; cores: {cores}, memory: {memory} GiB",
	LabelSmaller:  "starts at {start}, for less; cores: {cores}, memory: {memory} GiB",
	LabelLarger:   "starts later, at {start}, with more; cores: {cores}, memory: {memory} GiB",
	LabelCheaper:  "starts later, at {start}, for less; cores: {cores}, memory: {memory} GiB",
}
