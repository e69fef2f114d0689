package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling/transfer"
)

// Bounds of what executors report.
const (
	maxReport  = 1000    // updates of one report
	maxUpdates = 100_000 // of one attempt
	maxFiles   = 10_000  // of one attempt
)

// Report takes an executor's updates: those that are new are recorded, in order
// and durably, those that came before are counted as duplicates. It renews the
// lease. With patience, the answer is held back until there is an order for the
// executor, as long as the patience lasts.
func (b *Broker) Report(ctx context.Context, caller identity.Caller, ref identity.UUID, report despatch.Updates, patience time.Duration) (despatch.UpdatesAnswer, error) {
	var answer despatch.UpdatesAnswer
	if err := checkUpdates(report.Updates); err != nil {
		return answer, err
	}
	if err := b.writable(); err != nil {
		return answer, err
	}
	defer b.guard()
	b.mu.Lock()
	a, err := b.attemptFor(caller, ref, report.Fence)
	if err != nil {
		b.mu.Unlock()
		return answer, b.lateReport(accounting.Ref(ref.String()), report, b.overdue(caller, ref, err))
	}
	if err := b.checkConnectors(a, report.Updates); err != nil {
		b.mu.Unlock()
		return answer, err
	}
	fresh, digests, duplicates := a.sift(report.Updates)
	answer.Accepted, answer.Duplicates = len(report.Updates)-duplicates, duplicates
	ticket, err := b.take(a, fresh, digests)
	if ticket == nil && duplicates > 0 {
		// What it repeats may not be durable yet; the executor will forget it.
		ticket = b.submit(write{})
	}
	a.renew(b.now())
	a.waiting++
	b.mu.Unlock()

	defer b.heard(a)
	if err != nil {
		return answer, err
	}
	if ticket != nil {
		if err := wait(ticket); err != nil {
			return answer, err
		}
	}
	b.awaitOrder(ctx, a, patience)
	b.mu.Lock()
	answer.Stop, answer.Lease = a.stop, a.renew(b.now())
	b.mu.Unlock()
	return answer, nil
}

// awaitOrder waits until there is an order for an attempt's executor.
func (b *Broker) awaitOrder(ctx context.Context, a *attempt, patience time.Duration) {
	// A report that is held for longer than half a lease would risk it.
	patience = min(patience, maxWait, time.Duration(a.span)*time.Millisecond/2)
	if patience <= 0 {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-a.stopped:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// heard renews the lease at the end of a report.
func (b *Broker) heard(a *attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a.waiting--
	a.renew(b.now())
}

// settle waits until everything that was decided before is durable, so that
// what is stored can be relied on.
func (b *Broker) settle() error {
	b.mu.Lock()
	ticket := b.submit(write{})
	b.mu.Unlock()
	return wait(ticket)
}

// errEnded says that an attempt is not in progress; overdue says why.
var errEnded = errors.New("the attempt is not in progress")

// overdue says what became of an attempt that is not in progress; other errors
// stay as they are.
func (b *Broker) overdue(caller identity.Caller, ref identity.UUID, err error) error {
	if !errors.Is(err, errEnded) {
		return err
	}
	if err := b.settle(); err != nil {
		return err
	}
	if _, err := b.attemptKept(caller, ref); err != nil {
		return err
	}
	return problem(CodeConflict, "attempt %s has ended: its lease was lost, or it was completed", ref)
}

// lateReport keeps a note of a report that came too late, and returns why it
// was refused.
func (b *Broker) lateReport(ref accounting.Ref, report despatch.Updates, refused error) error {
	p, ok := refused.(*Problem)
	if !ok || p.Code != CodeConflict {
		return refused
	}
	now := b.now()
	var notes []accounting.Command
	for _, u := range report.Updates {
		if u.Type != despatch.Heartbeat && len(notes) < 10 {
			notes = append(notes, accounting.AddNote{
				Ref: ref, Key: accounting.Key("late-" + u.Key), Time: accounting.Instant(now),
				Text: fmt.Sprintf("refused, too late: %s, with fence %d", lateText(u), report.Fence),
			})
		}
	}
	b.keepNotes(notes)
	return refused
}

// lateText is what an update that came too late would have said, in short.
func lateText(u despatch.Update) string {
	text := strings.Join(slices.DeleteFunc([]string{string(u.Type), u.Action, u.Message}, func(s string) bool { return s == "" }), " ")
	if u.Exposure != nil {
		text += " " + u.Exposure.ID
	}
	return strings.ToValidUTF8(text[:min(len(text), 300)], "")
}

// keepNotes adds notes to the record.
func (b *Broker) keepNotes(notes []accounting.Command) {
	var good []accounting.Command
	for _, n := range notes {
		if n.Validate() == nil {
			good = append(good, n)
		}
	}
	if len(good) == 0 {
		return
	}
	b.mu.Lock()
	ticket := b.submit(write{commands: good})
	b.mu.Unlock()
	if err := ticket.Wait(); err != nil {
		b.log.Warn("a note of a late report is lost", "error", err)
	}
}

// checkUpdates refuses a report that makes no sense, as a whole.
func checkUpdates(updates []despatch.Update) error {
	if len(updates) > maxReport {
		return problem(CodeInvalid, "%d updates in one report; send at most %d at a time", len(updates), maxReport)
	}
	for i, u := range updates {
		if u.Type == despatch.Heartbeat {
			continue
		}
		if u.Bytes < 0 {
			return &Problem{Code: CodeInvalid, Field: fmt.Sprintf("/updates/%d/bytes", i), Detail: "data have 0 bytes or more"}
		}
		command := accounting.RecordUpdates{Ref: someRef, Updates: []accounting.Update{recorded(u, 1)}}
		if err := command.Validate(); err != nil {
			return &Problem{Code: CodeInvalid, Field: fmt.Sprintf("/updates/%d", i), Detail: whyNot(err)}
		}
		if size := sizeOfUpdate(command.Updates[0]); size > maxUpdateBytes {
			return problem(CodeInvalid, "update %q has some %d bytes; at most %d are recorded of one: send its files in several updates", u.Key, size, maxUpdateBytes)
		}
	}
	return nil
}

// sift tells the new updates of a report from those that came before.
func (a *attempt) sift(updates []despatch.Update) (fresh []despatch.Update, digests []uint64, duplicates int) {
	for _, u := range updates {
		if u.Type == despatch.Heartbeat {
			continue
		}
		digest := digestOf(u.Key)
		if _, before := a.seen[digest]; before {
			duplicates++
			continue
		}
		a.seen[digest] = struct{}{}
		fresh, digests = append(fresh, u), append(digests, digest)
	}
	return fresh, digests, duplicates
}

// take applies new updates to the session of an attempt; b.mu is held.
func (b *Broker) take(a *attempt, fresh []despatch.Update, digests []uint64) (*store.Ticket, error) {
	s := b.state.live[a.session]
	if s == nil || len(fresh) == 0 {
		return nil, nil
	}
	if len(a.seen) > maxUpdates {
		for _, d := range digests {
			delete(a.seen, d)
		}
		return nil, problem(CodeLimit, "attempt %s has sent %d updates, and more are not taken", a.ref, maxUpdates)
	}
	now := b.now()
	updates := make([]accounting.Update, 0, len(fresh))
	var passing []Event
	var files []despatch.File
	var sessions []*store.Session
	var learned []transfer.Change
	next := *s
	for _, u := range fresh {
		updates = append(updates, recorded(u, now))
		files = append(files, filesOf(u)...)
		at := a.timeOf(&next, u, now)
		learned = append(learned, b.learn(a, s, u, at)...)
		if e, ok := b.applyUpdate(&next, u, at); ok {
			passing = append(passing, e)
		}
	}
	if slices.ContainsFunc(fresh, changesSession) {
		sessions = append(sessions, b.change(s, func(s *store.Session) { modified := s.Modified; *s = next; s.Modified = modified }))
	}
	b.metrics.updates(len(fresh))
	ref, written := a.ref, a.keep(files)
	return b.submit(write{
		sessions: sessions,
		commands: recordUpdates(ref, updates),
		extra: func(tx *store.Tx) error {
			if err := putFiles(tx, s.ID, written); err != nil {
				return err
			}
			if err := putLearned(tx, learned); err != nil {
				return err
			}
			return tx.PutUpdates(ref, digests)
		},
		after: func() { b.events.pass(s.ID, passing) },
	}), nil
}

// changesSession reports whether an update changes its session's own record. Most
// go into the history, and into rows of their own.
func changesSession(u despatch.Update) bool {
	switch u.Type {
	case despatch.ExposureTaken, despatch.FileSeen, despatch.LogLine:
		return false
	}
	return true
}

// filesOf is what an update says of files.
func filesOf(u despatch.Update) []despatch.File {
	switch {
	case u.Type == despatch.FileSeen && u.File != nil:
		return []despatch.File{*u.File}
	case u.Type == despatch.ExposureTaken && u.Exposure != nil:
		return u.Exposure.Files
	}
	return nil
}

// timeOf is when what an update reports has happened: the executor's own time,
// so that what comes in one report doesn't seem to be of one instant. Its clock
// is believed between what happened before and now, and not where it is further
// off than a lease.
func (a *attempt) timeOf(s *store.Session, u despatch.Update, now store.Millis) store.Millis {
	at := u.Time.UnixMilli()
	if at > now || at < now-a.span {
		return now
	}
	if n := len(s.Trail); n > 0 {
		at = max(at, s.Trail[n-1].At)
	}
	return max(at, s.Attempt.Started)
}

// applyUpdate changes a session as an update says, and returns the passing
// event that those who watch it should see, if it is one.
func (b *Broker) applyUpdate(s *store.Session, u despatch.Update, now store.Millis) (Event, bool) {
	switch u.Type {
	case despatch.ActionStarted, despatch.ActionCompleted:
		b.applyAction(s, u, now)
	case despatch.ConnectorOpened:
		s.Connectors = putConnector(s.Connectors, *u.Connector, now)
		return Event{Time: wall(now), Type: EventLog, Message: textOf(u)}, true
	case despatch.ConnectorClosed:
		s.Connectors = closeConnector(s.Connectors, u.Connector.Name, now)
		return Event{Time: wall(now), Type: EventLog, Message: textOf(u)}, true
	case despatch.Progressed:
		s.Progress = u.Progress
		return Event{Time: wall(now), Type: EventProgress, Progress: u.Progress, Message: u.Message}, true
	case despatch.LogLine:
		return Event{Time: wall(now), Type: EventLog, Message: u.Message}, true
	}
	return Event{}, false
}

// applyAction moves a session's phase as its actions go on. The user may have
// cancelled it meanwhile: a terminal phase stays.
func (b *Broker) applyAction(s *store.Session, u despatch.Update, now store.Millis) {
	started := u.Type == despatch.ActionStarted
	stage, staging := strings.CutPrefix(u.Action, stagePrefix)
	main, last := isMain(s, u.Action)
	switch {
	case staging:
		advance(s, ivoa.SessionPreparing, now)
		if !started && stage == strconv.Itoa(s.Stages) {
			advance(s, ivoa.SessionAvailable, now)
		}
	case main && started:
		if advance(s, ivoa.SessionRunning, now) && s.Attempt.Running == 0 {
			s.Attempt.Running = now
			b.stretch(s, now)
		}
	case main:
		if s.Attempt.Running == 0 {
			s.Attempt.Running = now
		}
		if last {
			advance(s, ivoa.SessionReleasing, now)
		}
	}
}
