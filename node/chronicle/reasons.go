package chronicle

import (
	"slices"
	"strconv"
	"strings"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/node/store"
)

// explain gives a chapter its reasons.
func (t *teller) explain(c *Chapter, place int) {
	last := place == len(t.out.Chapters)-1
	switch c.Phase {
	case phaseOffered:
		t.offered(c)
		return // what its trail says there says nothing more
	case phaseWaiting:
		t.waited(c, last)
	case phaseDespatched:
		t.despatched(c)
	case phasePreparing:
		t.prepared(c)
	case phaseReleasing:
		t.released(c)
	}
	t.outages(c, last)
	t.events(c, last)
}

// add adds a reason to a chapter.
func (t *teller) add(c *Chapter, at store.Millis, kind, template string, pairs ...string) {
	c.Reasons = append(c.Reasons, ivoa.NewMessage(wall(at), ivoa.LevelInfo, kind, template, pairs...))
}

// offered says who asked, what was offered, and why not elsewhere.
func (t *teller) offered(c *Chapter) {
	if t.Session == nil {
		return
	}
	s, at := t.Session, store.Millis(c.From)
	if t.Set != nil && t.Set.For.Node != "" {
		t.add(c, at, kindEvent, "asked by {user} at {node}, which put this offer beside those of other sites; its offer set {set} says how it ranks there",
			"user", string(s.Owners.User.ID), "node", string(t.Set.For.Node), "set", t.Set.For.Set.String())
	} else {
		t.add(c, at, kindEvent, "asked by {user} here", "user", string(s.Owners.User.ID))
	}
	for _, m := range s.Messages {
		if m.Time.UnixMilli() == s.Created && (m.Level == ivoa.LevelInfo || m.Level == ivoa.LevelWarn) {
			c.Reasons = append(c.Reasons, m)
		}
	}
	if t.Set != nil {
		c.Reasons = append(c.Reasons, t.Set.Messages...)
	}
}

// waited says why a session began no earlier.
func (t *teller) waited(c *Chapter, last bool) {
	from, until := store.Millis(c.From), t.end(c)
	var plan store.Millis
	for _, w := range t.waits(from, until) {
		if w.Cause == store.Nobody || w.Cause == store.Crowded || w.Cause == store.Unpaid {
			if w.At-w.From < 1000 { // it took a moment
				continue
			}
			template, pairs := late(w)
			t.add(c, w.At, kindWait, template, pairs...)
			continue
		}
		template, pairs := because(w)
		t.add(c, w.At, kindWait, template, pairs...)
		plan = w.Until
	}
	begun := until + t.preparing()
	if plan > 0 && !last && begun+1000 < plan {
		t.add(c, until, kindEvent, "it began {time} sooner than it was booked: what was before it ended early", "time", span(seconds(plan-begun)))
	}
	if last && t.Present != nil {
		t.present(c)
	}
}

// waits are the reasons that were noted within a time.
func (t *teller) waits(from, until store.Millis) (list []store.Wait) {
	if t.Session == nil {
		return nil
	}
	for _, w := range t.Session.Waited {
		if w.At >= from && w.At <= until {
			list = append(list, w)
		}
	}
	return list
}

// because is why a start was booked for when it was.
func because(w store.Wait) (template string, pairs []string) {
	template, pairs = "its start was booked for {start}: ", []string{"start", instant(w.Until)}
	switch w.Cause {
	case store.Wanted:
		return template + "the request, or the price that was offered, lets it begin no earlier", pairs
	case store.Chosen:
		return template + "the offer that was accepted begins later, for less or with more", pairs
	case store.Closed:
		return template + "its executor doesn't work before", pairs
	case store.Taken:
		pairs = append(pairs, "resources", enumerate(w.Lacks))
		switch {
		case w.More:
			return template + "until then too little was free of {resources}, with more than {count} other bookings and open offers ending before", append(pairs, "count", count(w.Others))
		case w.Others == 1:
			return template + "until then another booking or open offer had too much of {resources}", pairs
		case w.Others > 1:
			return template + "until then {count} other bookings and open offers had too much of {resources}", append(pairs, "count", count(w.Others))
		}
		return template + "until then too little was free of {resources}", pairs
	case store.Gave:
		return "its start moved to {start}: a session that was to begin before it was late, and came first", pairs
	case store.Moved:
		return "its start moved to {start}", pairs
	}
	return template + "when it was offered there was no room before", pairs
}

// late is why a session that was due wasn't despatched then.
func late(w store.Wait) (template string, pairs []string) {
	template, pairs = "it was due at {due}, and ", []string{"due", instant(w.From), "time", span(seconds(w.At - w.From))}
	switch w.Cause {
	case store.Crowded:
		return template + "for {time} what ran there before hadn't ended", pairs
	case store.Unpaid:
		return template + "for {time} what it is to cost wasn't held yet", pairs
	}
	return template + "for {time} no executor that can run it asked for work", pairs
}

// present says what a session waits for now.
func (t *teller) present(c *Chapter) {
	s, p := t.Session, t.Present
	start := s.Plan.Start + s.Plan.Preparing
	switch {
	case s.Times.Unpaid:
		t.add(c, t.Now, kindWait, "what its next execution costs isn't held yet: until it is, it is not despatched")
	case s.Plan.Start > t.Now:
		t.add(c, t.Now, kindEvent, "as things are it begins at {start}, in {time}", "start", instant(start), "time", span(seconds(start-t.Now)))
	default:
		template, pairs := "it has been due since {due}; ", []string{"due", instant(s.Plan.Start)}
		switch {
		case p.Able > 0 && p.Closed:
			template += "its executors don't work now"
		case p.Able > 0:
			template += "{able} executors can run it, and none has asked for work"
		default:
			template += "no executor that can run it is there"
		}
		if p.Away > 0 {
			template += "; {away} haven't been heard of for a while"
		}
		if p.Unable > 0 {
			template += "; {unable} never can"
		}
		t.add(c, t.Now, kindWait, template, append(pairs, "able", count(p.Able), "away", count(p.Away), "unable", count(p.Unable))...)
	}
}

// despatched says what an executor did that reported nothing yet.
func (t *teller) despatched(c *Chapter) {
	a := t.attempt(c.Attempt)
	if a == nil {
		return
	}
	who := a.ExecutorName
	if who == "" {
		who = "an executor"
	}
	t.add(c, store.Millis(c.From), kindEvent, "attempt {attempt}: {executor} of {node} has it", "attempt", count(a.Attempt), "executor", who, "node", string(a.Node))
	if ran := a.Ended - a.Started; a.Started > 0 && ran > 0 {
		t.add(c, store.Millis(a.Started), kindEvent, "by its executor's clock it ran for {time}", "time", span(seconds(store.Millis(ran))))
	}
	if a.Phase == accounting.Stalled {
		t.add(c, store.Millis(a.Stalled), kindEvent, "it was STALLED at {time}: the lease was lost", "time", instant(store.Millis(a.Stalled)))
	}
}

// attempt is the one of a number; nil if it isn't on record.
func (t *teller) attempt(number int) *accounting.HistoryEntry {
	i := slices.IndexFunc(t.Attempts, func(a accounting.HistoryEntry) bool { return a.Attempt == number })
	if i < 0 {
		return nil
	}
	return &t.Attempts[i]
}

// outages says when the node was down.
func (t *teller) outages(c *Chapter, last bool) {
	if t.Session == nil || last && store.Terminal(t.Session.Phase) {
		return
	}
	for _, o := range t.Outages {
		if o.From < t.end(c) && o.Until > store.Millis(c.From) {
			t.add(c, o.Until, kindWait, "{node} was down from {from} to {until}", "node", string(t.Node), "from", instant(o.From), "until", instant(o.Until))
		}
	}
}

// events are what the session's trail says of a time; at its end, what its messages do.
func (t *teller) events(c *Chapter, last bool) {
	if t.Session == nil {
		t.failure(c, last)
		return
	}
	told := map[string]bool{}
	for _, step := range t.Session.Trail {
		if step.Message == "" {
			continue
		}
		told[step.Message] = true
		if step.At >= store.Millis(c.From) && (step.At < t.end(c) || last) {
			t.add(c, step.At, kindEvent, "{event}", "event", step.Message)
		}
	}
	if !last || !store.Terminal(t.Session.Phase) {
		return
	}
	for _, m := range t.Session.Messages {
		if m.Time.UnixMilli() >= int64(c.From) && !told[m.Text] && m.Time.UnixMilli() > t.Session.Created {
			c.Reasons = append(c.Reasons, m)
		}
	}
}

// failure is why an attempt failed of which nothing else is known.
func (t *teller) failure(c *Chapter, last bool) {
	a := t.attempt(c.Attempt)
	if a == nil || !last {
		return
	}
	for _, n := range a.Notes {
		t.add(c, store.Millis(n.Time), kindEvent, "attempt {attempt}: {event}", "attempt", count(a.Attempt), "event", n.Text)
	}
	if a.Failure != nil {
		t.add(c, ended(*a), kindEvent, "attempt {attempt}: {event} (code {code})", "attempt", count(a.Attempt), "event", a.Failure.Message, "code", strconv.Itoa(a.Failure.Code))
	}
}

// end is when a chapter ended, or else now.
func (t *teller) end(c *Chapter) store.Millis {
	if c.Until > 0 {
		return store.Millis(c.Until)
	}
	return t.Now
}

func (t *teller) preparing() store.Millis {
	if t.Session == nil {
		return 0
	}
	return t.Session.Plan.Preparing
}

// enumerate names things as people do: cores, memory and gpus.
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
