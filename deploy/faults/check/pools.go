package check

import (
	"cmp"
	"slices"
)

// span is some cores for some time.
type span struct {
	from, to int64 // nanoseconds, of one clock
	cores    int64
	of       string
}

// peak is the most that spans take at one instant, and which those are. What ends when
// another begins doesn't overlap it.
func peak(spans []span) (most int64, together []string) {
	type step struct {
		at int64
		span
		begins bool
	}
	var steps []step
	for _, s := range spans {
		if s.to > s.from {
			steps = append(steps, step{s.from, s, true}, step{s.to, s, false})
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		if a.at == b.at && a.begins != b.begins {
			if a.begins {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.at, b.at)
	})
	var now int64
	var running []string
	for _, s := range steps {
		if !s.begins {
			now -= s.cores
			running = slices.DeleteFunc(running, func(of string) bool { return of == s.of })
			continue
		}
		now += s.cores
		running = append(running, s.of)
		if now > most {
			most, together = now, slices.Clone(running)
		}
	}
	return most, together
}

// pools checks promise 1: no executor ever had more to do than it can, neither by what
// is on record nor by what it was given.
func (c *checker) pools() {
	recorded, given := map[string][]span{}, map[string][]span{}
	for _, a := range c.told[0].history {
		if _, ours := c.record.Executors[a.Executor]; !ours || slices.Contains(c.options.Leapt, a.Node) {
			continue
		}
		end := a.Ended
		if !a.Stalled.IsZero() && (end.IsZero() || a.Stalled.Before(end)) {
			end = a.Stalled
		}
		if end.IsZero() {
			continue
		}
		recorded[a.Executor] = append(recorded[a.Executor], span{a.Opened.UnixNano(), end.UnixNano(), c.told[0].sessions[a.Session].Compute.Cores.Max, a.HistoryRef})
	}
	for _, a := range c.record.Attempts {
		if a.Lost || a.Ended == 0 { // it was somebody else's before its executor knew
			continue
		}
		given[a.ExecutorID] = append(given[a.ExecutorID], span{int64(a.Despatched), int64(a.Ended), a.Cores, a.Ref})
	}
	for id, cores := range c.record.Executors {
		c.looked("spans of pools", len(recorded[id])+len(given[id]))
		if most, together := peak(recorded[id]); most > cores {
			c.broken(1, "executor "+id, "by the history it had %d cores to run at one instant, of %d: %v", most, cores, together)
		}
		if most, together := peak(given[id]); most > cores {
			c.broken(1, "executor "+id, "it was given %d cores to run at one instant, of %d: %v", most, cores, together)
		}
	}
}
