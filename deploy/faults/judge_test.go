package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"starling/deploy/faults/inject"
)

func TestARunPassesOnlyIfItProvesSomething(t *testing.T) {
	good := measured{Baseline: 150, During: 100, Lasted: 10 * time.Second, Strong: 50, Gap: 80 * time.Millisecond}
	all := inject.Expectation{Answers: true, StrongWrites: true, Gap: 100 * time.Millisecond}
	with := func(change func(m *measured)) measured {
		m := good
		change(&m)
		return m
	}
	for name, c := range map[string]struct {
		seen    measured
		expects inject.Expectation
		want    verdict
	}{
		"all is well":                        {good, all, passed},
		"nothing was asked of it":            {measured{Baseline: 100}, inject.Expectation{}, passed},
		"idle":                               {with(func(m *measured) { m.Baseline = 99.9 }), all, inconclusive},
		"a promise broken":                   {with(func(m *measured) { m.Findings = []string{"promise 1"} }), all, failed},
		"a promise broken while idle":        {with(func(m *measured) { m.Baseline, m.Findings = 3, []string{"promise 1"} }), all, failed},
		"stuck":                              {with(func(m *measured) { m.Stuck = "no leader" }), all, failed},
		"the run in trouble":                 {with(func(m *measured) { m.Trouble = []string{"no engine"} }), all, inconclusive},
		"in trouble, so nobody was answered": {with(func(m *measured) { m.Trouble, m.During = []string{"no engine"}, 0 }), all, inconclusive},
		"in trouble, and a promise broken":   {with(func(m *measured) { m.Trouble, m.Findings = []string{"x"}, []string{"promise 1"} }), all, failed},
		"the check undecided":                {with(func(m *measured) { m.Unsure = []string{"porcupine"} }), all, inconclusive},
		"nobody answered":                    {with(func(m *measured) { m.During = 0 }), all, failed},
		"nobody answered, nobody asked it":   {with(func(m *measured) { m.During = 0 }), inject.Expectation{}, passed},
		"no strong write":                    {with(func(m *measured) { m.Strong = 0 }), all, failed},
		"too long a gap":                     {with(func(m *measured) { m.Gap = 101 * time.Millisecond }), all, failed},
		"a gap where there always are":       {with(func(m *measured) { m.Before, m.Gap = time.Second, time.Minute }), all, inconclusive},
		"a gap that isn't judged":            {with(func(m *measured) { m.Gap = time.Minute }), inject.Expectation{Answers: true}, passed},
	} {
		got, why := judge(c.seen, c.expects)
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.want == passed || len(c.seen.Findings) > 0 && len(c.seen.Trouble) == 0 && c.seen.Baseline >= least, len(why) == 0, "%s: %v", name, why)
	}
}
