package digest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/scheduling"
)

func cores(n int64) scheduling.Resources { return scheduling.Resources{Cores: n} }

func TestOnlyWhatOthersWouldChooseByIsNews(t *testing.T) {
	base := func() Fast {
		return Fast{
			Capacity: cores(1000), Largest: cores(1000), Free: cores(500), Queue: 80, Running: 100, Executors: 1,
			Profile: []Point{{0, cores(500)}, {scheduling.Hour, cores(0)}, {2 * scheduling.Hour, cores(1000)}},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*Fast)
		news   bool
	}{
		{"nothing", func(*Fast) {}, false},
		{"a little less is free", func(f *Fast) { f.Free = cores(480) }, false},
		{"much less is free", func(f *Fast) { f.Free = cores(460) }, true},
		{"nothing is free", func(f *Fast) { f.Capacity, f.Largest, f.Free = cores(1), cores(1), cores(0) }, true},
		{"a few more wait", func(f *Fast) { f.Queue = 88 }, false},
		{"many more wait", func(f *Fast) { f.Queue = 99 }, true},
		{"nobody waits", func(f *Fast) { f.Queue = 0 }, true},
		{"many more run", func(f *Fast) { f.Running = 130 }, true},
		{"the last executor has gone", func(f *Fast) { f.Executors = 0 }, true},
		{"it takes no work", func(f *Fast) { f.Closed = true }, true},
		{"the slow part is another", func(f *Fast) { f.Slow[0]++ }, true},
		{"there is more room soon", func(f *Fast) { f.Profile[1].Free = cores(100) }, true},
		{"it is full for longer", func(f *Fast) { f.Profile[2].After += scheduling.Minute }, true},
		{"a little more room soon", func(f *Fast) { f.Profile[2].Free = cores(990) }, false},
		{"nothing is known of later", func(f *Fast) { f.Profile = nil }, true},
	} {
		now := base()
		tt.change(&now)
		assert.Equal(t, tt.news, now.News(base(), 0), tt.name)
		assert.Equal(t, tt.news, base().News(now, 0), "%s, the other way", tt.name)
	}
}

// That time passes is no news: a profile that was made earlier says the same of the
// same instants.
func TestThatTimePassesIsNoNews(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := fasts.Draw(t, "digest")
		passed := scheduling.Span(rapid.Int64Range(0, 10).Draw(t, "passed")) * scheduling.Second
		now := before
		now.Profile = nil
		if len(before.Profile) > 0 {
			now.Profile = []Point{{0, before.At(passed)}}
		}
		for _, p := range before.Profile {
			if p.After > passed {
				now.Profile = append(now.Profile, Point{p.After - passed, p.Free})
			}
		}
		require.False(t, now.News(before, passed))
	})
}
