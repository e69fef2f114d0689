package check

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"starling/deploy/faults/load"
)

// counting is an operation on a purse: one more, or how many there are.
type counting struct {
	adds    bool
	shows   int
	unknown bool
}

// purse is the model: a counter.
func purse() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{0} },
		Step: func(before, _, output any) []any {
			n, o := before.(int), output.(counting)
			switch {
			case o.adds && o.unknown:
				return []any{n, n + 1}
			case o.adds:
				return []any{n + 1}
			case o.shows == n:
				return []any{n}
			}
			return nil
		},
		Hash: func(n any) uint64 { return uint64(n.(int)) },
	}
	return model.ToModel()
}

// strongWrites checks promise 5: what treasurers allocated, and strong reads showed, has
// one order; and nothing that was acknowledged is gone, or was done twice.
func (c *checker) strongWrites() {
	histories := map[string][]porcupine.Operation{}
	sure, doubtful := map[string]int{}, map[string]int{}
	for _, o := range c.record.Ops {
		op := porcupine.Operation{Input: struct{}{}, Call: int64(o.Call), Return: int64(o.Return)}
		switch {
		case o.Kind == load.Allocate && o.Outcome == load.Acknowledged:
			op.Output = counting{adds: true}
			sure[o.Object]++
		case o.Kind == load.Allocate && o.Outcome == load.Unknown:
			op.Output, op.Return = counting{adds: true, unknown: true}, math.MaxInt64
			doubtful[o.Object]++
		case o.Kind == load.Allocated && len(o.Seen) == 1:
			n, err := strconv.Atoi(o.Seen[0])
			if err != nil {
				c.broken(5, "purse "+o.Object, "%s shows %q in it, where ones were put", o.Site(), o.Seen[0])
				continue
			}
			op.Output = counting{shows: n}
		default:
			continue
		}
		histories[o.Object] = append(histories[o.Object], op)
	}
	model := purse()
	until := time.Now().Add(enough)
	for id, history := range histories {
		c.looked("purses with one order of all strong writes and reads", 1)
		c.looked("strong writes and reads", len(history))
		c.ordered(model, history, until, 5, "purse "+id)
	}
	for _, t := range c.told {
		for id := range sure {
			has := 0
			for _, b := range t.budgets {
				if b.Owner == "proposal:"+id {
					has, _ = strconv.Atoi(b.Allocated)
				}
			}
			if has < sure[id] || has > sure[id]+doubtful[id] {
				c.broken(5, "purse "+id, "%s has %d in it; %d strong writes were acknowledged, and of %d more it isn't known", t.site.Name, has, sure[id], doubtful[id])
			}
		}
	}
}

// shown is what a strong read of a session's history showed: each attempt, and how it
// had ended, "" if it hadn't.
func shown(o *load.Op) map[string]string {
	all := map[string]string{}
	for _, line := range o.Seen {
		ref, phase, _ := strings.Cut(line, " ")
		switch phase {
		case "DESPATCHED", "RUNNING", "STALLED":
			phase = ""
		}
		all[ref] = phase
	}
	return all
}

// strongReads checks promise 5: a strong read shows all that any strong read before it
// has shown, and what has ended stays as it is.
func (c *checker) strongReads() {
	model := porcupine.Model{
		Init: func() any { return map[string]string{} },
		Step: func(before, _, output any) (bool, any) {
			now := output.(map[string]string)
			for ref, phase := range before.(map[string]string) {
				if again, is := now[ref]; !is || phase != "" && again != phase {
					return false, before
				}
			}
			return true, now
		},
		Equal: func(a, b any) bool { return maps.Equal(a.(map[string]string), b.(map[string]string)) },
	}
	histories := map[string][]porcupine.Operation{}
	for _, o := range c.record.Ops {
		if o.Kind == load.Told && o.Outcome == load.Acknowledged {
			histories[o.Object] = append(histories[o.Object], porcupine.Operation{Input: struct{}{}, Call: int64(o.Call), Return: int64(o.Return), Output: shown(o)})
		}
	}
	until := time.Now().Add(enough)
	for id, history := range histories {
		c.looked("strong reads of histories", len(history))
		c.ordered(model, history, until, 5, "history of session "+id)
	}
}

// minorities checks that no site without a majority acknowledged anything strong.
func (c *checker) minorities() {
	for _, cut := range c.options.Cut {
		for _, o := range c.record.Ops {
			if o.Kind != load.Allocate && o.Kind != load.Allocated && o.Kind != load.Told || o.Site() != cut.Site || o.Outcome == load.Unknown {
				continue
			}
			if o.Call < cut.From || o.Return > cut.To {
				continue
			}
			c.looked("answers of sites without a majority", 1)
			if o.Outcome == load.Acknowledged {
				c.broken(5, string(o.Kind)+" of "+o.Object, "%s acknowledged it %s after it was cut off from the majority", o.Site(), o.Return-cut.From)
			}
		}
	}
}

// describe is a history in a line, in the order of its calls.
func describe(history []porcupine.Operation) string {
	history = slices.Clone(history)
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var all []string
	for _, op := range history {
		back := "never"
		if op.Return != math.MaxInt64 {
			back = time.Duration(op.Return).Round(time.Millisecond).String()
		}
		all = append(all, fmt.Sprintf("%s–%s %s", time.Duration(op.Call).Round(time.Millisecond), back, say(op.Output)))
		if len(all) == 60 {
			all = append(all, "…")
			break
		}
	}
	return strings.Join(all, "; ")
}

func say(output any) string {
	switch o := output.(type) {
	case seen:
		if o.unknown {
			return string(o.kind) + "?"
		}
		did := " refused, "
		if o.did {
			did = " done, "
		}
		return string(o.kind) + did + string(o.state)
	case counting:
		switch {
		case o.unknown:
			return "+1?"
		case o.adds:
			return "+1"
		}
		return fmt.Sprint("shows ", o.shows)
	}
	return fmt.Sprint(output)
}
