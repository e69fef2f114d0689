package scheduling

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const money = "urn:ivoa:calycopis:cost:monetary"

// tariff charges a rate for each core and hour, another from each of its changes on.
type tariff struct {
	rates   []float64 // one more than changes
	changes []Instant
}

func (f tariff) Quote(p Plan) Quote {
	cost := 0.0
	for i, rate := range f.rates {
		w := Window{Beginning, Forever}
		if i > 0 {
			w.Start = f.changes[i-1]
		}
		if i < len(f.changes) {
			w.End = f.changes[i]
		}
		if part := w.Intersect(p.Available); !part.Empty() {
			cost += rate * float64(p.Resources.Cores) * float64(part.Length()) / float64(Hour)
		}
	}
	return Quote{
		Costs:   []Amount{{Type: money, Value: cost}},
		Metrics: []Amount{{Type: "speed", Value: float64(p.Resources.Cores)}},
	}
}

func (f tariff) Changes(w Window, limit int) []Instant {
	var in []Instant
	for _, c := range f.changes {
		if w.Start < c && c < w.End && len(in) < limit {
			in = append(in, c)
		}
	}
	return in
}

// noon is when the tests ask.
const noon = Instant(1_800_000_000_000)

func hours(n int64) Instant { return noon.Add(Span(n) * Hour) }

func idle(t require.TestingT, cores, memory int64, windows ...Window) *Timeline {
	line, err := NewTimeline(Resources{Cores: cores, Memory: memory}, windows...)
	require.NoError(t, err)
	return line
}

func booked(t require.TestingT, line *Timeline, id byte, from, to Instant, cores int64) {
	slot := Slot{Window{from, to}, Resources{Cores: cores}}
	require.NoError(t, line.Book(Booking{ID: EntryID{0xb, id}, Slot: slot}))
}

func limits() Limits {
	return Limits{Now: noon, HeldUntil: noon.Add(5 * Minute), HoldShare: 1}
}

func demand(least, most int64) Demand {
	return Demand{Min: Resources{Cores: least}, Max: Resources{Cores: most}, Duration: Hour}
}

// told shows a proposal as a test reads it: label, hours from noon, cores, cost.
func told(proposals []Proposal) []string {
	var out []string
	for _, p := range proposals {
		start := float64(p.Available.Start-noon) / float64(Hour)
		out = append(out, fmt.Sprintf("%s +%gh %dc %g", p.Label, start, p.Plan.Resources.Cores, price(p)))
	}
	return out
}

func TestProposeOffersWhatHelpsTheUser(t *testing.T) {
	flat := tariff{rates: []float64{1}}
	cheapAtNight := tariff{rates: []float64{4, 1}, changes: []Instant{hours(8)}}
	busyUntil2 := func(cores int64) *Timeline {
		line := idle(t, 16, 0)
		booked(t, line, 1, noon, hours(2), cores)
		return line
	}
	for _, c := range []struct {
		name        string
		candidates  []Candidate
		demand      Demand
		constraints Constraints
		want        []string
	}{
		{"an idle pool gives what is asked, at once", []Candidate{{idle(t, 16, 0), nil}}, demand(4, 4), Constraints{},
			[]string{"earliest +0h 4c 0"}},
		{"without costs more is better", []Candidate{{idle(t, 16, 0), nil}}, demand(4, 8), Constraints{},
			[]string{"earliest +0h 8c 0"}},
		{"with costs the user chooses between more and cheaper", []Candidate{{idle(t, 16, 0), flat}}, demand(4, 8), Constraints{},
			[]string{"smaller +0h 4c 4", "earliest +0h 8c 8"}},
		{"what is free now, and more later", []Candidate{{busyUntil2(10), nil}}, demand(4, 12), Constraints{},
			[]string{"earliest +0h 6c 0", "larger +2h 12c 0"}},
		{"a full pool offers later", []Candidate{{busyUntil2(16), nil}}, demand(4, 4), Constraints{},
			[]string{"earliest +2h 4c 0"}},
		{"cheaper at night", []Candidate{{idle(t, 16, 0), cheapAtNight}}, demand(4, 4), Constraints{},
			[]string{"earliest +0h 4c 16", "cheaper +8h 4c 4"}},
		{"a budget for the night alone", []Candidate{{idle(t, 16, 0), cheapAtNight}}, demand(4, 4),
			Constraints{AtMost: []Amount{{Type: money, Value: 5}}}, []string{"cheaper +8h 4c 4"}},
		{"a budget decides the size", []Candidate{{idle(t, 16, 0), flat}}, demand(4, 12),
			Constraints{AtMost: []Amount{{Type: money, Value: 10}}}, []string{"smaller +0h 4c 4", "earliest +0h 10c 10"}},
		{"a metric asks for more", []Candidate{{idle(t, 16, 0), flat}}, demand(4, 8),
			Constraints{AtLeast: []Amount{{Type: "speed", Value: 6}}}, []string{"earliest +0h 8c 8"}},
		{"two sites: the second one is dearer and later, and left out",
			[]Candidate{{idle(t, 16, 0), flat}, {busyUntil2(16), tariff{rates: []float64{2}}}}, demand(4, 4), Constraints{},
			[]string{"earliest +0h 4c 4"}},
		{"two sites: the second one is later and cheaper",
			[]Candidate{{idle(t, 16, 0), flat}, {busyUntil2(16), tariff{rates: []float64{0.5}}}}, demand(4, 4), Constraints{},
			[]string{"earliest +0h 4c 4", "earliest +2h 4c 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := Propose(c.candidates, c.demand, c.constraints, limits())
			assert.Equal(t, c.want, told(got))
		})
	}
}

// Promise 9: a NO says why.
func TestPromise9ProposeSaysWhyNot(t *testing.T) {
	evening := idle(t, 8, 0, Window{hours(6), hours(8)})
	full := idle(t, 8, 0)
	booked(t, full, 1, noon, hours(24*100), 8)
	busy := idle(t, 8, 0)
	booked(t, busy, 1, noon, hours(3), 6)
	heldUp := idle(t, 8, 0)
	require.NoError(t, heldUp.Hold(EntryID{1}, 0.5, Alternative{EntryID{2}, Slot{Window{noon, hours(24 * 100)}, Resources{Cores: 4}}}))

	within := func(d Demand, from, to Instant) Demand {
		d.Start = StartInterval{from, to}
		return d
	}
	long := demand(2, 2)
	long.Duration = 3 * Hour
	flat := tariff{rates: []float64{1}}
	for _, c := range []struct {
		name        string
		line        *Timeline
		terms       Terms
		demand      Demand
		constraints Constraints
		code        Code
		message     string
	}{
		{"nonsense", busy, nil, Demand{}, Constraints{}, CodeInvalid, "invalid slot: at least 0 cores, 0 GiB memory, 0 GiB storage, 0 GPUs"},
		{"too large", busy, nil, demand(9, 9), Constraints{}, CodeTooLarge, "cores: 9 needed, but this site has 8"},
		{"too large in every way", busy, nil, Demand{Duration: 1, Min: Resources{9, 1 << 20, 1 << 20, 1}, Max: Resources{9, 1 << 20, 1 << 20, 1}}, Constraints{}, CodeTooLarge,
			"cores: 9 needed, but this site has 8; memory: 1048576 GiB needed, but this site has 0 GiB; storage: 1048576 GiB needed, but this site has 0 GiB; gpus: 1 needed, but this site has 0"},
		{"window too short", evening, nil, long, Constraints{}, CodeNoWindow,
			"this site works for no 3h0m0s at a stretch before 2027-03-16T08:00:00.000Z"},
		{"taken for ever", full, nil, demand(1, 1), Constraints{}, CodeFull,
			"nothing is free here for 1h0m0s before 2027-03-16T08:00:00.000Z"},
		{"not when she wants", busy, nil, within(demand(4, 4), noon, hours(1)), Constraints{}, CodeStartInterval,
			"no start from 2027-01-15T08:00:00.000Z to 2027-01-15T09:00:00.000Z is free; the earliest possible is 2027-01-15T11:00:00.000Z"},
		{"only before she wants", evening, nil, within(demand(4, 4), hours(9), hours(10)), Constraints{}, CodeStartInterval,
			"no start from 2027-01-15T17:00:00.000Z to 2027-01-15T18:00:00.000Z is free; the earliest possible is 2027-01-15T14:00:00.000Z"},
		{"start interval over", busy, nil, within(demand(1, 1), 0, hours(-1)), Constraints{}, CodeStartInterval,
			"no start from 2027-01-15T08:00:00.000Z to 2027-01-15T07:00:00.000Z is free; the earliest possible is 2027-01-15T08:00:00.000Z"},
		{"beyond the plan", busy, nil, within(demand(1, 1), hours(24*365), 0), Constraints{}, CodeStartInterval,
			"the earliest start wanted is 2028-01-15T08:00:00.000Z, but this site plans no further than 2027-03-16T08:00:00.000Z"},
		{"held up", heldUp, nil, demand(2, 2), Constraints{}, CodeHoldLimit,
			"other offers that are still open hold more than 0.5 of this site; ask again after 2027-01-15T08:05:00.000Z"},
		{"too dear", busy, flat, demand(2, 2), Constraints{AtMost: []Amount{{Type: money, Value: 1.5}}}, CodeCost,
			"the urn:ivoa:calycopis:cost:monetary would be 2, more than 1.5"},
		{"too slow", busy, flat, demand(2, 2), Constraints{AtLeast: []Amount{{Type: "speed", Value: 10}}}, CodeMetric,
			"the speed would be 2, less than 10"},
		{"not quoted", busy, nil, demand(2, 2), Constraints{AtMost: []Amount{{Type: "carbon", Value: 1}}}, CodeCost,
			"this site quotes no carbon, which the request limits to 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := limits()
			l.HoldShare = 0.5
			got, refusals := Propose([]Candidate{{c.line, c.terms}}, c.demand, c.constraints, l)
			assert.Empty(t, got)
			require.Len(t, refusals, 1)
			assert.Equal(t, c.code, refusals[0].Code)
			assert.Equal(t, c.message, refusals[0].Reason.String())
		})
	}
}

func TestDemandsThatMakeNoSenseAreRefused(t *testing.T) {
	sound := demand(1, 2)
	require.NoError(t, sound.Check())
	for name, spoil := range map[string]func(*Demand){
		"nothing":            func(d *Demand) { d.Min = Resources{} },
		"negative":           func(d *Demand) { d.Min.Memory = -1 },
		"absurdly large":     func(d *Demand) { d.Max.Storage = math.MaxInt64 },
		"no time":            func(d *Demand) { d.Duration = 0 },
		"negative time":      func(d *Demand) { d.Duration = -Hour },
		"eternal":            func(d *Demand) { d.Duration = math.MaxInt64 },
		"negative preparing": func(d *Demand) { d.Preparing = -1 },
		"eternal releasing":  func(d *Demand) { d.Releasing = math.MaxInt64 },
		"reversed interval":  func(d *Demand) { d.Start = StartInterval{hours(2), hours(1)} },
		"before time":        func(d *Demand) { d.Start.Earliest = math.MinInt64 },
		"after time":         func(d *Demand) { d.Start.Earliest = math.MaxInt64 },
		"latest before time": func(d *Demand) { d.Start.Latest = math.MinInt64 },
		"latest after time":  func(d *Demand) { d.Start.Latest = math.MaxInt64 },
	} {
		t.Run(name, func(t *testing.T) {
			d := sound
			spoil(&d)
			require.ErrorIs(t, d.Check(), ErrInvalid)
			proposals, refusals := Propose([]Candidate{{idle(t, 8, 8), nil}}, d, Constraints{}, limits())
			require.Empty(t, proposals)
			require.Equal(t, CodeInvalid, refusals[0].Code)
		})
	}
}

func TestAnOfferStaysStartableUntilItExpires(t *testing.T) {
	d := demand(2, 2)
	d.Preparing, d.Releasing = 10*Minute, 20*Minute
	got, _ := Propose([]Candidate{{idle(t, 8, 0), nil}}, d, Constraints{}, limits())
	require.Len(t, got, 1)
	p := got[0]
	assert.Equal(t, Window{noon, noon.Add(10 * Minute)}, p.Preparing)
	assert.Equal(t, noon.Add(10*Minute).From(Hour), p.Available)
	assert.Equal(t, noon.Add(70*Minute).From(20*Minute), p.Releasing)
	assert.Equal(t, StartInterval{noon.Add(10 * Minute), noon.Add(15 * Minute)}, p.Start)
	assert.Equal(t, Window{noon, noon.Add(95 * Minute)}, p.Slot.Window, "accepted at the last moment, it must still fit")
}

func TestTheLatestStartBoundsTheHeldSlot(t *testing.T) {
	d := demand(2, 2)
	d.Start.Latest = noon.Add(2 * Minute)
	got, _ := Propose([]Candidate{{idle(t, 8, 0), nil}}, d, Constraints{}, limits())
	require.Len(t, got, 1)
	assert.Equal(t, StartInterval{noon, noon.Add(2 * Minute)}, got[0].Start)
	assert.Equal(t, noon.Add(62*Minute), got[0].Slot.End)
}

func TestALargeRequestIsHeldAloneAboveTheShare(t *testing.T) {
	line := idle(t, 8, 0)
	l := limits()
	l.HoldShare = 0.5
	got, _ := Propose([]Candidate{{line, nil}}, demand(8, 8), Constraints{}, l)
	require.Len(t, got, 1)
	require.NoError(t, line.Hold(EntryID{1}, 0.5, Alternative{EntryID{2}, got[0].Slot}))

	got, _ = Propose([]Candidate{{line, nil}}, demand(1, 1), Constraints{}, l)
	require.Len(t, got, 1)
	assert.Equal(t, got[0].Slot.Start, noon.Add(65*Minute), "the second waits until the first would be over")
}

// Whatever is proposed for one timeline can be held there as one group, keeps to the demand and the constraints, and
// none beats another in every respect.
func TestProposalsCanBeHeldAsOneGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := idle(t, 16, 16)
		for i := range rapid.IntRange(0, 20).Draw(t, "bookings") {
			from := noon.Add(Span(rapid.Int64Range(0, 600).Draw(t, "from")) * Minute)
			slot := Slot{from.From(Span(rapid.Int64Range(1, 200).Draw(t, "length")) * Minute), Resources{
				Cores: rapid.Int64Range(1, 16).Draw(t, "cores"), Memory: rapid.Int64Range(0, 16).Draw(t, "memory")}}
			id := EntryID{1, byte(i)}
			if rapid.Bool().Draw(t, "held") {
				_ = line.Hold(id, 0.5, Alternative{id, slot})
				continue
			}
			_ = line.Book(Booking{ID: id, Slot: slot})
		}
		l := limits()
		l.HoldShare = rapid.SampledFrom([]float64{0.25, 0.5, 1}).Draw(t, "share")
		d := Demand{
			Min:       Resources{rapid.Int64Range(1, 16).Draw(t, "min cores"), rapid.Int64Range(0, 16).Draw(t, "min memory"), 0, 0},
			Max:       Resources{rapid.Int64Range(1, 20).Draw(t, "max cores"), rapid.Int64Range(0, 20).Draw(t, "max memory"), 0, 0},
			Preparing: Span(rapid.Int64Range(0, 20).Draw(t, "preparing")) * Minute,
			Duration:  Span(rapid.Int64Range(1, 300).Draw(t, "duration")) * Minute,
		}
		if rapid.Bool().Draw(t, "interval") {
			d.Start.Earliest = noon.Add(Span(rapid.Int64Range(0, 300).Draw(t, "earliest")) * Minute)
			d.Start.Latest = d.Start.Earliest.Add(Span(rapid.Int64Range(0, 300).Draw(t, "late")) * Minute)
		}
		terms := tariff{[]float64{4, 1, 3}, []Instant{hours(3), hours(7)}}
		c := Constraints{AtMost: []Amount{{Type: money, Value: rapid.Float64Range(1, 200).Draw(t, "budget")}}}

		proposals, refusals := Propose([]Candidate{{line, terms}}, d, c, l)
		if len(proposals) == 0 {
			require.Len(t, refusals, 1)
			require.NotContains(t, refusals[0].Reason.String(), "{")
			return
		}
		require.LessOrEqual(t, len(proposals), DefaultMaxOffers)
		var group []Alternative
		for i, p := range proposals {
			group = append(group, Alternative{EntryID{2, byte(i)}, p.Slot})
			require.True(t, d.Min.Fits(p.Plan.Resources) && p.Plan.Resources.Fits(d.Max.Max(d.Min)), "%v", p)
			require.Nil(t, c.broken(p.Quote))
			require.Equal(t, p.Quote, terms.Quote(p.Plan))
			require.GreaterOrEqual(t, p.Start.Earliest, d.Start.Earliest)
			require.GreaterOrEqual(t, p.Start.Latest, p.Start.Earliest)
			if d.Start.Latest != 0 {
				require.LessOrEqual(t, p.Start.Latest, d.Start.Latest)
			}
			for j, q := range proposals {
				require.False(t, i != j && p.asGoodAs(q), "%v makes %v pointless", p, q)
			}
		}
		require.NoError(t, line.Hold(EntryID{3}, l.HoldShare, group...))
	})
}
