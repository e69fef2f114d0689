package scheduling

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model is a pool that remembers nothing but what was asked of it, and works everything out anew, instant by instant.
// Instants run from 0 to span; nothing in these tests reaches beyond.
type model struct {
	capacity Resources
	windows  []Window
	bookings []Booking // in the order in which they were made
	groups   map[EntryID][]Alternative
}

const span = 80

func (m *model) works(at Instant) bool {
	return len(m.windows) == 0 || slices.ContainsFunc(m.windows, func(w Window) bool { return w.Start <= at && at < w.End })
}

func (m *model) held(at Instant) Resources {
	sum := Resources{}
	for _, offers := range m.groups {
		most := Resources{}
		for _, a := range offers {
			if a.Slot.Start <= at && at < a.Slot.End {
				most = most.Max(a.Slot.Resources)
			}
		}
		sum = sum.Add(most)
	}
	return sum
}

func (m *model) free(at Instant) Resources {
	free := Resources{}
	if m.works(at) {
		free = m.capacity
	}
	free = free.Sub(m.held(at))
	for _, b := range m.bookings {
		if b.Slot.Start <= at && at < b.Slot.End {
			free = free.Sub(b.Slot.Resources)
		}
	}
	return free
}

// fits says whether a slot is free, and, with a share, whether one more group may hold it.
func (m *model) fits(s Slot, share float64) (free, holdable bool) {
	free, holdable = true, true
	for at := s.Start; at < s.End; at++ {
		held := m.held(at)
		free = free && s.Resources.Fits(m.free(at))
		holdable = holdable && (share == 0 || held.IsZero() || held.Add(s.Resources).Fits(m.capacity.Scale(share)))
	}
	return free, holdable
}

func (m *model) earliest(q Query, floor Instant) (Slot, bool) {
	for s := max(q.NotBefore, floor); s <= q.NotAfter; s++ {
		latest := q.NotAfter
		if q.Starts != nil {
			w, ok := q.Starts(s)
			if !ok || s < w.Earliest {
				continue
			}
			latest = min(latest, w.Latest)
		}
		slot := Slot{Window{s, max(s, min(q.HeldUntil, latest)).Add(q.Duration)}, q.Need}
		if free, holdable := m.fits(slot, q.HoldShare); free && holdable {
			return slot, true
		}
	}
	return Slot{}, false
}

// compress is conservative backfill as the textbook has it: lift each booking in turn and put it down again.
func (m *model) compress(now Instant) []Moved {
	var moved []Moved
	for i, b := range m.bookings {
		if !b.Movable || b.Slot.Start <= now {
			continue
		}
		m.bookings[i].Slot.Resources = Resources{}
		length := b.Slot.Length()
		for s := max(now, b.NotBefore); s < b.Slot.Start; s++ {
			if free, _ := m.fits(Slot{s.From(length), b.Slot.Resources}, 0); free {
				moved = append(moved, Moved{b.ID, b.Slot.Start, s})
				b.Slot.Window = s.From(length)
				break
			}
		}
		m.bookings[i] = b
	}
	return moved
}

// numbered names the i-th entry of a test.
func numbered(i int) (id EntryID) {
	binary.BigEndian.PutUint64(id[:], uint64(i))
	return id
}

// machine drives a timeline and the model with the same operations.
type machine struct {
	*rapid.T
	line  *Timeline
	model model
	now   Instant
	ids   byte
}

func TestTimelineDoesWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := Resources{Cores: rapid.Int64Range(1, 8).Draw(t, "cores"), Memory: rapid.Int64Range(0, 8).Draw(t, "memory")}
		line, err := NewTimeline(capacity)
		require.NoError(t, err)
		// Tiny blocks, so that splitting and joining them happens all the time.
		line.free.size, line.held.size = 4, 4
		line.Prune(0)
		m := &machine{T: t, line: line, model: model{capacity: capacity, groups: map[EntryID][]Alternative{}}}
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"book":     m.book,
			"hold":     m.hold,
			"accept":   m.accept,
			"drop":     m.drop,
			"reject":   m.reject,
			"end":      m.end,
			"move":     m.move,
			"fix":      m.fix,
			"compress": m.compress,
			"capacity": m.setCapacity,
			"query":    m.query,
			"prune":    m.prune,
		})
	})
}

func (m *machine) id() EntryID {
	m.ids++
	return EntryID{m.ids}
}

func (m *machine) need(t *rapid.T) Resources {
	return Resources{Cores: rapid.Int64Range(1, 6).Draw(t, "cores"), Memory: rapid.Int64Range(0, 5).Draw(t, "memory")}
}

func (m *machine) window(t *rapid.T) Window {
	start := rapid.Int64Range(int64(m.now), span-20).Draw(t, "start")
	return Instant(start).From(Span(rapid.Int64Range(1, 15).Draw(t, "length")))
}

func (m *machine) slot(t *rapid.T) Slot { return Slot{m.window(t), m.need(t)} }

func (m *machine) share(t *rapid.T) float64 {
	return rapid.SampledFrom([]float64{0, 0.25, 0.5, 1}).Draw(t, "share")
}

// check compares every instant, and what the profile's invariants and summaries say with its steps.
func (m *machine) check(t *rapid.T) {
	for at := m.now; at < span; at++ {
		require.Equal(t, m.model.free(at), m.line.Free(at), "free at %d", at)
		require.Equal(t, m.model.held(at), m.line.held.level(at).Neg(), "held at %d", at)
	}
	checkProfile(t, &m.line.free)
	checkProfile(t, &m.line.held)
	require.Len(t, m.line.groups, len(m.model.groups))
}

func checkProfile(t require.TestingT, p *profile) {
	last, lastLevel := Beginning-1, Resources{}
	for _, blk := range p.blocks {
		require.NotEmpty(t, blk.steps)
		require.Equal(t, blk.at, blk.steps[0].at)
		low, high := blk.steps[0].level, blk.steps[0].level
		for _, s := range blk.steps {
			low, high = low.Min(s.level), high.Max(s.level)
			require.Less(t, last, s.at)
			if s.at > Beginning {
				require.NotEqual(t, lastLevel, s.level.Add(blk.shift), "step without a difference at %d", s.at)
			}
			last, lastLevel = s.at, s.level.Add(blk.shift)
		}
		require.Equal(t, low, blk.low)
		require.Equal(t, high, blk.high)
	}
}

func (m *machine) book(t *rapid.T) {
	b := Booking{ID: m.id(), Slot: m.slot(t), Movable: rapid.Bool().Draw(t, "movable")}
	if rapid.Bool().Draw(t, "as early as possible") {
		q := Query{Need: b.Slot.Resources, Duration: b.Slot.Length(), NotBefore: m.now, NotAfter: span}
		slot, ok := m.line.EarliestFit(q)
		if !ok {
			return
		}
		b.Slot = slot
	}
	b.NotBefore = Instant(rapid.Int64Range(0, int64(b.Slot.Start)).Draw(t, "not before"))
	free, _ := m.model.fits(b.Slot, 0)
	err := m.line.Book(b)
	if !free {
		require.ErrorIs(t, err, ErrNoRoom)
		return
	}
	require.NoError(t, err)
	m.model.bookings = append(m.model.bookings, b)
}

func (m *machine) hold(t *rapid.T) {
	group, share := m.id(), m.share(t)
	var offers []Alternative
	allFree, allHoldable := true, true
	for range rapid.IntRange(1, 4).Draw(t, "alternatives") {
		a := Alternative{m.id(), m.slot(t)}
		free, holdable := m.model.fits(a.Slot, share)
		allFree, allHoldable = allFree && free, allHoldable && holdable
		offers = append(offers, a)
	}
	err := m.line.Hold(group, share, offers...)
	if allFree && allHoldable {
		require.NoError(t, err)
		m.model.groups[group] = offers
		return
	}
	require.Error(t, err)
	if allHoldable {
		require.ErrorIs(t, err, ErrNoRoom)
	}
	if allFree {
		require.ErrorIs(t, err, ErrHoldLimit)
	}
}

// pick returns a group and one of its alternatives, in an order that doesn't depend on the map's.
func (m *machine) pick(t *rapid.T) (group EntryID, place int, ok bool) {
	var ids []EntryID
	for id := range m.model.groups {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return group, 0, false
	}
	slices.SortFunc(ids, func(a, b EntryID) int { return slices.Compare(a[:], b[:]) })
	group = rapid.SampledFrom(ids).Draw(t, "group")
	return group, rapid.IntRange(0, len(m.model.groups[group])-1).Draw(t, "alternative"), true
}

func (m *machine) accept(t *rapid.T) {
	group, i, ok := m.pick(t)
	if !ok {
		return
	}
	held := m.model.groups[group][i]
	start := rapid.Int64Range(int64(held.Slot.Start), int64(held.Slot.End)-1).Draw(t, "start")
	end := rapid.Int64Range(start+1, int64(held.Slot.End)).Draw(t, "end")
	b := Booking{ID: held.ID, Slot: Slot{Window{Instant(start), Instant(end)}, held.Slot.Resources}, NotBefore: m.now, Movable: true}
	offers := m.model.groups[group]
	delete(m.model.groups, group)
	free, _ := m.model.fits(b.Slot, 0)
	if b.Slot.Start < m.now {
		free = false
	}
	err := m.line.Accept(b)
	if !free {
		require.ErrorIs(t, err, ErrNoRoom)
		m.model.groups[group] = offers
		return
	}
	require.NoError(t, err)
	m.model.bookings = append(m.model.bookings, b)
	require.ErrorIs(t, m.line.Accept(b), ErrUnknown, "accepted twice")
}

func (m *machine) drop(t *rapid.T) {
	if group, _, ok := m.pick(t); ok {
		require.NoError(t, m.line.DropGroup(group))
		delete(m.model.groups, group)
	}
}

func (m *machine) reject(t *rapid.T) {
	group, i, ok := m.pick(t)
	if !ok {
		return
	}
	offers := m.model.groups[group]
	require.NoError(t, m.line.DropAlternative(offers[i].ID))
	m.model.groups[group] = slices.Delete(offers, i, i+1)
	if len(offers) == 1 {
		delete(m.model.groups, group)
	}
}

func (m *machine) pickBooking(t *rapid.T) (int, bool) {
	if len(m.model.bookings) == 0 {
		return 0, false
	}
	return rapid.IntRange(0, len(m.model.bookings)-1).Draw(t, "booking"), true
}

func (m *machine) end(t *rapid.T) {
	i, ok := m.pickBooking(t)
	if !ok {
		return
	}
	b := &m.model.bookings[i]
	at := Instant(rapid.Int64Range(int64(m.now), span).Draw(t, "at"))
	require.NoError(t, m.line.End(b.ID, at))
	switch {
	case at <= b.Slot.Start:
		m.model.bookings = slices.Delete(m.model.bookings, i, i+1)
	case at < b.Slot.End:
		b.Slot.End, b.Movable = at, false
	}
}

func (m *machine) move(t *rapid.T) {
	i, ok := m.pickBooking(t)
	if !ok {
		return
	}
	b := m.model.bookings[i]
	to := b.Slot
	to.Window = m.window(t)
	if rapid.Bool().Draw(t, "extend only") {
		to.Window = Window{b.Slot.Start, max(b.Slot.End, to.End)}
	}
	m.model.bookings[i].Slot.Resources = Resources{}
	known := to
	known.Start = max(known.Start, m.now)
	free, _ := m.model.fits(known, 0)
	m.model.bookings[i] = b
	err := m.line.Move(b.ID, to.Window)
	if !free {
		require.ErrorIs(t, err, ErrNoRoom)
		return
	}
	require.NoError(t, err)
	m.model.bookings[i].Slot = to
}

func (m *machine) fix(t *rapid.T) {
	if i, ok := m.pickBooking(t); ok {
		require.NoError(t, m.line.Fix(m.model.bookings[i].ID))
		m.model.bookings[i].Movable = false
	}
}

// compress: the restricted search finds exactly what lifting every booking finds, and nothing gets a later start.
func (m *machine) compress(t *rapid.T) {
	moved := m.line.Compress(m.now, 0)
	require.Equal(t, m.model.compress(m.now), moved)
	for _, mv := range moved {
		require.Less(t, mv.To, mv.From)
		b, ok := m.line.Booking(mv.ID)
		require.True(t, ok)
		require.Equal(t, mv.To, b.Slot.Start)
		require.GreaterOrEqual(t, b.Slot.Start, b.NotBefore)
	}
}

func (m *machine) setCapacity(t *rapid.T) {
	capacity := Resources{Cores: rapid.Int64Range(0, 8).Draw(t, "cores"), Memory: rapid.Int64Range(0, 8).Draw(t, "memory")}
	var windows []Window
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		start := rapid.Int64Range(0, span-1).Draw(t, "opens")
		windows = append(windows, Window{Instant(start), Instant(rapid.Int64Range(start+1, span+20).Draw(t, "closes"))})
	}
	require.NoError(t, m.line.SetCapacity(capacity, windows...))
	m.model.capacity, m.model.windows = capacity, windows

	var over []EntryID
	for _, b := range m.model.bookings {
		if m.isOver(b.Slot) {
			over = append(over, b.ID)
		}
	}
	for _, offers := range m.model.groups {
		for _, a := range offers {
			if m.isOver(a.Slot) {
				over = append(over, a.ID)
			}
		}
	}
	require.ElementsMatch(t, over, m.line.OverCapacity(m.now))
}

func (m *machine) isOver(s Slot) bool {
	for at := max(s.Start, m.now); at < s.End; at++ {
		if !(Resources{}).Fits(m.model.free(at)) {
			return true
		}
	}
	return false
}

func (m *machine) query(t *rapid.T) {
	w := m.window(t)
	q := Query{
		Need: m.need(t), Duration: w.Length(), NotBefore: w.Start - 5,
		NotAfter:  w.Start + Instant(rapid.Int64Range(-6, 40).Draw(t, "latest")),
		HeldUntil: Instant(rapid.Int64Range(0, span/2).Draw(t, "held until")),
		HoldShare: m.share(t),
	}
	q.NotAfter = min(q.NotAfter, span)
	if period := rapid.Int64Range(0, 20).Draw(t, "period"); period > 0 {
		q.Starts = Timing{
			Kind: Ephemeris, Period: Span(period), Window: Span(rapid.Int64Range(0, period).Draw(t, "window")),
			Start: StartInterval{Earliest: Instant(rapid.Int64Range(0, span).Draw(t, "from"))},
		}.Starts(Executed{})
	}
	want, wanted := m.model.earliest(q, m.now)
	got, ok := m.line.EarliestFit(q)
	require.Equal(t, wanted, ok, "%+v", q)
	require.Equal(t, want, got, "%+v", q)

	least := m.model.free(w.Start)
	for at := w.Start; at < w.End; at++ {
		least = least.Min(m.model.free(at))
	}
	require.Equal(t, least, m.line.Spare(w, 0))
	// An idle line of half the capacity beside it: what is told is free on one of them throughout.
	second, err := NewTimeline(m.model.capacity.Scale(0.5))
	require.NoError(t, err)
	limit := rapid.IntRange(1, 12).Draw(t, "levels")
	levels := Outline([]*Timeline{m.line, second}, w, limit)
	require.LessOrEqual(t, len(levels), limit)
	require.Equal(t, w.Start, levels[0].At)
	for i, level := range levels {
		until := w.End
		if i+1 < len(levels) {
			until = levels[i+1].At
			require.Greater(t, until, level.At)
		}
		for at := level.At; at < until; at++ {
			require.True(t, level.Free.Fits(m.model.free(at).Max(second.Capacity())), "a digest promises more than there is")
		}
	}
	if all := Outline([]*Timeline{m.line}, w, span); len(all) > 0 {
		for i, level := range all {
			until := w.End
			if i+1 < len(all) {
				until = all[i+1].At
			}
			for at := level.At; at < until; at++ {
				require.Equal(t, m.model.free(at), level.Free, "there was room to tell it as it is")
			}
		}
	}
}

func (m *machine) prune(t *rapid.T) {
	m.now += Instant(rapid.Int64Range(0, 4).Draw(t, "time passes"))
	m.now = min(m.now, span-30)
	m.line.Prune(m.now)
	m.model.bookings = slices.DeleteFunc(m.model.bookings, func(b Booking) bool { return b.Slot.End <= m.now })
	for id, offers := range m.model.groups {
		offers = slices.DeleteFunc(offers, func(a Alternative) bool { return a.Slot.End <= m.now })
		m.model.groups[id] = offers
		if len(offers) == 0 {
			delete(m.model.groups, id)
		}
	}
	left := len(m.model.bookings)
	for _, offers := range m.model.groups {
		left += len(offers)
	}
	require.Equal(t, left, m.line.Len())
}
