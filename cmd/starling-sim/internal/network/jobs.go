package network

import (
	"math"
	"math/rand/v2"
	"time"

	"starling/scheduling"
	"starling/scheduling/workload"
)

// job is what somebody wants to run. It is stopped when what was requested is over, and mostly ends before.
type job struct {
	at        scheduling.Instant
	home      int // the node that is asked
	need      scheduling.Resources
	requested scheduling.Span
	run       scheduling.Span
	there     bool // it runs at home already when the play begins
}

// shape is what a job is like, but for when and where it comes.
type shape struct {
	cores          int64
	requested, run scheduling.Span
}

// begin is when a run begins: any time will do.
const begin = scheduling.Instant(1_800_000_000_000)

// memoryOfCore is what sites have, and jobs need, for each core.
const memoryOfCore = 4 // GiB

func size(cores int64) scheduling.Resources {
	return scheduling.Resources{Cores: cores, Memory: memoryOfCore * cores}
}

// anyShape makes one up: 1 to 16 cores, 15 minutes requested in the median (log-normal, 25 in the mean), of which 30 to
// 100 % are used.
func anyShape(draw *rand.Rand) shape {
	cores, at := int64(1), draw.Float64()
	for _, more := range []float64{0.4, 0.6, 0.8, 0.95} {
		if at >= more {
			cores *= 2
		}
	}
	requested := min(max(900*math.Exp(draw.NormFloat64()), 60), 12*3600)
	return shape{cores, scheduling.Span(requested) * scheduling.Second, scheduling.Span(requested * (0.3 + 0.7*draw.Float64()) * 1000)}
}

// shapes returns so many shapes: those of a log's jobs, drawn with replacement, or such as are made up.
func shapes(n int, log *workload.Trace, largest int64, draw *rand.Rand) []shape {
	var real []shape
	if log != nil {
		for _, j := range log.Jobs {
			if s := (shape{max(j.AllocatedProcs, 1), scheduling.Span(max(j.RequestedTime, j.Run)) * scheduling.Second, scheduling.Span(j.Run) * scheduling.Second}); j.Run > 0 {
				s.cores = min(s.cores, largest)
				real = append(real, s)
			}
		}
	}
	all := make([]shape, n)
	for i := range all {
		if len(real) > 0 {
			all[i] = real[draw.IntN(len(real))]
			continue
		}
		all[i] = anyShape(draw)
	}
	return all
}

// arrivals makes jobs of shapes, at random nodes, one after the other at random times (a Poisson process), so many that
// they keep so much of all cores busy, if no time is lost; and before them those that run when the play begins.
func arrivals(shapes []shape, sites []place, load float64, draw *rand.Rand) []job {
	cores, area := 0.0, 0.0
	for _, s := range sites {
		cores += float64(s.size.Cores)
	}
	for _, s := range shapes {
		area += float64(s.cores) * s.run.Duration().Seconds()
	}
	between := area / float64(len(shapes)) / (cores * load) // seconds
	jobs := running(shapes, sites, load, draw)
	at := 0.0
	for _, s := range shapes {
		at += draw.ExpFloat64() * between
		jobs = append(jobs, job{
			at: begin.Add(scheduling.SpanOf(time.Duration(at * float64(time.Second)))), home: draw.IntN(len(sites)),
			need: size(s.cores), requested: s.requested, run: min(s.run, s.requested),
		})
	}
	return jobs
}

// running are jobs that keep so much of each site busy in the beginning, each begun some time ago.
func running(shapes []shape, sites []place, load float64, draw *rand.Rand) (jobs []job) {
	for i, p := range sites {
		left := int64(min(load, 1) * float64(p.size.Cores))
		for misses := 0; left > 0 && misses < 10; {
			s := shapes[draw.IntN(len(shapes))]
			if s.cores > left {
				misses++
				continue
			}
			left -= s.cores
			run := min(s.run, s.requested)
			done := scheduling.Span(draw.Float64() * float64(run))
			jobs = append(jobs, job{
				at: begin, home: i, there: true, need: size(s.cores),
				requested: max(1, s.requested-done), run: max(1, run-done),
			})
		}
	}
	return jobs
}

// place is a site as it was built.
type place struct {
	size  scheduling.Resources
	price float64 // of an hour of a core, in EUR
}

// places builds sites of 8 to 128 cores, half of them of 16 at most, at prices from 0.01 to 0.05 EUR an hour of a core.
func places(n int, draw *rand.Rand) []place {
	all := make([]place, n)
	for i := range all {
		cores, at := int64(8), draw.Float64()
		for _, more := range []float64{0.3, 0.6, 0.8, 0.95} {
			if at >= more {
				cores *= 2
			}
		}
		all[i] = place{size(cores), math.Round(1000*(0.01+0.04*draw.Float64())) / 1000}
	}
	all[0].size = size(128) // somebody can run anything
	return all
}
