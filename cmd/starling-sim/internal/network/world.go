package network

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"starling/federation/digest"
	"starling/federation/shortlist"
	"starling/scheduling"
)

// world is a federation in virtual time: sites with the timelines that nodes book with, and jobs that somebody places.
type world struct {
	places []place
	sites  []site
	jobs   []job
	tasks  []task
	board  *board // nil: nobody tells anything
	own    []*shortlist.Unconfirmed
	draw   *rand.Rand
	now    scheduling.Instant
	agenda events
	who    contender
	queue  []int // jobs that wait for any site; of the omniscient queue only
	begun  int   // jobs that have started
}

// site is a site at work.
type site struct {
	line             *scheduling.Timeline
	waiting, running int
	telling          bool // it is on the agenda that it looks whether it has news
	phase            scheduling.Span
}

// task is what became of a job.
type task struct {
	site    int
	start   scheduling.Instant // as planned, then as it was
	running bool
}

// play lets all jobs come and be placed, and returns when all have started.
func play(places []place, jobs []job, b *board, who contender, seed uint64) (*world, error) {
	w := &world{
		places: places, sites: make([]site, len(places)), jobs: jobs, tasks: make([]task, len(jobs)),
		board: b, own: make([]*shortlist.Unconfirmed, len(places)), draw: rand.New(rand.NewPCG(seed, 3)), now: begin, who: who,
	}
	for i := range w.sites {
		line, err := scheduling.NewTimeline(places[i].size)
		if err != nil {
			return nil, fmt.Errorf("site %d: %w", i, err)
		}
		w.sites[i].line, w.own[i] = line, shortlist.NewUnconfirmed()
		if b != nil {
			w.sites[i].phase = scheduling.Span(w.draw.Int64N(int64(b.every)))
			if err := w.tell(i); err != nil {
				return nil, err
			}
		}
	}
	for next := 0; w.begun < len(jobs); {
		e := event{at: scheduling.Forever}
		if len(w.agenda) > 0 {
			e = w.agenda[0]
		}
		if next < len(jobs) && jobs[next].at <= e.at {
			e = event{at: jobs[next].at, kind: comes, of: next}
			next++
		} else {
			heap.Pop(&w.agenda)
		}
		w.now = e.at
		if err := w.happen(e); err != nil {
			return nil, fmt.Errorf("%s: %w", who.name, err)
		}
	}
	return w, nil
}

func (w *world) happen(e event) error {
	switch e.kind {
	case comes:
		if j := &w.jobs[e.of]; j.there {
			return w.at(j.home, e.of)
		}
		return w.who.place(w, e.of)
	case starts:
		return w.start(e.of, e.at)
	case ends:
		return w.end(e.of)
	}
	if e.kind == tells {
		w.sites[e.of].telling = false
	}
	return w.tell(e.of)
}

// fit is when a job could start at a site.
func (w *world) fit(site, of int) (scheduling.Instant, bool) {
	j := &w.jobs[of]
	if !j.need.Fits(w.places[site].size) {
		return 0, false
	}
	slot, ok := w.sites[site].line.EarliestFit(scheduling.Query{Need: j.need, Duration: j.requested, NotBefore: w.now, NotAfter: scheduling.Forever})
	return slot.Start, ok
}

// book places a job at a site from an instant on, as a user does who accepts an offer.
func (w *world) book(site, of int, start scheduling.Instant) error {
	j, t, s := &w.jobs[of], &w.tasks[of], &w.sites[site]
	slot := scheduling.Slot{Window: start.From(j.requested), Resources: j.need}
	if err := s.line.Book(scheduling.Booking{ID: entry(of), Slot: slot, NotBefore: w.now, Movable: true}); err != nil {
		return err
	}
	*t = task{site: site, start: start}
	s.waiting++
	w.push(event{start, starts, of})
	if w.board != nil && site != j.home {
		w.own[j.home].Sent(w.board.known[site].Node, entry(of), slot, w.now)
	}
	w.changed(site)
	return nil
}

func (w *world) start(of int, at scheduling.Instant) error {
	t := &w.tasks[of]
	if t.running || t.start != at {
		return nil // it was moved after this had been put on the agenda
	}
	t.running = true
	w.begun++
	s := &w.sites[t.site]
	s.waiting, s.running = s.waiting-1, s.running+1
	w.push(event{at.Add(w.jobs[of].run), ends, of})
	w.changed(t.site)
	return s.line.Fix(entry(of))
}

// searches bounds what a site does when something ends early, as nodes do.
const searches = 32

func (w *world) end(of int) error {
	at := w.tasks[of].site
	s := &w.sites[at]
	s.running--
	if err := s.line.End(entry(of), w.now); err != nil {
		return err
	}
	for _, m := range s.line.Compress(w.now, searches) {
		moved := int(binary.BigEndian.Uint64(m.ID[8:]))
		w.tasks[moved].start = m.To
		w.push(event{m.To, starts, moved})
	}
	s.line.Prune(w.now - 1) // what ends now has an event of its own
	w.changed(at)
	return w.drain(at)
}

// changed puts it on the agenda that a site tells of itself, the next time that it looks.
func (w *world) changed(site int) {
	s := &w.sites[site]
	if w.board == nil || s.telling {
		return
	}
	s.telling = true
	every := w.board.every
	looked := w.now.Sub(begin) - s.phase
	w.push(event{begin.Add(s.phase + (looked/every+1)*every), tells, site})
}

// tell has a site tell of itself, and again when it is time.
func (w *world) tell(at int) error {
	s, size := &w.sites[at], w.places[at].size
	fast := digest.Fast{Capacity: size, Largest: size, Free: s.line.Free(w.now), Queue: s.waiting, Running: s.running, Executors: 1}
	const outlook = scheduling.Day // as nodes do
	for _, l := range scheduling.Outline([]*scheduling.Timeline{s.line}, w.now.From(outlook), digest.MaxPoints) {
		fast.Profile = append(fast.Profile, digest.Point{After: l.At.Sub(w.now), Free: l.Free.Max(scheduling.Resources{})})
	}
	told, err := w.board.tell(at, w.now, fast)
	if told {
		w.push(event{w.now.Add(w.board.repeat), repeats, at})
	}
	return err
}

// entry names a job's entry on a timeline.
func entry(of int) (id scheduling.EntryID) {
	binary.BigEndian.PutUint64(id[8:], uint64(of))
	return id
}
