package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Figures are what a span of a load comes to.
type Figures struct {
	Span       time.Duration
	Operations int // that were answered, refusals too
	Unknown    int
	Rate       float64 // answered operations a second
	P50, P99   time.Duration
	Kinds      map[Kind]int
	Errors     map[string]int // unknown outcomes and unusual refusals, by kind and reason
	// Gap is the longest time in which no strong write was acknowledged.
	Gap time.Duration
}

// String is one line of the figures.
func (f Figures) String() string {
	line := fmt.Sprintf("%d operations in %s: %.0f a second, p50 %s, p99 %s, %d unknown, longest gap in strong writes %s",
		f.Operations, f.Span.Round(time.Second), f.Rate, f.P50.Round(100*time.Microsecond), f.P99.Round(100*time.Microsecond), f.Unknown, f.Gap.Round(time.Millisecond))
	var errors []string
	for _, reason := range slices.Sorted(maps.Keys(f.Errors)) {
		errors = append(errors, fmt.Sprintf("%s × %d", reason, f.Errors[reason]))
	}
	if len(errors) > 0 {
		line += "; " + strings.Join(errors, ", ")
	}
	return line
}

// tally is one line of each operation, so that figures of any span can be told without
// the record.
type tally struct {
	lines   []line
	reasons map[string]uint16
	names   []string
}

// most lines are kept: of a load of hours, the latest.
const mostLines = 2_000_000

type line struct {
	back, took time.Duration
	kind       Kind
	reason     uint16 // 0: it went well
	answered   bool
}

func newTally() tally { return tally{reasons: map[string]uint16{"": 0}, names: []string{""}} }

func (t *tally) add(o *Op) {
	reason := ""
	switch {
	case o.Outcome == Unknown:
		reason = string(o.Kind) + ": " + o.Error
	case o.Status == 429 || o.Status >= 500:
		reason = fmt.Sprintf("%s: %d", o.Kind, o.Status)
	}
	number, known := t.reasons[reason]
	if !known {
		if len(t.names) >= 200 { // errors may say anything
			reason = string(o.Kind) + ": other errors"
		}
		if number, known = t.reasons[reason]; !known {
			number = uint16(len(t.names))
			t.reasons[reason], t.names = number, append(t.names, reason)
		}
	}
	if len(t.lines) >= mostLines {
		t.lines = slices.Delete(t.lines, 0, mostLines/2)
	}
	t.lines = append(t.lines, line{back: o.Return, took: o.Return - o.Call, kind: o.Kind, reason: number, answered: o.Outcome != Unknown})
}

// figures are those of the operations that came back within a span.
func (t *tally) figures(from, to time.Duration) Figures {
	f := Figures{Span: to - from, Kinds: map[Kind]int{}, Errors: map[string]int{}}
	var took []time.Duration
	strong := []time.Duration{from, to}
	for _, l := range t.lines {
		if l.back < from || l.back > to {
			continue
		}
		if l.reason != 0 {
			f.Errors[t.names[l.reason]]++
		}
		if !l.answered {
			f.Unknown++
			continue
		}
		f.Operations++
		f.Kinds[l.kind]++
		took = append(took, l.took)
		if l.kind == Allocate && l.reason == 0 {
			strong = append(strong, l.back)
		}
	}
	slices.Sort(took)
	slices.Sort(strong)
	if n := len(took); n > 0 {
		f.P50, f.P99 = took[n/2], took[n*99/100]
	}
	if f.Span > 0 {
		f.Rate = float64(f.Operations) / f.Span.Seconds()
	}
	for i := 1; i < len(strong); i++ {
		f.Gap = max(f.Gap, strong[i]-strong[i-1])
	}
	return f
}
