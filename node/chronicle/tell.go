package chronicle

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// Tell tells what became of a session.
func Tell(m Material) Explanation {
	e := Explanation{Session: m.ID.String(), Node: m.Node}
	t := teller{Material: m, out: &e}
	if s := m.Session; s != nil {
		e.Name, e.Phase, e.Asked, e.Accepted = s.Name, string(s.Phase), s.Asked, s.Accepted
		t.divide()
	} else {
		t.recount()
	}
	for i := range e.Chapters {
		t.explain(&e.Chapters[i], i)
	}
	t.account()
	t.conclude()
	return e
}

// teller gathers an explanation.
type teller struct {
	Material
	out *Explanation
}

// divide makes chapters of a session's trail. Between WAITING and what an executor
// first reports lies its despatch, which the history knows.
func (t *teller) divide() {
	for _, step := range t.Session.Trail {
		phase := string(step.Phase)
		switch {
		case phase == "", phase == phaseWaiting && t.waiting(): // ACCEPTED and WAITING are one
			continue
		case phase == string(ivoa.SessionAccepted):
			t.begin(phaseWaiting, step.At, 0)
		default:
			t.despatches(step.At)
			t.begin(phase, step.At, t.attemptAt(step.At))
		}
	}
	end := t.Now
	if store.Terminal(t.Session.Phase) {
		end = t.Session.Modified
	}
	t.despatches(end)
	if n := len(t.out.Chapters); n > 0 && !store.Terminal(t.Session.Phase) {
		last := &t.out.Chapters[n-1]
		last.Seconds = seconds(t.Now - store.Millis(last.From))
	}
}

// waiting reports whether the chapter that is being told is one of waiting.
func (t *teller) waiting() bool {
	n := len(t.out.Chapters)
	return n > 0 && t.out.Chapters[n-1].Phase == phaseWaiting
}

// begin begins a chapter, and ends the one before. One that took no time is left out.
func (t *teller) begin(phase string, at store.Millis, attempt int) {
	if n := len(t.out.Chapters); n > 0 {
		last := &t.out.Chapters[n-1]
		last.Until, last.Seconds = accounting.Instant(at), seconds(at-store.Millis(last.From))
		if last.Until == last.From && last.Phase != phaseOffered && last.Phase != phaseWaiting {
			t.out.Chapters = t.out.Chapters[:n-1]
		}
	}
	t.out.Chapters = append(t.out.Chapters, Chapter{Phase: phase, From: accounting.Instant(at), Attempt: attempt})
}

// despatches puts in the despatches that fall into the chapter of waiting that ends now.
func (t *teller) despatches(until store.Millis) {
	n := len(t.out.Chapters)
	if n == 0 || t.out.Chapters[n-1].Phase != phaseWaiting {
		return
	}
	from := store.Millis(t.out.Chapters[n-1].From)
	for _, a := range t.Attempts {
		opened := store.Millis(a.Opened)
		if opened < from || opened > until {
			continue
		}
		t.begin(phaseDespatched, opened, a.Attempt)
		if lost := ended(a); lost > 0 && lost < until {
			t.begin(phaseWaiting, lost, 0)
		}
	}
}

// ended is when an attempt had come to its end, 0: it hasn't.
func ended(a accounting.HistoryEntry) store.Millis {
	switch {
	case a.Phase == accounting.Stalled:
		return store.Millis(a.Stalled)
	case a.Phase.Terminal():
		return store.Millis(cmp.Or(a.Updated, a.Ended))
	}
	return 0
}

// attemptAt is the number of the attempt that was under way at an instant.
func (t *teller) attemptAt(at store.Millis) (number int) {
	for _, a := range t.Attempts {
		if store.Millis(a.Opened) <= at {
			number = a.Attempt
		}
	}
	return number
}

// recount makes chapters of the history alone.
func (t *teller) recount() {
	for i, a := range t.Attempts {
		t.begin(phaseDespatched, store.Millis(a.Opened), a.Attempt)
		if a.Started > 0 {
			t.begin(phaseRunning, max(store.Millis(a.Started), store.Millis(a.Opened)), a.Attempt)
		}
		over := ended(a)
		switch {
		case over > 0 && i+1 < len(t.Attempts):
			t.begin(phaseWaiting, over, 0)
		case over > 0:
			t.begin(string(a.Phase), over, a.Attempt)
		}
		t.out.Phase, t.out.Accepted = string(a.Phase), cmp.Or(t.out.Accepted, identity.Trace(a.Trace))
	}
	t.unknown("{node} doesn't keep the session any more, or can't be asked: what was offered, when it was accepted, and why it began no earlier isn't told; "+
		"the rest is from the record of its attempts, which all nodes have", "node", string(t.Node))
}

// conclude says in one line how long the session waited, and for what most.
func (t *teller) conclude() {
	var longest *Chapter
	waited := 0.0
	for i := range t.out.Chapters {
		c := &t.out.Chapters[i]
		if c.Phase != phaseWaiting {
			continue
		}
		waited += c.Seconds
		if longest == nil || c.Seconds > longest.Seconds {
			longest = c
		}
	}
	t.out.WaitedSeconds = waited
	switch {
	case longest == nil && t.Session == nil:
		t.out.Summary = "how long it waited isn't on record here"
	case longest == nil:
		t.out.Summary = "it was never accepted, so that it waited for nothing"
	case waited < 1:
		t.out.Summary = "it did not wait: an executor had it within a second"
	case len(longest.Reasons) == 0:
		t.out.Summary = "it waited " + span(waited) + "; why isn't on record here"
	default:
		t.out.Summary = "it waited " + span(waited) + ": " + longest.Reasons[mainly(longest.Reasons)].Text
	}
}

// mainly is which of the reasons of a chapter says most.
func mainly(reasons []ivoa.Message) int {
	return max(0, slices.IndexFunc(reasons, func(m ivoa.Message) bool { return m.Kind == kindWait }))
}

func (t *teller) unknown(template string, pairs ...string) {
	t.out.Unknown = append(t.out.Unknown, ivoa.NewMessage(wall(t.Now), ivoa.LevelInfo, kindUnknown, template, pairs...))
}

func wall(ms store.Millis) time.Time { return time.UnixMilli(ms).UTC() }

func instant(ms store.Millis) string { return ivoa.FormatInstant(wall(ms)) }

func seconds(ms store.Millis) float64 { return float64(max(ms, 0)) / 1000 }

// span is a time for people: 3m25s, or 0.4s.
func span(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d >= 10*time.Second {
		return d.Round(time.Second).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func count(n int) string { return strconv.Itoa(n) }
