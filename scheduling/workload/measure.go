package workload

// threshold is the run time, in seconds, below which a job's slowdown is not taken at its word: a job of one second
// that waits for a minute has not suffered much. Ten seconds is what the literature uses.
const threshold = 10

// measure sums up what happened.
func (r *replay) measure(to *Result) {
	first, last := r.tasks[0].submit, r.tasks[0].submit
	waits, slowdowns, work := 0.0, 0.0, 0.0
	for i := range r.tasks {
		t := &r.tasks[i]
		wait, run := float64(t.start-t.submit), float64(t.run)
		waits += wait
		slowdowns += max(1, (wait+run)/max(run, threshold))
		work += run * float64(t.need.Cores)
		to.MaxWait = max(to.MaxWait, wait)
		last = max(last, t.start.Add(t.run))
	}
	n := float64(len(r.tasks))
	to.MeanWait, to.MeanBoundedSlowdown = waits/n, slowdowns/n
	to.Makespan = float64(last - first)
	to.Utilisation = work / (to.Makespan * float64(to.Procs))
}
