package policy

import (
	"fmt"
	"testing"
)

// hundred are rules of the sorts that sites write, none of which decides: that is
// the most work.
func hundred() (rules []RuleConfig) {
	conditions := []string{
		`user == "user%d"`,
		`"group%d" in groups`,
		`proposal == "P-%d" && cores.max > 64.0`,
		`executable.registry == "registry%d.example.org"`,
		`executable.repository.startsWith("evil%d/")`,
		`executable.kind == "process" && memory.min > %d.0`,
		`hours > 24.0 && !("long%d" in groups)`,
		`executable.tag == "latest%d"`,
		`data.exists(d, d.host == "host%d.example.org")`,
		`executable.image.matches("^ghcr[.]io/x%d/")`,
	}
	for i := range 100 {
		rules = append(rules, deny(fmt.Sprintf("r%d", i), fmt.Sprintf(conditions[i%len(conditions)], i)))
	}
	return rules
}

func BenchmarkDecide100Rules(b *testing.B) {
	p := compiled(b, Config{Rules: hundred()})
	r := container("ghcr.io/ska/pulsars:1")
	b.ReportAllocs()
	for b.Loop() {
		if !p.Decide(r).Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkOffer100Rules(b *testing.B) {
	rules := hundred()
	for i := range rules[:10] {
		rules[i].When = `offer.price["monetary"] > 100.0 || offer.timeOfDay < "00:00"`
	}
	p := compiled(b, Config{Rules: rules})
	d := p.Decide(container("ghcr.io/ska/pulsars:1"))
	o := monday()
	b.ReportAllocs()
	for b.Loop() {
		if !d.Offer(o).Allowed {
			b.Fatal("denied")
		}
	}
}
