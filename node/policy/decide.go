package policy

import (
	"slices"
	"strconv"

	"starling/api/ivoa/imagename"
	"starling/scheduling"
)

// A Decision is what the policy makes of a request.
type Decision struct {
	// Allowed says that nothing forbids the request. Offers may be denied yet.
	Allowed bool
	// Rule is what decided: a rule's name, RuleServes or RuleImages; "" where nothing
	// did, and what isn't forbidden is allowed.
	Rule string
	// Message says why it is denied; nil: it isn't.
	Message *Message
	// Caps are the limits that count for every offer.
	Caps []Ceiling
	// Max is what is left of what the request would like.
	Max scheduling.Resources
	// Remarks say what was cut down, and by which rule.
	Remarks []Message
	// Failed are the rules that could not be evaluated.
	Failed []string

	policy  *Policy
	request *Request
	before  []Step // what serves and images have to say
	courses []*course
	told    outcome // of the image that was denied, or else of the first
}

// Decide judges a request.
func (p *Policy) Decide(r Request) *Decision {
	d := &Decision{Allowed: true, Max: r.Max, policy: p, request: &r}
	if why := p.serves.judge(r.Caller); d.step(RuleServes, p.serves.restricts(), why) {
		return d
	}
	if why := p.judgeSize(&r); why != nil {
		d.step(RuleSize, true, why)
		return d
	}
	if why := p.judgeImages(r.Executable); d.step(RuleImages, p.images.restricts(), why) {
		return d
	}
	if len(p.rules) == 0 {
		return d
	}
	images := r.Executable.Images
	if len(images) == 0 {
		images = []imagename.Name{{}}
	}
	for i, image := range images {
		c := &course{policy: p, scope: newScope(&r, image), known: make([]Result, len(p.rules))}
		d.courses = append(d.courses, c)
		v := c.walk(nil)
		if i == 0 || v.message != nil {
			d.told, d.Rule = v, v.rule
		}
		d.Failed = append(d.Failed, v.failed...)
		if v.message != nil {
			d.deny(v.message)
			return d
		}
		for _, one := range v.caps {
			d.Caps = ceilings(d.Caps).lay(one)
		}
	}
	d.applyCaps()
	return d
}

// step notes what the serves and images have to say, and reports whether that is
// the end.
func (d *Decision) step(name string, restricts bool, why *Message) (end bool) {
	if !restricts && why == nil {
		return false
	}
	s := Step{Rule: name, Then: Deny, Result: NotMatched}
	if why != nil {
		s.Result, s.Detail = Matched, why.String()
		d.Rule = name
		d.deny(why)
	}
	d.before = append(d.before, s)
	return why != nil
}

// Trace says, step by step, how the decision was come to: of the image that was
// denied, or else of the first.
func (d *Decision) Trace() []Step { return slices.Concat(d.before, d.told.trace(d.policy)) }

func (d *Decision) deny(why *Message) { d.Allowed, d.Message = false, why }

// judgeSize says why rules can't judge a request: a pattern that looks for itself
// in a text of megabytes is a long time about it.
func (p *Policy) judgeSize(r *Request) *Message {
	if len(p.rules) == 0 || r.longest() <= maxText {
		return nil
	}
	return &Message{"a text in the request has {bytes} bytes, and the rules of this site judge none of more than {limit}",
		[]string{"bytes", strconv.Itoa(r.longest()), "limit", strconv.Itoa(maxText)}}
}

// judgeImages says why what is to run is not run here, as far as its image is
// concerned.
func (p *Policy) judgeImages(e Executable) *Message {
	if e.Opaque != "" && (p.images.restricts() || len(p.rules) > 0) {
		return &Message{"it can't be told which image would run: {reason}", []string{"reason", clean(e.Opaque)}}
	}
	for _, image := range e.Images {
		if why := p.images.judge(image); why != nil {
			return why
		}
	}
	return nil
}

// applyCaps cuts down what is asked, or denies what can't be.
func (d *Decision) applyCaps() {
	in := d.courses[0].scope
	list := ceilings(d.Caps)
	if c, asked := list.over(d.request.Min, d.request.Duration, nil, monetary); c != nil {
		d.Rule = c.Rule
		d.deny(c.exceeded(asked, in))
		return
	}
	d.Max = list.beneath(d.request.Max)
	wanted := amounts(&d.request.Max)
	for i, left := range amounts(&d.Max) {
		if *left < *wanted[i] {
			c := list.of(capped[i])
			d.Remarks = append(d.Remarks, c.lowered(float64(*wanted[i]), in))
		}
	}
}

// MaxPrice is the most that an offer may cost, in the tariff's currency, and
// whether there is such a limit.
func (d *Decision) MaxPrice() (float64, bool) {
	if c := ceilings(d.Caps).of("price"); c != nil {
		return c.Most, true
	}
	return 0, false
}

// A Verdict is what the policy makes of an offer.
type Verdict struct {
	Allowed bool
	Rule    string   // that decided, "" where none did
	Message *Message // why it is denied
	Failed  []string // rules that could not be evaluated

	policy *Policy
	before []Step
	told   outcome
}

// Trace says, step by step, how the verdict was come to.
func (v Verdict) Trace() []Step { return slices.Concat(v.before, v.told.trace(v.policy)) }

// Offer judges an offer of a request that is allowed.
func (d *Decision) Offer(o Offer) Verdict {
	verdict := Verdict{Allowed: d.Allowed, Rule: d.Rule, Message: d.Message, policy: d.policy, before: d.before}
	for i, c := range d.courses {
		v := c.walk(&o)
		if i == 0 || v.message != nil {
			verdict.Rule, verdict.told = v.rule, v
		}
		verdict.Failed = append(verdict.Failed, v.failed...)
		if v.message == nil {
			if c2, asked := v.caps.over(o.Size, o.End.Sub(o.Start), o.Price, monetary); c2 != nil {
				verdict.Rule, v.message = c2.Rule, c2.exceeded(asked, c.scope)
			}
		}
		if v.message != nil {
			verdict.Allowed, verdict.Message = false, v.message
			return verdict
		}
	}
	return verdict
}

// Judged reports whether there is anything to say of offers beside what was said
// of the request.
func (d *Decision) Judged() bool { return len(d.courses) > 0 }
