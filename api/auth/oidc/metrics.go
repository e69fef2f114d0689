package oidc

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// measure registers the provider's metrics under its issuer's name.
func (p *Provider) measure(registerer prometheus.Registerer) error {
	p.failed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "starling_issuer_failures_total", Help: "How often an issuer could not be asked for its keys.",
	})
	if registerer == nil {
		return nil
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "starling_issuer_keys_age_seconds", Help: "How old what is known of an issuer's keys is; -1: nothing is.",
	}, func() float64 {
		known := p.known.Load()
		if known == nil {
			return -1
		}
		return p.now().Sub(known.at).Seconds()
	})
	count := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "starling_issuer_keys", Help: "How many keys of an issuer are believed.",
	}, func() float64 {
		known := p.known.Load()
		if known == nil {
			return 0
		}
		return float64(known.keys.Len())
	})
	named := prometheus.WrapRegistererWith(prometheus.Labels{"issuer": p.issuer}, registerer)
	return errors.Join(named.Register(p.failed), named.Register(age), named.Register(count))
}
