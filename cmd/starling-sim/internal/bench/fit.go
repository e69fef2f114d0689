package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"starling/scheduling"
)

// What is wanted of the earliest fit.
const (
	entries = 100_000
	fitMost = 200 * time.Microsecond
	queries = 20_000
)

// fits measures the earliest fit on two timelines, in this process: a busy site's, and one whose gaps are mostly too
// short for what is asked.
func fits(ctx context.Context, l *lab) error {
	for _, c := range []struct {
		name  string
		build func(*rand.Rand) (*scheduling.Timeline, error)
	}{{"nearly full", nearlyFull}, {"fragmented", fragmented}} {
		random := rand.New(rand.NewPCG(1, 2))
		line, err := c.build(random)
		if err != nil {
			return err
		}
		times := make([]time.Duration, queries)
		for i := range times {
			q := scheduling.Query{
				Need:     scheduling.Resources{Cores: few(random, 512), Memory: few(random, 2048), Storage: few(random, 10_000), GPUs: random.Int64N(4)},
				Duration: scheduling.Minute + scheduling.Span(few(random, int64(8*scheduling.Hour))),
				NotAfter: scheduling.Forever,
			}
			begun := time.Now()
			line.EarliestFit(q)
			times[i] = time.Since(begun)
		}
		slices.Sort(times)
		for _, percent := range []int{50, 99} {
			f := Figure{Name: fmt.Sprintf("earliest fit, %s, p%d", c.name, percent), Value: micros(times[queries*percent/100]), Unit: "µs"}
			if percent == 99 {
				f.Target = micros(fitMost)
			}
			l.note(f)
		}
	}
	return ctx.Err()
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// few returns many small amounts and few large ones.
func few(random *rand.Rand, most int64) int64 {
	return 1 + int64(float64(most-1)*random.Float64()*random.Float64()*random.Float64())
}

var site = scheduling.Resources{Cores: 1024, Memory: 4096, Storage: 20_000, GPUs: 8}

// nearlyFull books jobs of all sizes, each where it fits first.
func nearlyFull(random *rand.Rand) (*scheduling.Timeline, error) {
	line, err := scheduling.NewTimeline(site)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		slot, ok := line.EarliestFit(scheduling.Query{
			Need:     scheduling.Resources{Cores: few(random, 512), Memory: few(random, 2048), Storage: few(random, 10_000), GPUs: random.Int64N(4)},
			Duration: scheduling.Minute + scheduling.Span(few(random, int64(8*scheduling.Hour))),
			// As they came in: one every few minutes.
			NotBefore: scheduling.Instant(i) * scheduling.Instant(3*scheduling.Minute),
			NotAfter:  scheduling.Forever,
		})
		if !ok {
			return nil, fmt.Errorf("entry %d fits nowhere", i)
		}
		if err := line.Book(scheduling.Booking{ID: entry(i), Slot: slot}); err != nil {
			return nil, err
		}
	}
	return line, nil
}

// fragmented books jobs one after the other that leave gaps of all lengths up to an hour.
func fragmented(random *rand.Rand) (*scheduling.Timeline, error) {
	line, err := scheduling.NewTimeline(site)
	if err != nil {
		return nil, err
	}
	at := scheduling.Instant(0)
	for i := range entries {
		w := at.From(scheduling.Hour)
		need := scheduling.Resources{Cores: 512 + random.Int64N(512), Memory: random.Int64N(4096), Storage: random.Int64N(20_000), GPUs: 8}
		if err := line.Book(scheduling.Booking{ID: entry(i), Slot: scheduling.Slot{Window: w, Resources: need}}); err != nil {
			return nil, err
		}
		at = w.End.Add(scheduling.Span(random.Int64N(int64(scheduling.Hour))))
	}
	return line, nil
}

func entry(i int) (id scheduling.EntryID) {
	binary.BigEndian.PutUint64(id[:], uint64(i)+1)
	return id
}
