package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"starling/scheduling/workload"
)

// What is wanted of replays.
const (
	replayMost = time.Second
	jobs       = 28_481 // as many as KTH-SP2 has
	procs      = 100    // and as large a machine
)

// replays measures how long it takes to replay a log in virtual time: one that is made up here, and that of KTH-SP2
// where there is one.
func replays(_ context.Context, l *lab) error {
	if err := l.replay("replay of 28,481 made-up jobs", madeUp()); err != nil {
		return err
	}
	if l.Trace == "" {
		l.tell("  KTH-SP2 is left out: its log is not here; say where with --trace")
		return nil
	}
	f, err := os.Open(l.Trace)
	if err != nil {
		return err
	}
	defer f.Close()
	trace, err := workload.Read(f)
	if err != nil {
		return err
	}
	return l.replay("replay of KTH-SP2", trace)
}

func (l *lab) replay(name string, trace *workload.Trace) error {
	begun := time.Now()
	_, err := workload.Replay(trace, workload.Options{Policy: workload.Conservative, CPUs: workload.Allocated})
	if err != nil {
		return err
	}
	f := latency(name, time.Since(begun), replayMost, "conservative")
	f.Value, f.Target, f.Unit = f.Value/1000, f.Target/1000, "s"
	l.note(f)
	return nil
}

// madeUp is a workload of the size of KTH-SP2: bursts of jobs, mostly small and short, which ask for longer than they
// need, on a machine that is busy for two thirds of its time.
func madeUp() *workload.Trace {
	random := rand.New(rand.NewPCG(1, 2))
	trace := &workload.Trace{MaxProcs: procs}
	submit := 0.0
	for i := range jobs {
		submit += random.ExpFloat64() * random.ExpFloat64() * 1800
		run := int64(math.Exp(2 + 9*random.Float64()))
		cpus := int64(1) << random.IntN(7)
		trace.Jobs = append(trace.Jobs, workload.Job{
			Line: i + 1, Number: int64(i + 1), Submit: int64(submit), Run: run, RequestedTime: run * (1 + random.Int64N(5)),
			RequestedProcs: cpus, AllocatedProcs: cpus,
		})
	}
	return trace
}
