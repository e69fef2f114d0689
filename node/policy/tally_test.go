package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/federation/identity"
	"starling/scheduling"
)

// session is what the naive model knows of one.
type session struct {
	Booking
	ended scheduling.Instant // 0: it lives
}

// naive counts an account's things by looking at every session there ever was.
func naive(sessions map[identity.UUID]session, is func(Party) bool, since scheduling.Instant) (open, offers, cores int64, coreTime int64) {
	for _, s := range sessions {
		if !is(s.Party) {
			continue
		}
		end := s.Slot.End
		switch {
		case s.Offered && s.ended == 0:
			offers++
			continue
		case s.Offered:
			continue
		case s.ended == 0:
			open++
			cores += s.Size.Cores
		default:
			end = max(s.Slot.Start, min(end, s.ended))
		}
		if from := max(s.Slot.Start, since); end > from {
			coreTime += s.Size.Cores * int64(end-from)
		}
	}
	return open, offers, cores, coreTime
}

// Property: whatever comes and goes, the tally is what counting everything anew
// makes, and a quota is over exactly where one more would be more than its limit.
func TestATallyIsWhatCountingAnewMakes(t *testing.T) {
	const day = 24 * time.Hour
	p, err := New(Config{Quotas: []Quota{
		{For: PerUser, Sessions: amount(int64(3)), Offers: amount(int64(2)), CoreHours: amount(40.0), Period: day},
		{For: PerProposal, Name: "p1", Cores: amount(int64(12))},
		{For: PerGroup, Name: "g1", Sessions: amount(int64(5))},
		{For: Everybody, Cores: amount(int64(30)), CoreHours: amount(100.0), Period: 2 * day},
	}})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		tally, sessions := NewTally(p), map[identity.UUID]session{}
		now := scheduling.Instant(1_800_000_000_000)
		pick := func() (identity.UUID, bool) {
			id := identity.UUID{15: byte(rapid.IntRange(0, 19).Draw(t, "which"))}
			s, known := sessions[id]
			return id, known && s.ended == 0
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += scheduling.Instant(rapid.Int64Range(0, int64(3*time.Hour/time.Millisecond)).Draw(t, "passes"))
			id, live := pick()
			switch action := rapid.SampledFrom([]string{"offer", "accept", "end", "forget"}).Draw(t, "action"); {
			case action == "offer" && !live && sessions[id].ended == 0:
				start := now + scheduling.Instant(rapid.Int64Range(0, 10_000_000).Draw(t, "start"))
				b := Booking{
					Party:   Party{User: rapid.SampledFrom([]string{"alice", "bob"}).Draw(t, "user"), Proposal: rapid.SampledFrom([]string{"", "p1", "p2"}).Draw(t, "proposal")},
					Offered: true, Size: scheduling.Resources{Cores: rapid.Int64Range(1, 8).Draw(t, "cores")},
					Slot: scheduling.Window{Start: start, End: start + scheduling.Instant(rapid.Int64Range(1, 50_000_000).Draw(t, "length"))},
				}
				if rapid.Bool().Draw(t, "grouped") {
					b.Groups = []string{"g1"}
				}
				sessions[id] = session{Booking: b}
				tally.Put(id, b)
			case action == "accept" && live:
				s := sessions[id]
				s.Offered = false
				sessions[id] = s
				tally.Put(id, s.Booking)
			case action == "end" && live:
				s := sessions[id]
				s.ended = now
				sessions[id] = s
				tally.End(id, now)
			case action == "forget":
				tally.Forget(now)
			}
			party := Party{User: "alice", Proposal: "p1", Groups: []string{"g1"}}
			want := Want{Sessions: 1, Offers: 1, Size: scheduling.Resources{Cores: 3}, Time: scheduling.SpanOf(time.Hour)}
			for _, got := range tally.Standings(party, want, now) {
				is := func(other Party) bool {
					return map[Kind]bool{
						PerUser: other.User == "alice", PerProposal: other.Proposal == "p1", PerGroup: len(other.Groups) > 0, Everybody: true,
					}[got.For]
				}
				open, offers, cores, coreTime := naive(sessions, is, now.Add(-scheduling.SpanOf(got.Since)))
				used := map[string]float64{LimitSessions: float64(open), LimitOffers: float64(offers), LimitCores: float64(cores), LimitCoreHours: float64(coreTime) / coreHour}[got.What]
				if got.What == LimitCoreHours {
					require.InDelta(t, used, got.Used, 1e-4, "%s", got.Quota) // parts of a piece are rounded down
				} else {
					require.Equal(t, used, got.Used, "%s: %s", got.Quota, got.What)
					require.Equal(t, used+got.Asked > got.Limit, got.Over())
				}
			}
		}
	})
}

// A series counts what it has executed, evenly over the time of that, and the
// execution that is booked.
func TestASeriesCountsItsExecutions(t *testing.T) {
	p, err := New(Config{Quotas: []Quota{{For: PerUser, CoreHours: amount(100.0), Period: 10 * time.Hour}}})
	require.NoError(t, err)
	tally, hour := NewTally(p), scheduling.Instant(time.Hour/time.Millisecond)
	now := 1000 * hour
	tally.Put(identity.UUID{1}, Booking{
		Party: Party{User: "alice"}, Size: scheduling.Resources{Cores: 2}, Slot: scheduling.Window{Start: now, End: now + hour},
		Past: scheduling.Window{Start: now - 20*hour, End: now}, Ran: scheduling.Span(5 * hour), // five executions in twenty hours
	})
	s := tally.Standings(Party{User: "alice"}, Want{}, now)[0]
	assert.InDelta(t, 2*1+2*2.5, s.Used, 1e-6)
	assert.False(t, s.Over(), "who asks for nothing is not over")
}

// The groups of a user that count are those that a quota is for.
func TestOnlyGroupsThatQuotasCountAreRemembered(t *testing.T) {
	one := amount(int64(1))
	p, err := New(Config{Quotas: []Quota{{For: PerGroup, Name: "g1", Sessions: one}, {For: PerUser, Sessions: one}}})
	require.NoError(t, err)
	assert.Equal(t, []string{"g1"}, p.Counted([]string{"g0", "g1", "g2", "g1"}))
	p, err = New(Config{Quotas: []Quota{{For: PerGroup, Sessions: one}}})
	require.NoError(t, err)
	assert.Equal(t, []string{"g0", "g1"}, p.Counted([]string{"g0", "g1"}))
}
