package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// soon is how far ahead an offer may begin that is taken: the load is to end some time.
const soon = 5 * time.Second

// drawWork draws what somebody wants to have done.
func drawWork(draw *rand.Rand) work {
	w := work{cores: 1 + draw.IntN(6), Seconds: 0.02 + draw.Float64()*0.5}
	switch draw.IntN(10) {
	case 0:
		w.Bytes = 10_000 + draw.Int64N(150_000)
	case 1, 2, 3, 4:
		w.Bytes = 1 + draw.Int64N(2000)
	}
	if draw.IntN(12) == 0 {
		w.Endless, w.cores = true, 1
	}
	return w
}

// wantsASession asks for offers, and mostly takes one of them, at any site.
func (l *Load) wantsASession(draw *rand.Rand) {
	who, wanted := one(draw, l.users), drawWork(draw)
	set, offers := l.asks(draw, who, wanted)
	if len(offers) == 0 {
		return
	}
	var near []string
	for _, o := range offers {
		if time.Until(o.starts()) < soon {
			near = append(near, o.Meta.UUID)
		}
	}
	what := draw.IntN(100)
	switch {
	case what < 3: // who changes her mind says nothing
	case what < 15 || len(near) == 0:
		l.rejects(draw, who, offers)
	case what < 27: // the same at two sites at once
		l.twice(draw, who, near[0], near[0], wanted)
	case what < 35: // two of the set
		l.twice(draw, who, near[0], one(draw, near), wanted)
	default:
		if l.accepts(draw, who, one(draw, near), set, wanted) && draw.IntN(12) == 0 {
			l.cancels(draw, who, near[0])
		}
	}
}

// asks asks any site for offers.
func (l *Load) asks(draw *rand.Rand, who Person, w work) (string, []session) {
	q := question{kind: Ask, who: who, method: "POST", path: "/requests", body: w.request(), at: l.anywhere(draw)}
	if draw.IntN(4) == 0 {
		q.header = [2]string{"Starling-Placement", one(draw, []string{"fastest", "cheapest", "greenest"})}
	}
	r := l.ask(l.coming, q)
	var set offerSet
	if r.ok() && r.into(&set) {
		r.Object = set.Meta.UUID
		if set.Result != "YES" {
			r.Outcome, r.Answer = Refused, r.body[:min(len(r.body), mostKept)]
		}
	}
	l.journal.wrote(r.Op)
	if !r.ok() {
		return "", nil
	}
	l.found.add(&l.found.sets, set.Meta.UUID, who)
	for _, o := range set.Offers {
		l.found.add(&l.found.offers, o.Meta.UUID, who)
	}
	if !l.options.Forget {
		l.journal.note(func(record *Record) {
			for _, o := range set.Offers {
				record.Offers[o.Meta.UUID] = &Offer{
					Session: o.Meta.UUID, Set: set.Meta.UUID, Site: o.site(), Who: who.Name,
					Told: r.Return, Lapses: o.Expires.Sub(o.Meta.Created),
				}
			}
		})
	}
	return set.Meta.UUID, set.Offers
}

// rejects gives offers back.
func (l *Load) rejects(draw *rand.Rand, who Person, offers []session) {
	for _, o := range offers {
		l.changes(l.coming, Reject, who, o.Meta.UUID, "REJECTED", "", l.anywhere(draw))
	}
}

// accepts takes an offer. The key has whoever gets no answer ask the same again at
// another site.
func (l *Load) accepts(draw *rand.Rand, who Person, id, set string, w work) bool {
	r := l.changes(l.coming, Accept, who, id, "ACCEPTED", "accept-"+id, l.anywhere(draw))
	if !r.ok() {
		return false
	}
	l.taken(draw, who, id, w)
	return true
}

// twice takes two offers, or one twice, at two sites at one instant.
func (l *Load) twice(draw *rand.Rand, who Person, first, second string, w work) {
	var both sync.WaitGroup
	got := map[string]bool{}
	var mu sync.Mutex
	for _, id := range []string{first, second} {
		at := l.anywhere(draw)
		both.Go(func() {
			if l.changes(l.coming, Accept, who, id, "ACCEPTED", "", at).ok() {
				mu.Lock()
				defer mu.Unlock()
				got[id] = true
			}
		})
	}
	both.Wait()
	for id := range got {
		l.taken(draw, who, id, w)
	}
}

// taken remembers a session. Whoever has it do endless work comes back soon to end it.
func (l *Load) taken(draw *rand.Rand, who Person, id string, w work) {
	l.found.add(&l.found.sessions, id, who)
	if !w.Endless {
		return
	}
	l.found.endlessly(id, who, true)
	if pause(l.coming, time.Duration(500+draw.IntN(3000))*time.Millisecond) {
		l.cancels(draw, who, id)
	}
}

// wantsOneAtOnce asks and accepts in one. The site that was asked remembers the key,
// and is asked again with it.
func (l *Load) wantsOneAtOnce(draw *rand.Rand) {
	who, w := one(draw, l.users), drawWork(draw)
	w.start = fmt.Sprintf("%s/PT5S", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	site := draw.IntN(len(l.options.Sites))
	q := question{
		kind: Direct, who: who, method: "POST", path: "/direct", body: w.request(),
		key: fmt.Sprintf("direct-%x-%x", l.options.Seed, draw.Uint64()), at: []int{site},
	}
	id := l.takesAtOnce(q)
	if id == "" || draw.IntN(3) == 0 {
		id = l.takesAtOnce(q)
	}
	if id != "" {
		l.taken(draw, who, id, w)
	}
}

func (l *Load) takesAtOnce(q question) string {
	r := l.ask(l.coming, q)
	var s session
	if r.into(&s) {
		r.Object, r.Phase = s.Meta.UUID, s.Phase
	}
	l.journal.wrote(r.Op)
	if !r.ok() {
		return ""
	}
	return r.Object
}

// changes asks for a phase of a session.
func (l *Load) changes(ctx context.Context, kind Kind, who Person, id, phase, key string, at []int) reply {
	r := l.ask(ctx, question{
		kind: kind, who: who, method: "POST", path: "/sessions/" + id, body: becoming(phase), object: id, key: key, at: at, persists: kind == Cancel,
	})
	var s session
	if r.into(&s) {
		r.Phase = s.Phase
	}
	l.journal.wrote(r.Op)
	return r
}
