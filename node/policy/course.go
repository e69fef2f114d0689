package policy

// A course is the way of a request with one image through the rules.
type course struct {
	policy *Policy
	scope  *scope
	// known is what came of rules that don't depend on the offer.
	known []Result
}

// outcome is where a course has come to.
type outcome struct {
	rule    string   // that decided
	message *Message // it denies
	caps    ceilings
	results []Result // by the rules
	failed  []string
}

// walk takes the rules in order until one decides. Without an offer those that
// need one are left out; behind one that would allow, nothing is certain, and all
// is left for the offers.
func (c *course) walk(offer *Offer) (o outcome) {
	o.results = make([]Result, len(c.policy.rules))
	c.scope.offer = offer
	certain, decided := true, false
	for i, r := range c.policy.rules {
		switch {
		case decided:
			o.results[i] = NotReached
			continue
		case offer == nil && (r.offers || !certain):
			certain = certain && r.then != Allow
			o.results[i] = PerOffer
			continue
		}
		var err error
		o.results[i], err = c.ask(i, r)
		switch {
		case err != nil:
			o.failed = append(o.failed, r.name)
			o.rule, o.message, decided = r.name, r.failed(err), true
		case o.results[i] == NotMatched:
		case r.then == Limit:
			o.caps = o.caps.add(r)
		default:
			o.rule, decided = r.name, true
			if r.then == Deny {
				o.message = r.why(c.scope)
			}
		}
	}
	return o
}

// ask finds out what comes of a rule: once, where the offer doesn't matter. One
// that has failed is asked again, for the reason.
func (c *course) ask(i int, r *rule) (Result, error) {
	if c.known[i] != Unknown {
		return c.known[i], nil
	}
	yes, err := r.matches(c.scope)
	if err != nil {
		return Failed, err
	}
	result := NotMatched
	if yes {
		result = Matched
	}
	if !r.offers {
		c.known[i] = result
	}
	return result, nil
}
