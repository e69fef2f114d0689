package scheduling

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// plain is a profile as an array, one level for each instant from 0 on.
type plain [300]Resources

func (p *plain) add(w Window, delta Resources) {
	for at := w.Start; at < w.End; at++ {
		p[at] = p[at].Add(delta)
	}
}

func (p *plain) seek(s search) (Instant, bool) {
	for start := s.from; start <= s.latest; start++ {
		good := true
		for at := start; at < s.end(start) && good; at++ {
			good = s.need.Fits(p[at]) || s.zero && p[at].IsZero()
		}
		if good {
			return start, true
		}
	}
	return 0, false
}

// A search finds what a plain scan finds, whatever it has learned before and whatever has changed since.
func TestSeekFindsWhatAPlainScanFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Drawn from a seed: rapid's own draws crowd around small values, and what is to be tested needs a crowd of
		// long and short runs.
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		amount := func(most int64) Resources {
			return Resources{random.Int64N(most), random.Int64N(most), random.Int64N(most), random.Int64N(most)}
		}
		const span = Instant(len(plain{}))
		p, model := newProfile(Resources{}), plain{}
		p.size, p.patience = 1+rapid.IntRange(1, 12).Draw(t, "block size"), random.IntN(2)
		p.add(Window{span, Forever}, Resources{-99, -99, -99, -99})
		change := func(longest int64) {
			start := Instant(random.Int64N(int64(span) - longest))
			w := start.From(Span(1 + random.Int64N(longest)))
			delta := amount(5).Sub(amount(5))
			p.add(w, delta)
			model.add(w, delta)
		}
		for range random.IntN(120) {
			change(20)
		}
		for range 60 {
			if random.IntN(4) == 0 {
				change(200)
			}
			s := search{
				need: amount(8).Sub(amount(8)), length: Span(1 + random.Int64N(12)), latest: Instant(random.Int64N(int64(span))),
				from:      Instant(random.Int64N(int64(span))) / (1 + Instant(random.Int64N(50))),
				heldUntil: Instant(random.Int64N(20)), enough: Forever, zero: random.IntN(4) == 0,
			}
			if random.IntN(4) == 0 {
				s.enough = s.from + Instant(random.Int64N(200))
			}
			s.latest = min(s.latest, s.enough-1, span-40)
			want, wanted := model.seek(s)
			got, found := p.seek(s)
			require.Equal(t, wanted, found, "%+v", s)
			if wanted {
				require.Equal(t, want, got, "%+v", s)
			}
		}
		checkProfile(t, &p)
	})
}

func TestForgettingThePastChangesNothingElse(t *testing.T) {
	p := newProfile(Resources{Cores: 100})
	p.size = 4
	for i := range Instant(50) {
		p.add(Window{i, 100 - i}, Resources{Cores: -1})
	}
	for now := range Instant(99) {
		before := p.level(now)
		p.forget(now)
		require.Equal(t, before, p.level(now))
		require.Equal(t, Resources{Cores: 99}, p.level(99))
		checkProfile(t, &p)
	}
	require.LessOrEqual(t, len(p.blocks), 2)
}
