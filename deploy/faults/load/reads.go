package load

import (
	"math/rand/v2"
	"slices"
)

// gets reads something at any site.
func (l *Load) gets(draw *rand.Rand, kind Kind, who Person, path, of string) reply {
	return l.does(l.coming, question{kind: kind, who: who, method: "GET", path: path, object: of, at: l.anywhere(draw)})
}

func (l *Load) readsASet(draw *rand.Rand) {
	if s, ok := l.found.any(draw, &l.found.sets); ok {
		l.gets(draw, ReadSet, s.who, "/offersets/"+s.id, s.id)
	}
}

func (l *Load) lists(draw *rand.Rand) {
	l.gets(draw, List, one(draw, l.users), "/sessions?limit=10", "")
}

func (l *Load) readsHistory(draw *rand.Rand) {
	if s, ok := l.found.any(draw, &l.found.sessions); ok && draw.IntN(2) == 0 {
		l.gets(draw, History, s.who, "/history?session="+s.id, s.id)
		return
	}
	l.gets(draw, History, one(draw, l.users), "/history?limit=20", "")
}

func (l *Load) readsAccounts(draw *rand.Rand) {
	who := one(draw, l.users)
	l.gets(draw, Accounts, who, "/accounts?limit=50&owner=user:"+who.Name, "")
}

func (l *Load) readsBudgets(draw *rand.Rand) {
	who := one(draw, l.users)
	l.gets(draw, Budgets, who, "/budgets?owner=user:"+who.Name, "")
}

func (l *Load) readsNodes(draw *rand.Rand) {
	l.gets(draw, Nodes, one(draw, l.users), "/federation/nodes", "")
}

// readsHistoryStrongly has a site tell all that is on record of a session.
func (l *Load) readsHistoryStrongly(draw *rand.Rand) {
	s, ok := l.found.any(draw, &l.found.sessions)
	if !ok {
		return
	}
	r := l.ask(l.coming, question{
		kind: Told, who: s.who, method: "GET", path: "/history?consistency=strong&limit=100&session=" + s.id, object: s.id, at: l.anywhere(draw),
	})
	var told struct {
		History []struct{ HistoryRef, Phase string }
	}
	if r.ok() && r.into(&told) {
		for _, a := range told.History {
			r.Seen = append(r.Seen, a.HistoryRef+" "+a.Phase)
		}
		slices.Sort(r.Seen)
	}
	l.journal.wrote(r.Op)
}

// pries is what Mallory does: with what is somebody else's, at any site.
func (l *Load) pries(draw *rand.Rand) {
	s, ok := l.found.any(draw, one(draw, []*[]held{&l.found.sessions, &l.found.offers}))
	if !ok {
		return
	}
	q := question{kind: Pry, who: Mallory, method: "GET", path: "/sessions/" + s.id, object: s.id, at: l.anywhere(draw)}
	switch draw.IntN(5) {
	case 0:
		q.method, q.body = "POST", becoming(one(draw, []string{"ACCEPTED", "REJECTED", "CANCELLED"}))
	case 1:
		q.path += "/files"
	case 2:
		q.path += "/stdout"
	}
	l.does(l.coming, q)
}
