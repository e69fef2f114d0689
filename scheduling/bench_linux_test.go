package scheduling

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// entries is the size of the timelines measured.
const entries = 100_000

// a crowd is a timeline of many entries, and queries that are hard on it.
type crowd struct {
	name  string
	build func(b *testing.B, random *rand.Rand) *Timeline
	query func(random *rand.Rand) Query
}

// bounded returns an amount with few large and many small values.
func bounded(random *rand.Rand, most int64) int64 {
	return 1 + int64(float64(most-1)*random.Float64()*random.Float64()*random.Float64())
}

func anySize(random *rand.Rand) Resources {
	return Resources{
		Cores: bounded(random, 512), Memory: bounded(random, 2048), Storage: bounded(random, 10_000), GPUs: random.Int64N(4),
	}
}

func ask(need Resources, d Span) Query {
	return Query{Need: need, Duration: d, NotBefore: 0, NotAfter: Forever}
}

// row books n slots one after the other with gaps between; what is the size of the i-th slot, and gap the one after it.
func row(b *testing.B, capacity Resources, n int, what func(i int) Resources, gap func(i int) Span) *Timeline {
	line, err := NewTimeline(capacity)
	require.NoError(b, err)
	at := Instant(0)
	for i := range n {
		w := at.From(Hour)
		require.NoError(b, line.Book(Booking{ID: numbered(i), Slot: Slot{w, what(i)}}))
		at = w.End.Add(gap(i))
	}
	line.Prune(0)
	return line
}

func busy(b *testing.B, random *rand.Rand) *Timeline {
	line, err := NewTimeline(Resources{Cores: 1024, Memory: 4096, Storage: 20_000, GPUs: 8})
	require.NoError(b, err)
	for i := range entries {
		q := ask(anySize(random), Minute+Span(bounded(random, int64(8*Hour))))
		q.NotBefore = Instant(i) * Instant(Minute) * 3
		slot, ok := line.EarliestFit(q)
		require.True(b, ok)
		require.NoError(b, line.Book(Booking{ID: numbered(i), Slot: slot}))
	}
	return line
}

// large asks for so much that it may have to wait for the end.
func large(random *rand.Rand) Query {
	return ask(Resources{
		Cores: 256 + random.Int64N(768), Memory: random.Int64N(4096), Storage: random.Int64N(20_000), GPUs: random.Int64N(8),
	}, Minute+Span(random.Int64N(int64(2*Day))))
}

var crowds = []crowd{
	{
		// Jobs of all sizes, each where it fits first: as a busy site looks.
		name:  "nearly full",
		build: busy,
		query: func(random *rand.Rand) Query {
			return ask(anySize(random), Minute+Span(bounded(random, int64(8*Hour))))
		},
	},
	{
		name:  "nearly full, large requests",
		build: busy,
		query: large,
	},
	{
		// Every gap is a minute too short for what is asked.
		name: "short gaps",
		build: func(b *testing.B, random *rand.Rand) *Timeline {
			return row(b, Resources{Cores: 8, Memory: 8}, entries,
				func(int) Resources { return Resources{Cores: 8, Memory: 1} }, func(int) Span { return 59 * Minute })
		},
		query: func(random *rand.Rand) Query {
			return ask(Resources{Cores: 1 + random.Int64N(8), Memory: 1}, Hour+Span(random.Int64N(int64(Hour))))
		},
	},
	{
		// Gaps of all lengths, and jobs longer than most of them.
		name: "mixed gaps",
		build: func(b *testing.B, random *rand.Rand) *Timeline {
			return row(b, Resources{Cores: 64, Memory: 64}, entries,
				func(int) Resources { return Resources{Cores: 33 + random.Int64N(32), Memory: random.Int64N(64)} },
				func(int) Span { return Span(random.Int64N(int64(Hour))) })
		},
		query: func(random *rand.Rand) Query {
			return ask(Resources{Cores: 8 + random.Int64N(56), Memory: 1 + random.Int64N(64)}, Span(random.Int64N(int64(3*Hour)))+1)
		},
	},
	{
		// There are always enough cores or enough memory, and never both.
		name: "one or the other",
		build: func(b *testing.B, random *rand.Rand) *Timeline {
			return row(b, Resources{Cores: 64, Memory: 64}, entries,
				func(i int) Resources {
					if i%2 == 0 {
						return Resources{Cores: 40 + random.Int64N(16)}
					}
					return Resources{Memory: 40 + random.Int64N(16)}
				},
				func(int) Span { return 0 })
		},
		query: func(random *rand.Rand) Query {
			return ask(Resources{Cores: 25 + random.Int64N(30), Memory: 25 + random.Int64N(30)}, Minute)
		},
	},
}

// BenchmarkEarliestFit asks each crowd from the beginning on, which is as far as a search can have to go.
func BenchmarkEarliestFit(b *testing.B) {
	for _, c := range crowds {
		b.Run(c.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			line := c.build(b, random)
			b.ReportAllocs()
			measure(b, func() { line.EarliestFit(c.query(random)) })
			steps := 0
			for _, blk := range line.free.blocks {
				steps += len(blk.steps)
			}
			b.ReportMetric(float64(steps), "steps")
		})
	}
}

// BenchmarkLive asks, books what it was offered and ends another booking, again and again: what searches have learned
// about a stretch is out of date whenever something changes there. Only the asking is measured.
func BenchmarkLive(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	line := crowds[0].build(b, random)
	live := entries
	measure(b, func() { line.EarliestFit(large(random)) }, func() {
		slot, ok := line.EarliestFit(crowds[0].query(random))
		require.True(b, ok)
		require.NoError(b, line.Book(Booking{ID: numbered(live), Slot: slot}))
		live++
		_ = line.End(numbered(random.IntN(live)), 0)
	})
}

// BenchmarkChange books a slot of one core where there is one, and ends it again.
func BenchmarkChange(b *testing.B) {
	for _, c := range []struct {
		name   string
		length Span
	}{{"an hour", Hour}, {"a month", 30 * Day}} {
		b.Run(c.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			line, err := NewTimeline(Resources{Cores: entries + 1})
			require.NoError(b, err)
			for i := range entries {
				slot := Slot{Instant(random.Int64N(int64(1000 * Day))).From(Day), Resources{Cores: 1}}
				require.NoError(b, line.Book(Booking{ID: numbered(i), Slot: slot}))
			}
			id := numbered(entries)
			measure(b, func() {
				w := Instant(random.Int64N(int64(1000 * Day))).From(c.length)
				_ = line.Book(Booking{ID: id, Slot: Slot{w, Resources{Cores: 1}}})
				_ = line.End(id, w.Start)
			})
		})
	}
}

// measure runs what is measured and reports percentiles of its time; between is done after each run, unmeasured.
//
// The percentiles are of the processor's time, which a busy machine doesn't stretch as it does the clock's; reading it
// costs about 0.3 µs, which is in there.
func measure(b *testing.B, run func(), between ...func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	times := make([]int64, 0, b.N)
	b.ResetTimer()
	for range b.N {
		begun := processorTime(b)
		run()
		times = append(times, processorTime(b)-begun)
		for _, do := range between {
			do()
		}
	}
	b.StopTimer()
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100])/1e3, "p99-µs")
	b.ReportMetric(float64(times[len(times)-1])/1e3, "max-µs")
}

// processorTime returns the nanoseconds that the thread has run.
func processorTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

// BenchmarkPropose asks for offers and holds and drops them, on a pool with 10,000 bookings, under a tariff that changes
// every evening and morning.
func BenchmarkPropose(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	line, err := NewTimeline(Resources{Cores: 1024, Memory: 4096, Storage: 20_000, GPUs: 8})
	require.NoError(b, err)
	for i := range 10_000 {
		q := ask(anySize(random), Minute+Span(bounded(random, int64(8*Hour))))
		slot, ok := line.EarliestFit(q)
		require.True(b, ok)
		require.NoError(b, line.Book(Booking{ID: numbered(i), Slot: slot}))
	}
	var terms tariff
	for i := range 100 {
		terms.changes = append(terms.changes, Instant(i+1)*Instant(12*Hour))
		terms.rates = append(terms.rates, float64(1+i%2))
	}
	terms.rates = append(terms.rates, 1)
	limits := Limits{Now: 1, HeldUntil: 1 + Instant(5*Minute), HoldShare: 0.5, Horizon: 365 * Day}
	offers := 0
	b.ReportAllocs()
	measure(b, func() {
		size := anySize(random)
		d := Demand{Min: size, Max: size.Add(size), Duration: Minute + Span(bounded(random, int64(8*Hour)))}
		proposals, _ := Propose([]Candidate{{line, terms}}, d, Constraints{}, limits)
		offers += len(proposals)
		group := make([]Alternative, len(proposals))
		for i, p := range proposals {
			group[i] = Alternative{numbered(10_000 + i), p.Slot}
		}
		require.NoError(b, line.Hold(numbered(1), limits.HoldShare, group...))
		require.NoError(b, line.DropGroup(numbered(1)))
	})
	b.ReportMetric(float64(offers)/float64(b.N), "offers")
}

// BenchmarkEarlyEnd ends a booking early on a pool with a queue of 10,000 movable ones, and compresses it: one that
// runs, as all do in the end, or any one, as when somebody cancels.
func BenchmarkEarlyEnd(b *testing.B) {
	for _, c := range []struct {
		name string
		any  bool
	}{{"a running one", false}, {"any one", true}} {
		b.Run(c.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			line, err := NewTimeline(Resources{Cores: 1024, Memory: 4096, Storage: 20_000, GPUs: 8})
			require.NoError(b, err)
			now, next, moved := Instant(1), 0, 0
			book := func() {
				q := ask(anySize(random), Minute+Span(bounded(random, int64(8*Hour))))
				q.NotBefore = now
				slot, ok := line.EarliestFit(q)
				require.True(b, ok)
				require.NoError(b, line.Book(Booking{ID: numbered(next), Slot: slot, NotBefore: now, Movable: true}))
				next++
			}
			victim := EntryID{}
			choose := func() {
				// One that starts soon does as well as one that runs, if none does.
				for soon := now; ; soon += Instant(Minute) {
					for range next {
						victim = numbered(random.IntN(next))
						entry, ok := line.Booking(victim)
						if ok && (c.any || entry.Slot.Start <= soon && now < entry.Slot.End) {
							return
						}
					}
				}
			}
			for range 10_000 {
				book()
			}
			line.Compress(now, 0)
			choose()
			measure(b, func() {
				now += Instant(Second)
				line.Prune(now)
				_ = line.End(victim, now)
				moved += len(line.Compress(now, 256))
			}, book, choose)
			b.ReportMetric(float64(moved)/float64(b.N), "moved")
		})
	}
}
