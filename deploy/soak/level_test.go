package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// rested is a soak of one node, whose samples a test makes.
func rested(change func(minute int, s *sample)) *soak {
	usual := sample{Node: "a", Live: 5 << 20, Anonymous: 20 << 20, Goroutines: 80, Files: 40, Disk: map[string]int64{"state.db": 16 << 20}}
	s := &soak{
		plan: plan{duration: time.Hour}, size: 1, nodes: []*launch.Member{{Name: "a"}},
		level: map[string]sample{"a": usual}, final: map[string]sample{"a": usual},
	}
	for minute := range 60 {
		one := usual
		one.After = time.Duration(minute) * time.Minute
		one.Goroutines += int64(minute % 7) // a load has its ups and downs
		one.Live += int64(minute%3) << 20
		if change != nil {
			change(minute, &one)
		}
		s.samples = append(s.samples, one)
	}
	return s
}

func TestWhatComesAndGoesIsNoLeak(t *testing.T) {
	s := rested(nil)
	assert.Empty(t, s.findLeaks())
	s.leaks = s.findLeaks()
	assert.Contains(t, report(s.plan, time.Now(), []*soak{s}), "Everything was given back.")
}

func TestWhatDoesNotComeBackIsALeak(t *testing.T) {
	for name, leak := range map[string]func(*sample){
		"live heap was 5.0 MiB": func(s *sample) { s.Live = 30 << 20 },
		"anonymous memory was":  func(s *sample) { s.Anonymous = 200 << 20 },
		"goroutines was 80":     func(s *sample) { s.Goroutines = 120 },
		"open files was 40":     func(s *sample) { s.Files = 70 },
	} {
		s := rested(nil)
		final := s.final["a"]
		leak(&final)
		s.final["a"] = final
		s.leaks = s.findLeaks()
		require.Len(t, s.leaks, 1, name)
		assert.Contains(t, s.leaks[0], name)
		assert.Contains(t, report(s.plan, time.Now(), []*soak{s}), "**leaked**")
	}
}

// What grows as long as the load lasts is a leak, even if it is gone at the end.
func TestWhatGrowsSteadilyIsALeak(t *testing.T) {
	for name, leak := range map[string]func(minute int, s *sample){
		"live heap rose":  func(minute int, s *sample) { s.Live += int64(minute) << 18 },
		"goroutines rose": func(minute int, s *sample) { s.Goroutines += int64(minute) / 2 },
		"open files rose": func(minute int, s *sample) { s.Files += int64(minute) / 2 },
	} {
		leaks := rested(leak).findLeaks()
		require.Len(t, leaks, 1, name)
		assert.Contains(t, leaks[0], name)
	}
}

// What is filled once, at the beginning, doesn't grow.
func TestTheFirstTenthIsNotFitted(t *testing.T) {
	s := rested(func(minute int, s *sample) {
		if minute < 6 {
			s.Live, s.Goroutines = 1<<20, 10
		}
	})
	assert.Empty(t, s.findLeaks())
}

// A leader has more connections than the others. That another leads at the end is no
// leak; that the leader has more than the leader had is.
func TestTheLeadMayMove(t *testing.T) {
	of := func(name string, leads bool, goroutines int64) sample {
		return sample{Node: name, Live: 5 << 20, Anonymous: 20 << 20, Goroutines: goroutines, Files: 40, Leads: leads}
	}
	s := &soak{
		plan: plan{duration: time.Hour}, size: 3, nodes: []*launch.Member{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		level: map[string]sample{"a": of("a", true, 90), "b": of("b", false, 60), "c": of("c", false, 60)},
		final: map[string]sample{"a": of("a", false, 62), "b": of("b", true, 93), "c": of("c", false, 61)},
	}
	for minute := range 60 {
		b := of("b", minute >= 30, 62)
		if b.Leads {
			b.Goroutines = 92
		}
		b.After = time.Duration(minute) * time.Minute
		s.samples = append(s.samples, b)
	}
	assert.Empty(t, s.findLeaks())
	s.final["b"] = of("b", true, 110)
	assert.Len(t, s.findLeaks(), 1)
	s.final["b"] = of("b", false, 90)
	assert.Len(t, s.findLeaks(), 1)
}

func TestALineIsFitted(t *testing.T) {
	assert.InDelta(t, 2, slope([]float64{0, 1, 2, 3}, []float64{5, 7, 9, 11}), 1e-9)
	assert.Zero(t, slope([]float64{1, 1}, []float64{0, 9}))
}
