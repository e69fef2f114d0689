package policy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Property: the order of rules and their caps is what a naive reading makes of it.
func TestRulesAreTakenAsTheyStand(t *testing.T) {
	matches := map[string]bool{`user == "alice"`: true, `user == "bob"`: false, `offer.cores > 0.0`: true, `offer.cores < 0.0`: false}
	// All rules that there may be are compiled once.
	var all []RuleConfig
	for when := range matches {
		for _, then := range []Outcome{Allow, Deny} {
			all = append(all, RuleConfig{Name: fmt.Sprint("r", len(all)), When: when, Then: then})
		}
		for _, cores := range []int64{2, 5, 8, 10} {
			all = append(all, RuleConfig{Name: fmt.Sprint("r", len(all)), When: when, Then: Limit, Cap: Cap{Cores: &cores}})
		}
	}
	compiled := compiled(t, Config{Rules: all})
	rapid.Check(t, func(t *rapid.T) {
		p := &Policy{}
		wanted, cores, capped, decided := "", int64(8), false, false
		for range rapid.IntRange(0, 12).Draw(t, "rules") {
			i := rapid.IntRange(0, len(all)-1).Draw(t, "rule")
			p.rules = append(p.rules, compiled.rules[i])
			switch r := all[i]; {
			case decided || !matches[r.When]:
			case r.Then == Limit:
				cores, capped = min(cores, *r.Cap.Cores), capped || *r.Cap.Cores <= 8
			case r.Then == Deny:
				wanted, decided = r.Name, true
			case r.Then == Allow:
				decided = true
			}
		}
		d := p.Decide(container("debian"))
		offer := monday()
		offer.Size.Cores = cores
		v := d.Offer(offer)
		if wanted != "" {
			require.False(t, v.Allowed)
			require.Equal(t, wanted, v.Rule)
			return
		}
		require.True(t, d.Allowed, "what denies a request denies all of its offers")
		require.GreaterOrEqual(t, d.Max.Cores, cores, "nor is it cut down by more than they are")
		require.True(t, v.Allowed, "%v", v.Message)
		offer.Size.Cores = cores + 1
		require.Equal(t, !capped, d.Offer(offer).Allowed, "one core more than the least cap")
	})
}
