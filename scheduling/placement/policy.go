package placement

import (
	"fmt"
	"strings"
)

// A Policy is what somebody is after when there are several ways to run a session.
type Policy interface {
	// Name is what the policy is chosen by.
	Name() string
	// About says in a line what it is after.
	About() string
	// Score says how far an option is from the best that could be, 0 to 1, from what it loses in each respect. More
	// of a loss must never give less of a score.
	Score(Losses) float64
}

// Default is the name of the policy where nobody says which.
const Default = "balanced"

// The weights of the balanced policy add up to 1. Users of batch systems value the time until they have their results
// above all (Lee and Snavely, Precise and Realistic Utility Functions for User-Centric Performance Analysis of
// Schedulers, 2007), so time weighs more than all else together. Half the price is worth waiting 1.26 times as long, no
// price at all 1.7 times. A transfer is part of the time already; what it counts beyond that is for the others who
// share the link.
const (
	timeWeight     = 0.6
	costWeight     = 0.25
	transferWeight = 0.15
)

// policies are all there are, the default first.
func policies() []Policy {
	return []Policy{
		policy{Default, "the end of the work, its cost and the transfer of its data, weighed", func(l Losses) float64 {
			return timeWeight*l.Time + costWeight*l.Cost + transferWeight*l.Transfer
		}},
		policy{"fastest", "the earliest end of the work", func(l Losses) float64 { return l.Time }},
		policy{"cheapest", "the lowest cost", func(l Losses) float64 { return l.Cost }},
		policy{"greenest", "the least carbon, or the least energy where no site tells its carbon", func(l Losses) float64 { return l.Carbon }},
		policy{"data-local", "the fewest bytes that come from other sites", func(l Losses) float64 { return l.Moved }},
	}
}

// policy is a Policy that needs no more than a formula.
type policy struct {
	name, about string
	score       func(Losses) float64
}

func (p policy) Name() string           { return p.name }
func (p policy) About() string          { return p.about }
func (p policy) Score(l Losses) float64 { return p.score(l) }

// Names lists the names of all policies, the default first.
func Names() []string {
	var names []string
	for _, p := range policies() {
		names = append(names, p.Name())
	}
	return names
}

// ByName returns the policy of that name, "" for the default one. The error names all there are.
func ByName(name string) (Policy, error) {
	if name == "" {
		name = Default
	}
	for _, p := range policies() {
		if p.Name() == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("unknown placement policy %q: one of %s", name, strings.Join(Names(), ", "))
}
