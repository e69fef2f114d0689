package main

import (
	"fmt"
	"time"

	"starling/deploy/faults/inject"
)

// least is how many operations a second the baseline must have: of a federation that
// had nothing to do, nothing is proven.
const least = 100

// measured is what was seen in a run.
type measured struct {
	Baseline, During float64
	// Lasted is how long the fault did, and Strong how many strong writes were
	// acknowledged from its beginning until all had settled.
	Lasted time.Duration
	Strong int
	Gap    time.Duration
	// Before is the longest gap in the baseline: what the machine does by itself.
	Before time.Duration
	// Trouble is what went wrong with the run itself: the cluster, the load, the fault.
	// It says nothing about Starling.
	Trouble []string
	// Stuck is why the federation is not whole again.
	Stuck string
	// Findings are broken promises; Unsure is what the check could not decide.
	Findings []string
	Unsure   []string
}

// judge says what a run comes to, and why.
func judge(m measured, expects inject.Expectation) (verdict, []string) {
	var wrong, unsure []string
	if m.Stuck != "" {
		wrong = append(wrong, "it does not recover: "+m.Stuck)
	}
	// While the run itself is in trouble, nobody can be expected to be served.
	if len(m.Trouble) == 0 {
		wrong = append(wrong, disappointed(m, expects)...)
	}
	if expects.Gap > 0 && m.Before > expects.Gap {
		unsure = append(unsure, fmt.Sprintf("a gap of %s can't be told on this machine now: strong writes stopped for %s in the baseline, and then for %s",
			expects.Gap, m.Before.Round(time.Millisecond), m.Gap.Round(time.Millisecond)))
	}
	unsure = append(unsure, m.Trouble...)
	unsure = append(unsure, m.Unsure...)
	if m.Baseline < least {
		unsure = append(unsure, fmt.Sprintf("the baseline was %.0f operations a second, under %d", m.Baseline, least))
	}
	switch {
	case len(m.Findings) > 0 || len(wrong) > 0:
		return failed, append(wrong, unsure...)
	case len(unsure) > 0:
		return inconclusive, unsure
	}
	return passed, nil
}

// disappointed says what users of the sites that were up may have expected in vain.
func disappointed(m measured, expects inject.Expectation) (wrong []string) {
	if expects.Answers && m.Lasted > time.Second && m.During == 0 {
		wrong = append(wrong, fmt.Sprintf("nobody was answered for the %s of the fault", m.Lasted.Round(time.Second)))
	}
	if expects.StrongWrites && m.Strong == 0 {
		wrong = append(wrong, "no strong write was acknowledged, though a majority was together")
	}
	if expects.Gap > 0 && m.Before <= expects.Gap && m.Gap > expects.Gap {
		wrong = append(wrong, fmt.Sprintf("strong writes stopped for %s, and may for %s", m.Gap.Round(time.Millisecond), expects.Gap))
	}
	return wrong
}
