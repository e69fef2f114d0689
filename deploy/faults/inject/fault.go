package inject

import (
	"context"
	"time"
)

// Fault is one way to hurt a federation.
type Fault struct {
	// Name is a short word for files and the command line: kill-leader.
	Name string
	// Title says it to people: "kill -9 of the leader".
	Title string
	// Runs is how often it is tried in the long plan.
	Runs int
	// Short is whether it is among the dozen of the short plan.
	Short bool
	// Needs is what the cluster must be made with; nil where any will do.
	Needs *Needs
	// Expects is what users may expect while it lasts.
	Expects Expectation
	// Inject hurts. What it returns is healed even if it returns an error as well, so
	// that nothing is left behind by half a fault.
	Inject func(ctx context.Context, scene *Scene) (*Wound, error)
}

// Needs are settings of a cluster that a fault can't do without. Faults with equal
// needs, by their name, share clusters.
type Needs struct {
	Name string
	// Settings are keys of every site's configuration, in dots, with values in YAML.
	Settings map[string]string
	// Changelings: every node is one (deploy/faults/changeling), and does in an evil
	// hour what the orders in its data directory say.
	Changelings bool
}

// Expectation is what users of the sites that are up may expect while a fault lasts.
type Expectation struct {
	// Answers: something is answered by somebody.
	Answers bool
	// StrongWrites: a majority is together, so strong writes go on, after an election.
	StrongWrites bool
	// Gap is the longest time for which strong writes may stop; 0 where that is
	// measured, but not judged.
	Gap time.Duration
}

// What most faults leave.
var (
	majority = Expectation{Answers: true, StrongWrites: true}
	minority = Expectation{Answers: true}
	nobody   = Expectation{}
)

// Wound is what a fault has done.
type Wound struct {
	// Says what was done to whom, in a sentence for the table.
	Says string
	// Lasts is how long it is left before it is healed.
	Lasts time.Duration
	// Meanwhile goes on while it lasts, if there is anything; the fault is healed when
	// it returns, and not before.
	Meanwhile func(ctx context.Context) error
	// Minority are the sites that are cut off from every majority from when Inject has
	// returned until Heal is called: they must acknowledge no strong write and no
	// strong read.
	Minority []string
	// Lost are the sites that may have lost what they alone had, because that is what
	// the fault does (a wiped disk).
	Lost []string
	// Gone are the sites that don't come back.
	Gone []string
	// Leapt are the sites whose clocks were set: what their times tell of before and
	// after is worth nothing.
	Leapt []string
	// Spent is whether the cluster is of no use for further runs, however well it heals.
	Spent bool
	// Heal ends it. It may be called again.
	Heal func(ctx context.Context) error
}
