package main

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

// tellEnd tells how a session ended: when, what it cost, what it left, and how
// to get it. What the node doesn't know is left out.
func (a *app) tellEnd(ctx context.Context, c *client.Client, session *ivoa.Session, told *story) {
	id := session.UUID()
	times := told.times()
	if series := seriesText(session); series != "" {
		times = ": " + series + "; of the last one:"
	}
	say(a.err, "%s%s%s", session.Phase, at(factsOf(session).site), times)
	a.printMessages(warnings(messagesOf(&session.Component)))
	if session.Phase == ivoa.SessionFailed {
		a.tellStderr(ctx, c, id)
	}
	a.tellAttempts(ctx, c, id)
}

// tellAttempts says what the last attempt at a session used, cost and left.
func (a *app) tellAttempts(ctx context.Context, c *client.Client, id string) {
	if attempts, err := c.History(ctx, client.HistoryFilter{Session: id, Limit: 1}, false); err == nil && len(attempts.History) > 0 {
		a.tellAttempt(&attempts.History[0])
	}
	if files, err := c.Files(ctx, id); err == nil {
		a.tellFiles(id, files.Files)
	}
}

// times says how long a session waited and ran.
func (s *story) times() string {
	if s.accepted.IsZero() || s.ended.IsZero() {
		return ""
	}
	if s.running.IsZero() || s.ended.Equal(s.running) {
		return " after " + words.Duration(s.ended.Sub(s.accepted))
	}
	return ": waited " + words.Duration(s.running.Sub(s.accepted)) + ", ran " + words.Duration(s.ended.Sub(s.running))
}

// point writes one point of the ending.
func (a *app) point(name, text string) {
	labelled(a.err, a.errWidth, len("  footprint  "), strings.TrimRight("  "+name, " "), text)
}

// tellAttempt says what the last attempt used and cost.
func (a *app) tellAttempt(h *accounting.HistoryEntry) {
	charged, estimate := money(h.Billed()), money(h.Estimate)
	if charged == "" && estimate != "" {
		charged = "nothing"
	}
	if estimate != "" {
		charged += ", of " + estimate + " estimated"
	}
	a.point("charged", charged)
	a.point("footprint", footprint(h.Billed()))
	a.point("used", quantities(h.Resources))
}

// money is what is to be paid, or "".
func money(list []accounting.Quantity) string {
	return quantities(only(list, accounting.Monetary))
}

// footprint is energy and carbon, or "".
func footprint(list []accounting.Quantity) string {
	return quantities(only(list, accounting.Energy, accounting.Carbon))
}

// only returns the quantities of some resources.
func only(list []accounting.Quantity, names ...accounting.Resource) []accounting.Quantity {
	return slices.DeleteFunc(slices.Clone(list), func(q accounting.Quantity) bool {
		return !slices.Contains(names, q.Name)
	})
}

// quantities lists amounts but for nothings: "0.02 EUR, 0.008 kWh energy, 120
// core-seconds".
func quantities(list []accounting.Quantity) string {
	var parts []string
	for _, q := range list {
		amount := words.Decimal(string(q.Amount.Format(q.Unit)))
		switch {
		case q.Amount == 0:
			continue
		case q.Unit == accounting.Bytes:
			amount = words.Size(int64(q.Amount))
		case q.Unit != "" && !strings.HasSuffix(string(q.Name), "-seconds"):
			amount += " " + string(q.Unit)
		}
		if q.Name != accounting.Monetary {
			amount += " " + string(q.Name)
		}
		parts = append(parts, words.Clean(amount))
	}
	return strings.Join(parts, ", ")
}

// maxNamed is how many files are named at the end of a session.
const maxNamed = 10

// tellFiles names what a session has left, but for the output that was shown.
func (a *app) tellFiles(id string, files []client.File) {
	files = slices.DeleteFunc(files, func(f client.File) bool { return f.Name == client.Stdout || f.Name == client.Stderr })
	if len(files) == 0 {
		return
	}
	var total int64
	for _, f := range files {
		total += f.Bytes
	}
	a.point("files", words.Many(len(files), "file")+", "+words.Size(total)+":")
	for _, f := range files[:min(len(files), maxNamed)] {
		a.point("", f.Name+", "+words.Size(f.Bytes))
	}
	if len(files) > maxNamed {
		a.point("", "and "+words.Many(len(files)-maxNamed, "more file"))
	}
	a.point("", "`starling files "+id+" --all -d DIR` fetches them")
}

// lastLines is how much of its standard error is shown of a failed session.
const (
	lastLines = 10
	lastBytes = 4096
)

// tellStderr shows the end of a session's standard error.
func (a *app) tellStderr(ctx context.Context, c *client.Client, id string) {
	end := &lastPart{}
	if c.CopyOutput(ctx, id, client.Stderr, false, end) != nil {
		return
	}
	lines := bytes.Split(bytes.TrimSpace(end.kept), []byte("\n"))
	if len(lines[0]) == 0 {
		return
	}
	say(a.err, "  the end of its standard error (all of it: `starling logs --stderr %s`):", id)
	for _, line := range lines[max(0, len(lines)-lastLines):] {
		say(a.err, "  | %s", words.Clean(string(line)))
	}
}

// lastPart keeps the end of what is written to it.
type lastPart struct{ kept []byte }

func (l *lastPart) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p...)
	if len(l.kept) > lastBytes {
		l.kept = append(l.kept[:0], l.kept[len(l.kept)-lastBytes:]...)
	}
	return len(p), nil
}
