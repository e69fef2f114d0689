package network

// Quality is how well a contender placed the jobs of one load. Times are in seconds.
type Quality struct {
	Contender string    `json:"contender"`
	Load      float64   `json:"load"`
	Every     float64   `json:"every"` // seconds between two digests of a node at least; 0: it reads none
	Wait      Quantiles `json:"wait"`
	// Slowdown is the mean of (wait + run) / max(run, 10 s), at least 1.
	Slowdown float64 `json:"meanBoundedSlowdown"`
	Price    float64 `json:"price"` // EUR an hour of a core, on average
	Away     float64 `json:"away"`  // share of jobs that ran elsewhere than where they came
	// Digests is how many a node told a second; Bytes, how long they were.
	Digests float64 `json:"digestsPerNodePerSecond,omitempty"`
	Bytes   float64 `json:"digestBytes,omitempty"`
}

// threshold is the run time, in seconds, below which a job's slowdown isn't taken at its word; see package workload.
const threshold = 10

// measure sums up what became of the jobs, but for the first quarter of those that came: what ran before them was not
// placed as they were.
func (w *world) measure(load float64) Quality {
	q := Quality{Contender: w.who.name, Load: load}
	var waits, slowdowns []float64
	cores, euros := 0.0, 0.0
	there := 0
	for there < len(w.jobs) && w.jobs[there].there {
		there++
	}
	for i := there + (len(w.jobs)-there)/4; i < len(w.jobs); i++ {
		j, t := &w.jobs[i], &w.tasks[i]
		wait, run := t.start.Sub(j.at).Duration().Seconds(), j.run.Duration().Seconds()
		waits = append(waits, wait)
		slowdowns = append(slowdowns, max(1, (wait+run)/max(run, threshold)))
		used := run * float64(j.need.Cores)
		cores, euros = cores+used, euros+used*w.places[t.site].price
		if t.site != j.home {
			q.Away++
		}
	}
	q.Away /= float64(len(waits))
	q.Wait, q.Slowdown, q.Price = quantiles(waits), mean(slowdowns), euros/cores
	if b := w.board; b != nil && b.count > 0 {
		q.Digests = float64(b.count) / float64(len(w.sites)) / w.now.Sub(begin).Duration().Seconds()
		q.Bytes = float64(b.bytes) / float64(b.count)
		if w.who.reads {
			q.Every = b.every.Duration().Seconds()
		}
	}
	return q
}
