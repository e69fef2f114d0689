package node

import (
	"math"
	"strconv"

	"starling/api/ivoa"
	"starling/scheduling"
)

// maxRepeats is how many executions one request may ask for.
const maxRepeats = 100_000

// timing reads when, within the requested start, executions may begin, and how
// often. It comes last, since it looks at how long each takes.
func (r *reader) timing() error {
	if r.request.Schedule == nil || r.request.Schedule.Timing == nil {
		return nil
	}
	r.times.Start = r.demand.Start
	if err := r.readTiming(r.request.Schedule.Timing); err != nil {
		return err
	}
	if len(r.objections) > 0 {
		return nil
	}
	if err := r.times.Check(); err != nil {
		r.object(ivoa.MessageInvalidValue, "{path}: {reason}", "path", timingPath, "reason", err.Error())
		return nil
	}
	timed, possible := r.demand.Timed(r.times, scheduling.InstantOf(r.now))
	if !possible {
		r.object(ivoa.MessageInvalidValue, "{path} allows no start from now on, within the start that is requested", "path", timingPath)
	}
	r.demand = timed
	return nil
}

const timingPath = "/schedule/timing"

// readTiming reads the members of each kind.
func (r *reader) readTiming(wire ivoa.Timing) (err error) {
	t := &r.times
	switch w := wire.(type) {
	case *ivoa.FlexibleTiming:
		t.Kind = scheduling.Flexible
	case *ivoa.FixedTiming:
		t.Kind, t.At = scheduling.Fixed, scheduling.InstantOf(w.At.Time)
		r.needTime("/at", w.At)
		if w.Slack != "" {
			t.Slack, err = r.span("/slack", w.Slack, 0)
		}
	case *ivoa.MonitorTiming:
		t.Kind, t.Maximum = scheduling.Monitor, r.maximum(w.Maximum)
		if t.Period, err = r.span("/period", w.Period, 1); err != nil {
			return err
		}
		r.roomFor("/period", t.Period)
		t.Window, err = r.span("/window", w.Window, 0)
		if t.Window > t.Period {
			r.object(ivoa.MessageInvalidValue, "{path} is longer than the period of {period}", "path", timingPath+"/window", "period", w.Period)
		}
	case *ivoa.MinimumIntervalTiming:
		t.Kind, t.Maximum = scheduling.MinimumInterval, r.maximum(w.Maximum)
		t.Interval, err = r.span("/interval", w.Interval, 1)
	case *ivoa.EphemerisTiming:
		t.Kind, t.At, t.Maximum = scheduling.Ephemeris, scheduling.InstantOf(w.Epoch.Time), r.maximum(w.Maximum)
		r.needTime("/epoch", w.Epoch)
		if t.Period, err = r.span("/cycle", w.Cycle, 1); err != nil {
			return err
		}
		r.roomFor("/cycle", t.Period)
		phase, width := r.part("/phase", w.Phase), r.part("/window", w.Window)
		if phase == 1 {
			r.object(ivoa.MessageInvalidValue, "{path} is 1, which is phase 0 of the next cycle: write 0", "path", timingPath+"/phase")
		}
		t.Phase, t.Window = partOf(t.Period, phase), partOf(t.Period, width)
	default:
		r.object(ivoa.MessageUnknownType, "{kind} is no kind of timing that this broker knows", "kind", wire.KindOfTiming())
	}
	return err
}

// span reads a duration of at least so many milliseconds.
func (r *reader) span(name, text string, least scheduling.Span) (scheduling.Span, error) {
	if text == "" {
		r.need(timingPath+name, text)
		return 0, nil
	}
	d, err := ivoa.ParseDuration(text)
	if err != nil {
		return 0, &Problem{Code: CodeInvalid, Field: timingPath + name, Detail: err.Error()}
	}
	span := scheduling.SpanOf(d)
	switch {
	case span < 0:
		r.object(ivoa.MessageInvalidValue, "{path} is {value}: it must not be negative", "path", timingPath+name, "value", text)
		span = 0
	case span < least:
		r.object(ivoa.MessageInvalidValue, "{path} is {value}: it must be more than nothing", "path", timingPath+name, "value", text)
	}
	return span, nil
}

// roomFor looks whether one execution ends before the next is to begin.
func (r *reader) roomFor(name string, period scheduling.Span) {
	if total := r.demand.Total(); period > 0 && period < total {
		r.object(ivoa.MessageInvalidValue, "{path} is {period}, but each execution takes {total}, its preparation and release included",
			"path", timingPath+name, "period", ivoa.FormatDuration(period.Duration()), "total", ivoa.FormatDuration(total.Duration()))
	}
}

func (r *reader) needTime(name string, at ivoa.Time) {
	if at.IsZero() {
		r.need(timingPath+name, "")
	}
}

// maximum reads how often work is to be executed; 0 is without a limit.
func (r *reader) maximum(wanted *int64) int {
	if wanted == nil {
		return 0
	}
	if *wanted < 1 || *wanted > maxRepeats {
		r.object(ivoa.MessageInvalidValue, "{path} is {value}: it must be from 1 to {limit}", "path", timingPath+"/maximum",
			"value", strconv.FormatInt(*wanted, 10), "limit", strconv.Itoa(maxRepeats))
		return 1
	}
	return int(*wanted)
}

// part reads a part of a cycle, from 0 to 1.
func (r *reader) part(name string, wanted *float64) float64 {
	switch {
	case wanted == nil:
		r.need(timingPath+name, "")
	case !(*wanted >= 0 && *wanted <= 1):
		r.object(ivoa.MessageInvalidValue, "{path} is {value}: it is a part of the cycle, from 0 to 1", "path", timingPath+name,
			"value", strconv.FormatFloat(*wanted, 'g', -1, 64))
	default:
		return *wanted
	}
	return 0
}

// partOf is a part of a cycle, to the millisecond.
func partOf(cycle scheduling.Span, part float64) scheduling.Span {
	return scheduling.Span(math.Round(float64(cycle) * part))
}

// intervalOf writes a window as people and the API read it; "" where it has no
// ends.
func intervalOf(w scheduling.StartInterval) string {
	if w.Earliest <= scheduling.Beginning || w.Latest >= scheduling.Forever {
		return ""
	}
	return ivoa.FormatInterval(ivoa.Interval{Start: w.Earliest.Time(), End: w.Latest.Time()})
}
