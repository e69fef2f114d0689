package load

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// cancels ends a session, and asks all sites until one answers, as long as there are
// users at all.
func (l *Load) cancels(draw *rand.Rand, who Person, id string) {
	ctx, enough := context.WithTimeout(l.coming, 4*l.options.Patience)
	defer enough()
	r := l.changes(ctx, Cancel, who, id, "CANCELLED", "", l.anywhere(draw))
	if r.Outcome != Unknown && r.Status != http.StatusNotFound { // its owner may be away, and come back
		l.found.endlessly(id, who, false)
	}
}

// comesTooLate tries to take an offer that may have lapsed.
func (l *Load) comesTooLate(draw *rand.Rand) {
	offer, ok := l.found.any(draw, &l.found.offers)
	if !ok {
		return
	}
	r := l.changes(l.coming, Accept, offer.who, offer.id, "ACCEPTED", "accept-"+offer.id, l.anywhere(draw))
	if !r.ok() {
		return
	}
	l.found.add(&l.found.sessions, offer.id, offer.who)
	// It may be endless; nobody knows any more.
	l.cancels(draw, offer.who, offer.id)
}

// reads looks at a session, accepted or not, at any site.
func (l *Load) reads(draw *rand.Rand) {
	of := &l.found.sessions
	if draw.IntN(4) == 0 {
		of = &l.found.offers
	}
	if s, ok := l.found.any(draw, of); ok {
		l.looks(l.coming, s, l.anywhere(draw), false)
	}
}

// looks reads a session.
func (l *Load) looks(ctx context.Context, s held, at []int, persists bool) reply {
	r := l.ask(ctx, question{kind: Read, who: s.who, method: "GET", path: "/sessions/" + s.id, object: s.id, at: at, persists: persists})
	var now session
	if r.ok() && r.into(&now) {
		r.Phase = now.Phase
	}
	l.journal.wrote(r.Op)
	return r
}

// cancelEndless ends what users have left that would never end by itself.
func (l *Load) cancelEndless(ctx context.Context) {
	for {
		l.found.mu.Lock()
		left := maps.Clone(l.found.endless)
		l.found.mu.Unlock()
		maps.DeleteFunc(left, func(id string, _ Person) bool { return l.gone.owned(id) })
		if len(left) == 0 {
			return
		}
		for id, who := range left {
			r := l.changes(ctx, Cancel, who, id, "CANCELLED", "", l.from(0))
			if ctx.Err() != nil {
				return
			}
			if r.Outcome != Unknown {
				l.found.endlessly(id, who, false)
			}
		}
	}
}

// awaitEnds waits until every session has ended that somebody was told is accepted, and
// has those end of which nobody was told.
func (l *Load) awaitEnds(ctx context.Context) {
	record := l.journal.copy()
	left, doubtful := map[string]held{}, map[string]held{}
	for _, o := range record.Ops {
		if (o.Kind == Accept || o.Kind == Direct) && o.Object != "" && o.Outcome != Refused {
			left[o.Object] = held{o.Object, record.People[o.Who]}
			if o.Outcome == Unknown {
				doubtful[o.Object] = left[o.Object]
			}
		}
	}
	for _, a := range record.Attempts {
		who, known := record.People[a.Who]
		if _, told := left[a.Session]; known && !told && a.Ended == 0 {
			doubtful[a.Session] = held{a.Session, who}
		}
	}
	maps.Copy(left, doubtful)
	nobodys := func(id string, _ held) bool { return l.gone.owned(id) }
	maps.DeleteFunc(left, nobodys)
	maps.DeleteFunc(doubtful, nobodys)
	for id, s := range doubtful {
		if l.changes(ctx, Cancel, s.who, id, "CANCELLED", "", l.from(0)); ctx.Err() != nil {
			return
		}
	}
	for turn := 0; len(left) > 0; turn++ {
		open, whole := l.stillOpen(ctx, turn)
		if whole && !slices.ContainsFunc(open, func(id string) bool { _, ours := left[id]; return ours }) {
			return
		}
		if !pause(ctx, 200*time.Millisecond) {
			return
		}
	}
}

// stillOpen are the sessions, of all sites, that were accepted and haven't ended; whole
// says that no site's are missing but of those that are gone.
func (l *Load) stillOpen(ctx context.Context, turn int) (ids []string, whole bool) {
	path := "/sessions?limit=1000&phase=ACCEPTED&phase=WAITING&phase=PREPARING&phase=AVAILABLE&phase=RUNNING&phase=RELEASING"
	for path != "" {
		r := l.ask(ctx, question{kind: List, who: Operator, method: "GET", path: path, at: l.from(turn)})
		var page struct {
			Sessions []session
			Messages []message
			Next     string
		}
		if !r.ok() || !r.into(&page) {
			return nil, false
		}
		for _, s := range page.Sessions {
			ids = append(ids, s.Meta.UUID)
		}
		if slices.ContainsFunc(page.Messages, func(m message) bool { return !l.gone.has(m.Values["site"]) }) {
			return ids, false
		}
		path = page.Next
	}
	return ids, true
}
