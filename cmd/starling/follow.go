package main

import (
	"context"
	"io"
	"time"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/progress"
	"starling/cmd/starling/internal/words"
)

// story is what has been heard of a session while it was watched.
type story struct {
	phase    ivoa.SessionPhase
	since    time.Time // the beginning of the phase
	accepted time.Time
	running  time.Time
	ended    time.Time // the end of the run, or of the session
	start    time.Time // when the offer said it would begin
	fraction *float64
	last     string // the last line of its log
}

// follow watches a session to its end, showing how it goes. With a tail, what it
// writes to its standard output is copied there.
func (a *app) follow(ctx context.Context, c *client.Client, session *ivoa.Session, tail bool) (*story, error) {
	line := progress.NewLine(a.err, a.errWidth > 0, a.errWidth)
	defer line.Clear()
	told := &story{phase: session.Phase, since: a.now(), start: factsOf(session).start}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan heard)
	go listen(ctx, c, session.UUID(), events)
	defer func() {
		cancel()
		for range events { // until the listener has ended
		}
	}()
	t := &tailer{app: a, client: c, id: session.UUID(), line: line, wanted: tail}
	defer t.stop()

	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case next, open := <-events:
			if !open {
				t.finish(a.timeout)
				return told, ctx.Err()
			}
			if next.err != nil {
				return told, next.err
			}
			told.take(next.event, line)
			t.consider(ctx, told.phase)
		case <-second.C:
		}
		line.Show(told.line(a.now()))
	}
}

type heard struct {
	event client.Event
	err   error
}

// listen passes on what is heard, and closes the channel at the end.
func listen(ctx context.Context, c *client.Client, id string, to chan<- heard) {
	defer close(to)
	for event, err := range c.Watch(ctx, id) {
		select {
		case to <- heard{event, err}:
		case <-ctx.Done():
			return
		}
	}
}

// take adds an event to the story, and says what is worth a line.
func (s *story) take(e client.Event, line *progress.Line) {
	switch e.Type {
	case client.EventPhase:
		s.enter(e)
		// What came before is known, and what is last is told at length.
		if !line.Terminal() && e.Phase != ivoa.SessionOffered && !client.Terminal(e.Phase) {
			line.Say(string(e.Phase))
		}
	case client.EventProgress:
		before := s.fraction
		s.fraction = e.Progress
		if e.Message != "" {
			s.last = e.Message
		}
		if !line.Terminal() && e.Progress != nil && (before == nil || int(*e.Progress*10) > int(*before*10)) {
			line.Say(words.Percent(*e.Progress))
		}
	case client.EventLog:
		s.last = e.Message
	case client.EventMessage:
		line.Say("  " + e.Message)
	}
}

func (s *story) enter(e client.Event) {
	s.phase, s.since = e.Phase, e.Time
	s.fraction, s.last = nil, "" // of what was done before
	switch e.Phase {
	case ivoa.SessionAccepted:
		s.accepted = e.Time
	case ivoa.SessionRunning: // perhaps not for the first time
		s.running, s.ended = e.Time, time.Time{}
	}
	if s.ended.IsZero() && (e.Phase == ivoa.SessionReleasing || client.Terminal(e.Phase)) {
		s.ended = e.Time
	}
}

// barWidth is the width of a progress bar in characters.
const barWidth = 20

// line is the story in one line: phase, time, progress, last word.
func (s *story) line(now time.Time) string {
	text := string(s.phase)
	waits := s.phase == ivoa.SessionAccepted || s.phase == ivoa.SessionWaiting
	if waits && s.start.After(now) {
		text += ", starts " + words.Start(s.start, now)
	} else if elapsed := now.Sub(s.since).Truncate(time.Second); elapsed > 0 {
		text += "  " + words.Duration(elapsed)
	}
	if s.fraction != nil {
		text += "  " + bar(*s.fraction) + " " + words.Percent(*s.fraction)
	}
	if s.last != "" {
		text += "  " + s.last
	}
	return text
}

func bar(fraction float64) string {
	full := int(min(max(fraction, 0), 1) * barWidth)
	done, rest := make([]byte, full), make([]byte, barWidth-full)
	for i := range done {
		done[i] = '#'
	}
	for i := range rest {
		rest[i] = '.'
	}
	return "[" + string(done) + string(rest) + "]"
}

// tailer copies a session's standard output while it runs.
type tailer struct {
	app    *app
	client *client.Client
	id     string
	line   *progress.Line
	wanted bool

	cancel context.CancelFunc
	done   chan struct{}
}

// consider begins the copy as soon as there can be something to copy.
func (t *tailer) consider(ctx context.Context, phase ivoa.SessionPhase) {
	runs := phase == ivoa.SessionRunning || phase == ivoa.SessionReleasing ||
		phase == ivoa.SessionCompleted || phase == ivoa.SessionFailed
	if !t.wanted || !runs || t.done != nil {
		return
	}
	ctx, t.cancel = context.WithCancel(ctx)
	t.done = make(chan struct{})
	go func() {
		defer close(t.done)
		var out io.Writer = t.app.out
		if t.app.outWidth > 0 && t.line.Terminal() {
			above := t.line.Through(t.app.out)
			defer above.Close()
			out = above
		}
		// What can't be shown now can be had with `starling logs`.
		_ = t.client.CopyOutput(ctx, t.id, client.Stdout, true, out)
	}()
}

// finish waits until all has been copied, but not for ever.
func (t *tailer) finish(patience time.Duration) {
	if t.done == nil {
		return
	}
	select {
	case <-t.done:
	case <-time.After(patience):
	}
}

func (t *tailer) stop() {
	if t.done == nil {
		return
	}
	t.cancel()
	<-t.done
}
