package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"starling/consensus"
)

// What is wanted of a long history: ten million attempts on a machine with 2 GiB.
const (
	historyMost   = 10_000_000
	historyMemory = 2 << 30 / 1e6 // MB
)

// historySizes are the lengths of the histories that are compared, in attempts.
var historySizes = []int{100_000, 300_000, 1_000_000}

// A histories is what was measured of a node with a history of some length.
type histories struct {
	attempts  int
	opened    time.Duration            // from the start to the first answer, where the last process was killed
	reopened  time.Duration            // … where it was stopped, and has left a list of free pages
	file      float64                  // MB
	memory    resident                 // after all the reading and writing, and some rest
	reads     map[string]time.Duration // p50
	written   pace
	exported  map[string]float64 // rows a second
	exporting float64            // MB of its own that the node has at most meanwhile
}

// history measures what becomes of a node's memory and its answers as the history grows.
func history(ctx context.Context, l *lab) (err error) {
	dir, err := os.MkdirTemp(l.Dir, "starling-history-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data := filepath.Join(dir, "data")
	var all []histories
	have := 0
	for _, size := range historySizes {
		l.tell("  %d attempts are being recorded", size-have)
		if err := grow(data, have, size); err != nil {
			return err
		}
		have = size
		h, err := l.ofLength(ctx, data, size)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	l.noteHistories(all)
	return nil
}

// ofLength measures one node.
func (l *lab) ofLength(ctx context.Context, data string, attempts int) (h histories, err error) {
	h = histories{attempts: attempts, reads: map[string]time.Duration{}, exported: map[string]float64{}}
	info, err := os.Stat(filepath.Join(data, consensus.StateFile))
	if err != nil {
		return h, err
	}
	h.file = float64(info.Size()) / 1e6
	begun := time.Now()
	n, err := l.startIn(ctx, data, "--executors", "simulator")
	if err != nil {
		return h, err
	}
	h.opened = time.Since(begun)
	defer func() { err = errors.Join(err, n.Stop(time.Minute)) }()
	for name, path := range historyReads(attempts) {
		times := int64(50)
		if name == rarest {
			times = 5
		}
		p, err := n.put(ctx, load{clients: 1, times: times, do: func(ctx context.Context, c *client) error {
			_, err := c.want(ctx, http.StatusOK, http.MethodGet, path, nil)
			return err
		}})
		if err != nil {
			return h, err
		}
		h.reads[name] = p.percentile(50)
	}
	const sessions = 1000
	request := job{cores: 1, duration: time.Minute}.request()
	h.written, err = n.put(ctx, load{clients: clients, times: sessions, do: func(ctx context.Context, c *client) error {
		_, err := c.book(ctx, request)
		return err
	}})
	if err != nil {
		return h, err
	}
	if _, err := n.settle(ctx, sessions); err != nil {
		return h, err
	}
	for _, form := range exportForms {
		e, err := n.export(ctx, form)
		if err != nil {
			return h, err
		}
		if e.rows < attempts {
			return h, fmt.Errorf("an export of %d attempts has %d rows", attempts, e.rows)
		}
		h.exported[form], h.exporting = float64(e.rows)/e.took.Seconds(), max(h.exporting, e.memory)
	}
	if err := pause(ctx, rest); err != nil {
		return h, err
	}
	if h.memory, err = n.resident(); err != nil {
		return h, err
	}
	h.reopened, err = l.reopen(ctx, n, data)
	return h, err
}

// reopen stops a node and starts it again.
func (l *lab) reopen(ctx context.Context, n *node, data string) (took time.Duration, err error) {
	if err := n.Stop(time.Minute); err != nil {
		return 0, err
	}
	begun := time.Now()
	again, err := l.startIn(ctx, data, "--executors", "simulator")
	if err != nil {
		return 0, err
	}
	return time.Since(begun), again.Stop(time.Minute)
}

// rarest is the slowest question: it looks at 50,000 attempts, which is all that one page may.
const rarest = "a page of a phase that nothing is in"

// historyReads are typical questions.
func historyReads(attempts int) map[string]string {
	middle := chargedAt(attempts / 2).Time()
	from, to := middle.Format(time.RFC3339), middle.Add(time.Second).Format(time.RFC3339)
	return map[string]string{
		"newest page of 100":              "/history",
		"one attempt":                     "/history/" + chargedRef(attempts/2),
		"a page of one user":              "/history?user=user-7",
		"a page from the middle, by time": "/history?since=" + from + "&until=" + to,
		rarest:                            "/history?phase=ABANDONED",
		"accounts of one user":            "/accounts?owner=user-7",
		"statement of one user":           "/statements?owner=user-7&period=2026B",
		"budgets":                         "/budgets?limited=true",
	}
}

// noteHistories compares.
func (l *lab) noteHistories(all []histories) {
	last := all[len(all)-1]
	across := func(of func(histories) string) string {
		parts := make([]string, len(all))
		for i, h := range all {
			parts[i] = of(h)
		}
		return strings.Join(parts, ", ")
	}
	sizes := across(func(h histories) string { return fmt.Sprint(h.attempts) })
	for _, name := range slices.Sorted(maps.Keys(last.reads)) {
		note := across(func(h histories) string { return fmt.Sprintf("%.2f", millis(h.reads[name])) })
		l.note(latency(name+", p50", last.reads[name], 0, fmt.Sprintf("of %d attempts; with %s: %s", last.attempts, sizes, note)))
	}
	l.note(rate("sessions, unwatched", last.written, 0, "; before: "+across(func(h histories) string { return fmt.Sprintf("%.0f", h.written.rate()) })))
	for _, form := range exportForms {
		note := across(func(h histories) string { return fmt.Sprintf("%.0f", h.exported[form]) })
		l.note(Figure{Name: "rows exported as " + form, Value: last.exported[form], Unit: "/s", Rate: true, Note: note})
	}
	l.note(size("memory while it exports, at most", last.exporting, 0, across(func(h histories) string { return fmt.Sprintf("%.0f", h.exporting) })))
	l.note(Figure{Name: "file of the state", Value: last.file, Unit: "MB", Note: across(func(h histories) string { return fmt.Sprintf("%.0f", h.file) })})
	l.note(Figure{Name: "from start to ready, stopped", Value: last.reopened.Seconds(), Unit: "s", Note: across(func(h histories) string { return fmt.Sprintf("%.2f", h.reopened.Seconds()) })})
	l.note(Figure{Name: "from start to ready, killed", Value: last.opened.Seconds(), Unit: "s", Note: across(func(h histories) string { return fmt.Sprintf("%.2f", h.opened.Seconds()) })})
	l.note(size("memory", last.memory.anonymous, 0, across(func(h histories) string { return fmt.Sprintf("%.0f", h.memory.anonymous) })+
		fmt.Sprintf("; and %.0f of pages of mapped files", last.memory.files)))
	first := all[0]
	slope := (last.memory.anonymous - first.memory.anonymous) / float64(last.attempts-first.attempts)
	l.note(Figure{Name: "memory for a million attempts more", Value: slope * 1e6, Unit: "MB"})
	l.note(size("memory with ten million, at that", last.memory.anonymous+max(0, slope)*float64(historyMost-last.attempts), historyMemory, "on a machine of 2 GiB"))
}
