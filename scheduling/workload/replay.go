package workload

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"starling/scheduling"
)

// CPUs says which of a log's two numbers of processors a job takes.
type CPUs string

// The numbers of processors.
const (
	Requested CPUs = "requested" // field 8
	Allocated CPUs = "allocated" // field 5
)

// Options says how to replay a log.
type Options struct {
	Policy Policy
	CPUs   CPUs
	// Procs is the size of the machine; 0: what the log's header says.
	Procs int64
	// Observe is told of every job that starts, with its start in seconds since the log's start. It may be nil.
	Observe func(job Job, start int64)
}

// Check returns an error unless a log could be replayed so.
func (o Options) Check() error {
	switch {
	case !slices.Contains(Policies(), o.Policy):
		return fmt.Errorf("unknown policy %q: one of %v", o.Policy, Policies())
	case o.CPUs != Requested && o.CPUs != Allocated:
		return fmt.Errorf("unknown kind of processors %q: requested or allocated", o.CPUs)
	case o.Procs < 0:
		return fmt.Errorf("a machine of %d processors", o.Procs)
	}
	return nil
}

// Result is what a replay gives. Times are in seconds.
type Result struct {
	Policy              Policy  `json:"policy"`
	CPUs                CPUs    `json:"cpus"`
	Procs               int64   `json:"procs"`
	Jobs                int     `json:"jobs"`
	Skipped             int     `json:"skipped"` // they have no run time
	MeanWait            float64 `json:"meanWait"`
	MaxWait             float64 `json:"maxWait"`
	MeanBoundedSlowdown float64 `json:"meanBoundedSlowdown"`
	Makespan            float64 `json:"makespan"`
	Utilisation         float64 `json:"utilisation"`
}

// task is a job as the replay sees it. Whole seconds of the log are milliseconds here.
type task struct {
	job      Job
	submit   scheduling.Instant
	run      scheduling.Span // at most estimate: a job that outstays its request is stopped
	estimate scheduling.Span
	need     scheduling.Resources
	start    scheduling.Instant // as planned, then as it was
	running  bool
}

// replay is a machine in virtual time.
type replay struct {
	line    *scheduling.Timeline
	tasks   []task
	agenda  agenda
	now     scheduling.Instant
	observe func(Job, int64)
}

// Replay runs a log. Jobs without a run time are left out. Where the log lacks the requested time or the chosen number
// of processors, the run time or the other number stands in.
func Replay(trace *Trace, o Options) (Result, error) {
	result := Result{Policy: o.Policy, CPUs: o.CPUs, Procs: cmp.Or(o.Procs, trace.MaxProcs)}
	if err := o.Check(); err != nil {
		return result, fmt.Errorf("replay: %w", err)
	}
	if result.Procs <= 0 {
		return result, fmt.Errorf("replay: the log doesn't say how many processors the machine has")
	}
	tasks, err := prepare(trace, o.CPUs, result.Procs)
	if err != nil {
		return result, fmt.Errorf("replay: %w", err)
	}
	result.Jobs, result.Skipped = len(tasks), len(trace.Jobs)-len(tasks)
	line, err := scheduling.NewTimeline(scheduling.Resources{Cores: result.Procs})
	if err != nil {
		return result, fmt.Errorf("replay: %w", err)
	}
	r := &replay{line: line, tasks: tasks, observe: o.Observe}
	if err := r.play(o.Policy.scheduler(r)); err != nil {
		return result, fmt.Errorf("replay: %w", err)
	}
	r.measure(&result)
	return result, nil
}

// prepare turns the jobs of a log into tasks in the order in which they arrive.
func prepare(trace *Trace, cpus CPUs, procs int64) ([]task, error) {
	tasks := make([]task, 0, len(trace.Jobs))
	for _, j := range trace.Jobs {
		if j.Run <= 0 {
			continue
		}
		cores := j.AllocatedProcs
		if j.AllocatedProcs <= 0 || (cpus == Requested && j.RequestedProcs > 0) {
			cores = j.RequestedProcs
		}
		if cores <= 0 {
			return nil, fmt.Errorf("line %d: job %d has no processors", j.Line, j.Number)
		}
		if cores > procs {
			return nil, fmt.Errorf("line %d: job %d needs %d processors, the machine has %d", j.Line, j.Number, cores, procs)
		}
		estimate := j.RequestedTime
		if estimate <= 0 {
			estimate = j.Run
		}
		tasks = append(tasks, task{
			job:      j,
			submit:   scheduling.Instant(j.Submit),
			run:      scheduling.Span(min(j.Run, estimate)),
			estimate: scheduling.Span(estimate),
			need:     scheduling.Resources{Cores: cores},
		})
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("none of the %d jobs has a run time", len(trace.Jobs))
	}
	slices.SortStableFunc(tasks, func(a, b task) int { return cmp.Compare(a.submit, b.submit) })
	return tasks, nil
}

// play lets the events happen one by one.
func (r *replay) play(policy scheduler) error {
	next := 0 // task to arrive
	for next < len(r.tasks) || len(r.agenda) > 0 {
		e := event{}
		arrival := event{kind: submits, job: int32(next)}
		if next < len(r.tasks) {
			arrival.at = r.tasks[next].submit
		}
		if next < len(r.tasks) && (len(r.agenda) == 0 || arrival.before(r.agenda[0])) {
			e = arrival
			next++
		} else {
			e = r.agenda.pop()
		}
		if e.at > r.now {
			r.line.Prune(r.now) // all that ended by then has had its event
			r.now = e.at
		}
		if err := r.happen(policy, e); err != nil {
			return fmt.Errorf("line %d: %w", r.tasks[e.job].job.Line, err)
		}
	}
	return nil
}

func (r *replay) happen(policy scheduler, e event) error {
	t := &r.tasks[e.job]
	switch e.kind {
	case submits:
		return policy.submitted(int(e.job))
	case starts:
		if t.running || t.start != r.now {
			return nil // it was moved after this had been put on the agenda
		}
		return r.begin(int(e.job))
	}
	if err := r.line.End(entry(int(e.job)), r.now); err != nil {
		return err
	}
	return policy.ended()
}

// begin lets a booked task run from now on.
func (r *replay) begin(i int) error {
	t := &r.tasks[i]
	t.running, t.start = true, r.now
	r.agenda.push(event{r.now.Add(t.run), ends, int32(i)})
	if r.observe != nil {
		r.observe(t.job, int64(r.now))
	}
	return r.line.Fix(entry(i))
}

// query asks for room for a task from now until the latest start given.
func (r *replay) query(i int, latest scheduling.Instant) (scheduling.Slot, bool) {
	t := &r.tasks[i]
	return r.line.EarliestFit(scheduling.Query{Need: t.need, Duration: t.estimate, NotBefore: r.now, NotAfter: latest})
}

// book reserves a slot for a task.
func (r *replay) book(i int, slot scheduling.Slot, movable bool) error {
	return r.line.Book(scheduling.Booking{ID: entry(i), Slot: slot, NotBefore: r.now, Movable: movable})
}

// entry names a task's entry on the timeline.
func entry(i int) (id scheduling.EntryID) {
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	return id
}

// taskOf returns the task that entry named.
func taskOf(id scheduling.EntryID) int { return int(binary.BigEndian.Uint64(id[8:])) }
