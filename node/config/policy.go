package config

import (
	"starling/accounting"
	"starling/api/ivoa/spelling"
	"starling/node/policy"
)

// Compile makes the policy of a node; prices are what its tariff charges for. The
// error joins one *expression.Error for each thing that is wrong.
func (p Policy) Compile(site string, prices []accounting.Quantity) (*policy.Policy, error) {
	c := policy.Config{
		Site:    site,
		Serves:  policy.Serves(p.Serves),
		Images:  policy.Images(p.Images),
		Suggest: spelling.Guess,
	}
	for _, q := range prices {
		c.Prices = append(c.Prices, string(q.Name))
	}
	for _, r := range p.Rules {
		c.Rules = append(c.Rules, policy.RuleConfig{
			Name: r.Name, When: r.When, Then: policy.Outcome(r.Then), Message: r.Message, Cap: policy.Cap(r.Cap),
		})
	}
	for _, q := range p.Quotas {
		c.Quotas = append(c.Quotas, policy.Quota{
			For: policy.Kind(q.For), Name: q.Name, Sessions: q.Sessions, Offers: q.Offers,
			Cores: q.Cores, Memory: q.Memory, GPUs: q.GPUs, CoreHours: q.CoreHours, Period: q.Period,
		})
	}
	return policy.New(c)
}
