package chronicle

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"starling/accounting"
	"starling/node/store"
)

// mostStaged bounds how many data are told of one by one.
const mostStaged = 20

// prepared says how long each datum took to come, from where, and how fast.
func (t *teller) prepared(c *Chapter) {
	a := t.attempt(c.Attempt)
	if a == nil {
		return
	}
	told := 0
	for _, action := range a.Actions {
		n, staged := stageNumber(action.ID)
		if !staged {
			continue
		}
		if told++; told > mostStaged {
			t.add(c, store.Millis(c.From), kindData, "and further data; the history of the attempt has them all")
			return
		}
		t.staged(c, action, n)
	}
}

// stageNumber is the place of a datum that an action fetches, from 1.
func stageNumber(action string) (n int, is bool) {
	text, is := strings.CutPrefix(action, "stage-")
	if !is {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}

func (t *teller) staged(c *Chapter, action accounting.Action, n int) {
	from, bytes := "a place that isn't known", int64(0)
	if t.Session != nil && n <= len(t.Session.Staging) {
		s := t.Session.Staging[n-1]
		if s.Source != "" {
			from = s.Source
		}
		bytes = s.Bytes
	}
	pairs := []string{"number", count(n), "source", from}
	at := store.Millis(action.Started)
	switch {
	case action.Failed > 0:
		t.add(c, at, kindData, "datum {number} from {source}: {problem}", append(pairs, "problem", action.Message)...)
	case action.Started == 0 || action.Completed == 0:
		t.add(c, at, kindData, "datum {number} from {source} isn't here yet", pairs...)
	default:
		took := seconds(store.Millis(action.Completed - action.Started))
		template := "datum {number} from {source} took {time}"
		pairs = append(pairs, "time", span(took))
		if bytes > 0 {
			template += ": {amount}"
			pairs = append(pairs, "amount", size(float64(bytes)), "bytes", strconv.FormatInt(bytes, 10))
		}
		if bytes > 0 && took > 0 {
			template += ", {rate}/s"
			pairs = append(pairs, "rate", size(float64(bytes)/took))
		}
		t.add(c, at, kindData, template, pairs...)
	}
}

// released says what was kept.
func (t *teller) released(c *Chapter) {
	a := t.attempt(c.Attempt)
	if a == nil || len(a.Files) == 0 {
		return
	}
	bytes := 0.0
	for _, f := range a.Files {
		bytes += float64(f.Bytes)
	}
	t.add(c, store.Millis(c.From), kindEvent, "{count} files are kept, {amount}", "count", count(len(a.Files)+a.Omitted), "amount", size(bytes))
}

// account says what each attempt was charged, at the end.
func (t *teller) account() {
	if len(t.out.Chapters) == 0 {
		return
	}
	c := &t.out.Chapters[len(t.out.Chapters)-1]
	for _, a := range t.Attempts {
		for _, q := range a.Billed() {
			if q.Name != accounting.Monetary {
				continue
			}
			template, pairs := "attempt {attempt} is charged {amount} {unit}", []string{"attempt", count(a.Attempt), "amount", string(q.Amount.Format(q.Unit)), "unit", string(q.Unit)}
			for _, e := range a.Estimate {
				if e.Name == q.Name && e.Unit == q.Unit {
					template, pairs = template+", of {held} that were held", append(pairs, "held", string(e.Amount.Format(e.Unit)))
				}
			}
			t.add(c, ended(a), kindAccount, template, pairs...)
		}
	}
}

// size is a number of bytes for people.
func size(bytes float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for len(units) > 1 && bytes >= 1024 {
		bytes, units = bytes/1024, units[1:]
	}
	if bytes < 10 && bytes != math.Trunc(bytes) {
		return fmt.Sprintf("%.1f %s", bytes, units[0])
	}
	return fmt.Sprintf("%.0f %s", bytes, units[0])
}
