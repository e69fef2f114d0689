package policy

import (
	"errors"
	"slices"
)

// monetary is the resource that caps of the price are about.
const monetary = "monetary"

// A Policy is a site's, ready to decide. It may be used by any number of
// goroutines.
type Policy struct {
	site   string
	serves Serves
	images Images
	rules  []*rule
	quotas []Quota
}

// Rules are the names of the rules.
func (p *Policy) Rules() []string {
	names := make([]string, 0, len(p.rules))
	for _, r := range p.rules {
		names = append(names, r.name)
	}
	return names
}

// New compiles a configuration. The error joins one *expression.Error for each
// rule, image or quota that is wrong.
func New(c Config) (*Policy, error) {
	p := &Policy{site: c.Site, serves: c.Serves, images: c.Images}
	if len(c.Rules) > maxRules || len(c.Quotas) > maxRules {
		return nil, wrong("rules", "more than %d rules or quotas", maxRules)
	}
	bad := []error{p.images.check()}
	for i, q := range c.Quotas {
		bad = append(bad, p.addQuota(i, q))
	}
	if len(c.Rules) > 0 {
		l, err := newLanguage(c.Prices, c.Suggest)
		if err != nil {
			return nil, err
		}
		for i, r := range c.Rules {
			bad = append(bad, p.addRule(l, i, r))
		}
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return p, nil
}

// JudgesTimes reports whether it matters when a session starts: then it must not
// be moved to another time than it was judged for.
func (p *Policy) JudgesTimes() bool {
	return slices.ContainsFunc(p.rules, func(r *rule) bool { return r.times })
}
