package policy

import (
	"slices"

	"starling/federation/identity"
	"starling/scheduling"
)

// A Booking is what a session has, as far as quotas count it.
type Booking struct {
	Party
	Offered bool // it is an offer that is open
	Size    scheduling.Resources
	Slot    scheduling.Window
	// Past is from when to when earlier executions of a series were, and Ran how
	// long all of them together had the same size.
	Past scheduling.Window
	Ran  scheduling.Span
}

// pieces are what a booking has of cores' time.
func (b Booking) pieces() []piece {
	return []piece{
		{b.Size.Cores, b.Slot, b.Slot.End.Sub(b.Slot.Start)},
		{b.Size.Cores, b.Past, b.Ran},
	}
}

// A Tally counts what is open and booked. It is not safe for concurrent use: who
// decides with it holds a lock from the question to the booking, so that no two
// are given the same rest of a quota.
type Tally struct {
	policy   *Policy
	live     map[identity.UUID]Booking
	accounts map[Account]*account
	spent    map[Account][]piece // of sessions at their end, as far as quotas look back
}

// account is what one account has.
type account struct {
	sessions, offers int64
	size             scheduling.Resources
	live             map[identity.UUID]struct{} // sessions
}

// piece is cores for a time, evenly spread over a window.
type piece struct {
	cores int64
	slot  scheduling.Window
	time  scheduling.Span
}

// since is what a piece has from an instant on, in milliseconds of a core.
func (p piece) since(at scheduling.Instant) int64 {
	whole := p.slot.End.Sub(p.slot.Start)
	part := p.slot.End.Sub(max(p.slot.Start, at))
	switch {
	case part <= 0:
		return 0
	case part == whole:
		return p.cores * int64(p.time)
	}
	return int64(float64(p.cores) * float64(p.time) * (float64(part) / float64(whole)))
}

// NewTally returns an empty tally.
func NewTally(p *Policy) *Tally {
	return &Tally{policy: p, live: map[identity.UUID]Booking{}, accounts: map[Account]*account{}, spent: map[Account][]piece{}}
}

// Put counts a session as it is now, in the place of how it was.
func (t *Tally) Put(id identity.UUID, b Booking) {
	t.Drop(id)
	t.live[id] = b
	t.count(id, b, 1)
}

// Drop counts a session no more.
func (t *Tally) Drop(id identity.UUID) {
	if b, known := t.live[id]; known {
		delete(t.live, id)
		t.count(id, b, -1)
	}
}

// End counts a session no more but for its core hours, until its end.
func (t *Tally) End(id identity.UUID, at scheduling.Instant) {
	b, known := t.live[id]
	t.Drop(id)
	if known && !b.Offered {
		b.Slot.End = max(b.Slot.Start, min(b.Slot.End, at))
		t.Spent(b)
	}
}

// Spent counts the core hours of a session that has come to its end.
func (t *Tally) Spent(b Booking) {
	for _, name := range b.accounts() {
		if slices.ContainsFunc(t.policy.quotas, func(q Quota) bool { return q.CoreHours != nil && q.is(name) }) {
			t.spent[name] = append(t.spent[name], b.pieces()...)
		}
	}
}

// Forget drops what no quota looks back to any more.
func (t *Tally) Forget(now scheduling.Instant) {
	since := now.Add(-scheduling.SpanOf(t.policy.LooksBack()))
	for name, pieces := range t.spent {
		if t.spent[name] = slices.DeleteFunc(pieces, func(p piece) bool { return p.slot.End <= since }); len(t.spent[name]) == 0 {
			delete(t.spent, name)
		}
	}
}

// count adds a booking to its accounts, or takes it away.
func (t *Tally) count(id identity.UUID, b Booking, sign int64) {
	for _, name := range b.accounts() {
		a := t.accounts[name]
		if a == nil {
			a = &account{live: map[identity.UUID]struct{}{}}
			t.accounts[name] = a
		}
		if b.Offered {
			a.offers += sign
		} else {
			a.take(id, b.Size, sign)
		}
		if a.sessions == 0 && a.offers == 0 {
			delete(t.accounts, name)
		}
	}
}

// take adds a session to an account, or takes it away.
func (a *account) take(id identity.UUID, size scheduling.Resources, sign int64) {
	a.sessions += sign
	if sign > 0 {
		a.size = a.size.Add(size)
		a.live[id] = struct{}{}
		return
	}
	a.size = a.size.Sub(size)
	delete(a.live, id)
}

// Sessions is how many a user has that are accepted and not at their end.
func (t *Tally) Sessions(user string) int { return int(t.of(Account{PerUser, user}).sessions) }

func (t *Tally) of(name Account) account {
	if a := t.accounts[name]; a != nil {
		return *a
	}
	return account{}
}

// Standings are where a party stands with all of its limits, if it were given
// what it wants.
func (t *Tally) Standings(party Party, want Want, now scheduling.Instant) (list []Standing) {
	for _, q := range t.policy.quotas {
		for _, name := range party.accounts() {
			if q.is(name) {
				list = append(list, t.standings(q, name, want, now)...)
			}
		}
	}
	return list
}

func (t *Tally) standings(q Quota, name Account, want Want, now scheduling.Instant) (list []Standing) {
	a := t.of(name)
	for _, l := range q.limits() {
		s := Standing{Quota: q.title(), For: name.For, Name: name.Name, What: l.what}
		var used, asked int64
		unit := 1.0
		switch l.what {
		case LimitSessions:
			used, asked = a.sessions, want.Sessions
		case LimitOffers:
			used, asked = a.offers, want.Offers
		case LimitCores:
			used, asked = a.size.Cores, want.Size.Cores
		case LimitMemory:
			used, asked = a.size.Memory, want.Size.Memory
		case LimitGPUs:
			used, asked = a.size.GPUs, want.Size.GPUs
		case LimitCoreHours:
			used, asked = t.coreTime(name, a, now.Add(-scheduling.SpanOf(q.Period))), want.Size.Cores*int64(want.Time)
			unit, s.Since = coreHour, q.Period
		}
		s.Used, s.Asked, s.Limit = float64(used)/unit, float64(asked)/unit, float64(l.most)/unit
		s.over = asked > 0 && used+asked > l.most
		list = append(list, s)
	}
	return list
}

// coreTime is what an account has booked since an instant, and ahead, in
// milliseconds of a core. It looks at each session of the account: only where a
// quota counts core hours is that asked for.
func (t *Tally) coreTime(name Account, a account, since scheduling.Instant) (sum int64) {
	for id := range a.live {
		for _, p := range t.live[id].pieces() {
			sum += p.since(since)
		}
	}
	for _, p := range t.spent[name] {
		sum += p.since(since)
	}
	return sum
}
