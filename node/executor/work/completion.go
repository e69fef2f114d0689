package work

import (
	"time"

	"starling/api/despatch"
	"starling/node/executor"
)

// Ended is how a program ended.
type Ended struct {
	Start, End time.Time
	CPU        *time.Duration // nil: not known
	MaxRSS     int64          // bytes; 0: not known
	ExitCode   *int           // nil where it was stopped, or didn't start
}

// completion is the attempt's, the same however often it is made.
func (a *Attempt) completion() despatch.Completion {
	done := despatch.Completion{Outcome: despatch.Completed}
	if a.failure != nil {
		done = *a.failure
	}
	usage := executor.Usage{
		Booked:      a.Despatch.Resources,
		BytesStaged: a.State.BytesStaged,
	}
	done.Time = time.Now().UTC()
	if e := a.Ended; e != nil {
		usage.CPU, usage.MaxRSS = e.CPU, e.MaxRSS
		usage.Run = e.End.Sub(e.Start)
		done.Time, done.ExitCode = e.End, e.ExitCode
	}
	usage.Total = done.Time.Sub(a.State.Began)
	done.Resources, done.Quality = usage.Resources(), usage.Quality()
	done.Files = append(a.finalStreams(), a.files...)
	return done
}
