package network

import (
	"fmt"

	"starling/federation/digest"
	"starling/federation/shortlist"
	"starling/scheduling"
	"starling/scheduling/placement"
)

// contender is a way to choose where a job runs.
type contender struct {
	name string
	// reads says that it reads digests, so that it matters how old they are.
	reads bool
	// place books a job that has just come.
	place func(w *world, of int) error
}

// contenders are all there are.
func contenders() []contender {
	return []contender{
		{"omniscient queue", false, omniscient},
		{"ours fastest", true, asking("fastest", choose)},
		{"best 3 fastest", true, asking("fastest", bestThree)},
		{"ours balanced", true, asking("balanced", choose)},
		{"best 3 balanced", true, asking("balanced", bestThree)},
		{"random 3 fastest", true, asking("fastest", randomThree)},
		{"least loaded", true, greedy},
		{"random", false, random},
		{"local only", false, local},
	}
}

// at books a job at a site as early as it can be.
func (w *world) at(site, of int) error {
	start, ok := w.fit(site, of)
	if !ok {
		return fmt.Errorf("job %d of %s finds no room at site %d", of, w.jobs[of].need, site)
	}
	return w.book(site, of, start)
}

// random asks any one site that is large enough.
func random(w *world, of int) error {
	for {
		if site := w.draw.IntN(len(w.sites)); w.jobs[of].need.Fits(w.places[site].size) {
			return w.at(site, of)
		}
	}
}

// local asks the site where the job came, unless that is too small.
func local(w *world, of int) error {
	if home := w.jobs[of].home; w.jobs[of].need.Fits(w.places[home].size) {
		return w.at(home, of)
	}
	return random(w, of)
}

// greedy asks the one site where a job would start first, by what its digest says; of several such the one with the
// greatest part free.
func greedy(w *world, of int) error {
	j := &w.jobs[of]
	best, soonest, most := -1, scheduling.Forever, 0.0
	for i, k := range w.board.seenBy(nobody, w.now) {
		if !k.Said || !j.need.Fits(k.Fast.Largest) {
			continue
		}
		start := max(w.now, told(&k, j, w.now-scheduling.Instant(scheduling.SpanOf(k.Age))))
		free := float64(k.Fast.Free.Cores) / float64(k.Fast.Capacity.Cores)
		if best < 0 || start < soonest || start == soonest && free > most {
			best, soonest, most = i, start, free
		}
	}
	if best < 0 {
		return random(w, of)
	}
	return w.at(best, of)
}

// nobody is a viewer that is no site.
const nobody = -1

// told is when a digest lets a job start; where it has no room for it, when the profile ends.
func told(k *digest.Known, j *job, made scheduling.Instant) scheduling.Instant {
	profile := k.Fast.Profile
	start, running := scheduling.Instant(0), false
	for i, p := range profile {
		at := made.Add(p.After)
		if !j.need.Fits(p.Free) {
			running = false
			continue
		}
		if !running {
			start, running = at, true
		}
		if i+1 == len(profile) || made.Add(profile[i+1].After).Sub(start) >= j.requested {
			return start
		}
	}
	return made.Add(scheduling.Day)
}

// asking asks the site where a job came, and those that listed gives, for live offers, and takes the best by a policy.
func asking(name string, listed func(w *world, r shortlist.Request, home int) []int) func(w *world, of int) error {
	return func(w *world, of int) error {
		policy, err := placement.ByName(name)
		if err != nil {
			return err
		}
		j := &w.jobs[of]
		r := shortlist.Request{
			Demand: scheduling.Demand{Min: j.need, Max: j.need, Duration: j.requested},
			Kind:   kindOfAll, Policy: policy, Now: w.now,
		}
		var at []int
		var options []placement.Option
		for _, site := range append(listed(w, r, j.home), j.home) {
			if start, ok := w.fit(site, of); ok {
				at, options = append(at, site), append(options, w.offer(site, of, start))
			}
		}
		if len(at) == 0 {
			return random(w, of)
		}
		best := placement.Rank(policy, options, w.draw.IntN)[0].Option
		return w.book(at[best], of, options[best].Start)
	}
}

// choose is the short list of a node.
func choose(w *world, r shortlist.Request, home int) []int {
	asked, _ := shortlist.Choose(r, w.board.seenBy(home, w.now), w.own[home], w.draw.IntN)
	return w.numbers(asked)
}

// bestThree is the short list of who believes digests, however old: where nothing runs, nothing can have happened.
func bestThree(w *world, r shortlist.Request, home int) []int {
	known := w.board.seenBy(home, w.now)
	for i := range known {
		known[i].Fast.Running = 0
	}
	asked, _ := shortlist.Choose(r, known, w.own[home], w.draw.IntN)
	return w.numbers(asked)
}

func (w *world) numbers(asked []shortlist.Choice) (sites []int) {
	for _, c := range asked {
		sites = append(sites, w.board.number[c.Node])
	}
	return sites
}

// randomThree is the short list of who believes nothing but how large sites are.
func randomThree(w *world, r shortlist.Request, home int) (sites []int) {
	for tries := 0; len(sites) < shortlist.DefaultAsk && tries < 1000; tries++ {
		if site := w.draw.IntN(len(w.sites)); r.Demand.Min.Fits(w.places[site].size) {
			sites = append(sites, site)
		}
	}
	return sites
}

// offer is what a site offers for a job.
func (w *world) offer(site, of int, start scheduling.Instant) placement.Option {
	j := &w.jobs[of]
	return placement.Option{
		Site: string(w.board.known[site].Node), Asked: w.now, Start: start, End: start.Add(j.requested), Resources: j.need,
		Quote: scheduling.Quote{Costs: []scheduling.Amount{price(w.board.known[site].Slow.Rates[0], j)}},
	}
}

// price is what a site asks for a job.
func price(r digest.Rate, j *job) scheduling.Amount {
	hours := j.requested.Duration().Hours()
	return scheduling.Amount{Type: r.Type, Unit: r.Unit, Value: hours * float64(j.need.Cores) * r.CoreHour}
}

// omniscient sees all sites as they are, and binds nothing before its time: a job starts where there is room now, and
// where that leaves the least; if there is none it waits, and whatever fits first starts when there is room somewhere.
// No broker of independent sites can do so; it is what could be done at best.
func omniscient(w *world, of int) error {
	best, spare := -1, scheduling.Resources{}
	for site := range w.sites {
		free := w.sites[site].line.Free(w.now)
		if w.jobs[of].need.Fits(free) && (best < 0 || free.Cores < spare.Cores) {
			best, spare = site, free
		}
	}
	if best < 0 {
		w.queue = append(w.queue, of)
		return nil
	}
	return w.book(best, of, w.now)
}

// mostQueued bounds how many of those that wait are looked at when something ends.
const mostQueued = 1000

// drain starts what waits for any site and fits into one where there is room.
func (w *world) drain(site int) error {
	for i := 0; i < min(len(w.queue), mostQueued); {
		of := w.queue[i]
		if !w.jobs[of].need.Fits(w.sites[site].line.Free(w.now)) {
			i++
			continue
		}
		w.queue = append(w.queue[:i], w.queue[i+1:]...)
		if err := w.book(site, of, w.now); err != nil {
			return err
		}
	}
	return nil
}
