package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Options say what to measure, and how.
type Options struct {
	Starling string        // the program that is measured
	Only     []string      // names of experiments; none: all of them
	Time     time.Duration // how long each rate is measured
	Dir      string        // where data directories are made; "": the system's place for temporary files
	Trace    string        // the log of KTH-SP2; "": that figure is left out
	Progress io.Writer     // is told what is being done
}

// Experiment is what measures figures that belong together.
type Experiment struct {
	Name  string
	About string
	run   func(context.Context, *lab) error
}

// Experiments are all there are, in the order in which they run.
func Experiments() []Experiment {
	return []Experiment{
		{"fit", "the earliest fit on a timeline of 100,000 entries", fits},
		{"replay", "28,481 jobs replayed conservatively", replays},
		{"ledger", "a million ledger entries applied, and balances read", ledger},
		{"offers", "asking and accepting with 10,000 bookings on the timeline", offers},
		{"simulator", "sessions from ask to COMPLETED, simulated", simulated},
		{"process", "sessions from ask to COMPLETED, running /bin/true", processes},
		{"despatch", "polls, updates and executors that wait, with 10,000 sessions due", despatches},
		{"docker", "containers as sessions, beside what the engine alone takes", containers},
		{"asking", "asking one of five nodes, which asks three others; reading through another", asking},
		{"raft", "history and ledger on the log that three nodes share", rafts},
		{"gossip", "how soon 15 nodes know of a change, and what that costs", gossip},
		{"proxy", "reading a session through another node", proxied},
		{"history", "memory, answers and exports with a history of a million attempts", history},
		{"memory", "memory with 100,000 finished sessions", memory},
	}
}

// Run measures what the options say and tells the machine and the figures.
func Run(ctx context.Context, o Options) (Report, error) {
	l := &lab{Options: o}
	for _, name := range o.Only {
		if !slices.ContainsFunc(Experiments(), func(e Experiment) bool { return e.Name == name }) {
			return Report{}, fmt.Errorf("unknown experiment %q", name)
		}
	}
	machine, err := l.machine()
	if err != nil {
		return Report{}, err
	}
	for _, e := range Experiments() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, e.Name) {
			continue
		}
		l.tell("%s: %s", e.Name, e.About)
		l.name = e.Name
		if err := e.run(ctx, l); err != nil {
			return Report{}, fmt.Errorf("experiment %s: %w", e.Name, err)
		}
	}
	return Report{Machine: machine, Figures: l.figures}, nil
}

// lab is where experiments are made.
type lab struct {
	Options
	name    string
	figures []Figure
}

// tell says what is being done.
func (l *lab) tell(format string, values ...any) { fmt.Fprintf(l.Progress, format+"\n", values...) }

// note adds a figure.
func (l *lab) note(f Figure) {
	f.Experiment = l.name
	l.figures = append(l.figures, f)
}
