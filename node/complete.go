package node

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// CompletionAnswer is the history entry of a completed attempt. Duplicate says
// that this very completion had been taken before.
type CompletionAnswer struct {
	accounting.HistoryEntry
	Duplicate bool `json:"duplicate,omitempty"`
}

// Complete takes the final report of an attempt. The end of the session, the
// history entry's end and all charges are one durable write. The same report
// again changes nothing and says so; a different one is a conflict (promise 3).
func (b *Broker) Complete(ctx context.Context, caller identity.Caller, ref identity.UUID, c despatch.Completion) (CompletionAnswer, error) {
	var none CompletionAnswer
	switch c.Outcome {
	case despatch.Completed, despatch.Partial, despatch.Failed, despatch.Abandoned:
	default:
		return none, &Problem{Code: CodeInvalid, Field: "/outcome", Detail: fmt.Sprintf("%q is no outcome: it is COMPLETED, PARTIAL, FAILED or ABANDONED", c.Outcome)}
	}
	if len(c.Files) > maxFiles {
		return none, &Problem{Code: CodeInvalid, Field: "/files", Detail: fmt.Sprintf("%d files; at most %d are kept of one attempt", len(c.Files), maxFiles)}
	}
	if err := b.writable(); err != nil {
		return none, err
	}
	now := b.now()
	command, err := recordCompletion(ref, c, now)
	if err != nil {
		return none, err
	}
	files, err := recordFiles(c.Files, now)
	if err != nil {
		return none, err
	}
	defer b.guard()
	b.mu.Lock()
	a, err := b.attemptFor(caller, ref, c.Fence)
	if err != nil {
		b.mu.Unlock()
		return b.completedBefore(ctx, caller, ref, command, b.overdue(caller, ref, err))
	}
	if err := checkIDs(c.IDs, b.state.live[a.session]); err != nil {
		b.mu.Unlock()
		return none, err
	}
	answer, ticket := b.conclude(a, c, command, files)
	b.mu.Unlock()
	if err := durable(ctx, ticket); err != nil {
		return none, err
	}
	return CompletionAnswer{HistoryEntry: answer}, nil
}

// held is what of an estimate is released as the charge is posted: nothing where
// the session will be despatched again, and keeps its hold.
func held(estimate []accounting.Quantity, again bool) []accounting.Quantity {
	if again {
		return nil
	}
	return estimate
}

// completedBefore answers a completion of an attempt that has ended already.
func (b *Broker) completedBefore(ctx context.Context, caller identity.Caller, ref identity.UUID, command accounting.CompleteAttempt, refused error) (CompletionAnswer, error) {
	p, ok := refused.(*Problem)
	if !ok || p.Code != CodeConflict {
		return CompletionAnswer{}, refused
	}
	kept, err := b.attemptKept(caller, ref)
	if err != nil {
		return CompletionAnswer{}, err
	}
	if kept.Completion != "" && kept.Completion == command.Digest() {
		answer := CompletionAnswer{Duplicate: true}
		err := b.look(ctx, nil, func(view accounting.View) (err error) {
			answer.HistoryEntry, err = accounting.History(view, accounting.Everyone(), command.Ref)
			return err
		})
		return answer, err
	}
	if kept.Completion != "" {
		refused = problem(CodeConflict, "attempt %s was completed with another report; an operator can correct it", ref)
	}
	b.keepNotes([]accounting.Command{accounting.AddNote{
		Ref: command.Ref, Key: accounting.Key("late-" + command.Digest()), Time: command.Recorded,
		Text: fmt.Sprintf("refused: a completion %s that came after the end", command.Outcome),
	}})
	return CompletionAnswer{}, refused
}

// conclude ends an attempt as its executor says; b.mu is held.
func (b *Broker) conclude(a *attempt, c despatch.Completion, command accounting.CompleteAttempt, files []accounting.Update) (accounting.HistoryEntry, *store.Ticket) {
	now := b.now()
	s := b.state.live[a.session]
	began := s.Attempt.Running
	if began == 0 {
		began = s.Attempt.Started
	}
	digest := command.Digest() // of what was reported, before anything is added
	// By the node's clock it began, by the executor's it ended: as far as they
	// differ, it didn't end before.
	command.Started = min(accounting.Instant(began), command.Time)
	command.Resources = b.withFootprint(s, command.Resources, now-began)
	notes, discounts := b.charge(s, &command, began, now)

	again, hold := b.mayTryAgain(s, a, c), holdOf(s)
	var spent []store.Allowance
	command.Draws, spent = b.drawExcess(s, command.Charges, held(command.Estimate, again))
	var left []*store.Kept
	s = b.change(s, func(s *store.Session) {
		s.Attempt.Ended = true
		s.ExitCode = c.ExitCode
		if !again {
			if c.Failure != nil {
				s.Messages = appendMessage(s.Messages, attemptMessage(s, gravity(s, c), reasonOf(c), now))
			}
			b.endSession(s, a, c, now)
			left = b.leave(s, a, now)
		}
	})
	b.finish(a, s, now)
	entry := b.entryOf(s, a, command)
	if again {
		s = b.tryAgain(s, reasonOf(c), now, veto(c))
	} else {
		command.Hold = hold
		s = b.carryOn(s, now, veto(c))
	}
	written := a.keep(c.Files)
	ref, kept := a.ref, a.kept(b.state.executors[a.executor])
	kept.Completion = digest
	commands := slices.Concat(recordUpdates(ref, files), notes, []accounting.Command{command}, discounts)
	b.metrics.completed(string(c.Outcome), now-began)
	ticket := b.submit(write{
		sessions: []*store.Session{s},
		commands: commands, allowances: spent,
		extra: func(tx *store.Tx) error {
			if err := tx.DeleteUpdates(ref); err != nil {
				return err
			}
			if err := putFiles(tx, kept.Session, written); err != nil {
				return err
			}
			for _, k := range left {
				if err := tx.PutKept(k); err != nil {
					return err
				}
			}
			return tx.PutAttempt(ref, kept)
		},
	})
	return entry, ticket
}

// endSession brings a session to its last phase, unless it is there already
// because its owner has cancelled it.
func (b *Broker) endSession(s *store.Session, a *attempt, c despatch.Completion, now store.Millis) {
	outcome := c.Outcome
	switch {
	case store.Terminal(s.Phase):
	case a.stop != nil && a.stop.Reason == despatch.StopWalltime && !achieved(c):
		s.Messages = appendMessage(s.Messages, ivoa.NewMessage(wall(now), ivoa.LevelError, messageAttempt,
			"stopped: it ran for longer than the {duration} that were booked; ask for more", "duration", duration(s.Plan.Duration)))
		endExecution(s, ivoa.SessionFailed, now)
	case outcome == despatch.Completed || outcome == despatch.Partial:
		if outcome == despatch.Partial {
			s.Messages = appendMessage(s.Messages, ivoa.NewMessage(wall(now), ivoa.LevelWarn, messageAttempt, "the executor says that only a part of it was done"))
		}
		if s.Attempt.Running == 0 {
			s.Attempt.Running = s.Attempt.Started
		}
		endExecution(s, ivoa.SessionCompleted, now)
	default:
		endExecution(s, ivoa.SessionFailed, now)
	}
}

// reasonOf says in a line why an attempt didn't come to its end.
func reasonOf(c despatch.Completion) string {
	return fmt.Sprintf("%s: %s (code %d)", c.Outcome, c.Failure.Message, c.Failure.Code)
}

// gravity is how bad a last attempt's failure is: not at all unexpected where
// the session was cancelled.
func gravity(s *store.Session, c despatch.Completion) ivoa.Level {
	if s.Phase == ivoa.SessionCancelled || c.Failure.Retry {
		return ivoa.LevelWarn
	}
	return ivoa.LevelError
}

// achieved reports whether an executor says that there is a result. It is
// believed, also when it had been told to stop: the order may have crossed the
// end of the work.
func achieved(c despatch.Completion) bool {
	return (c.Outcome == despatch.Completed || c.Outcome == despatch.Partial) && (c.ExitCode == nil || *c.ExitCode == 0)
}

// withFootprint adds to what an executor reports as used what it leaves out of
// that which a node measures itself: cores, memory, storage and GPUs over time.
func (b *Broker) withFootprint(s *store.Session, reported []accounting.Quantity, ran store.Millis) []accounting.Quantity {
	r := resourcesOf(s.Plan)
	measured, err := accounting.Footprint{Cores: r.Cores, MemoryGiB: r.Memory, StorageGiB: r.Storage, GPUs: r.GPUs}.Usage(
		time.Duration(max(0, ran)) * time.Millisecond)
	if err != nil {
		b.log.ErrorContext(threadOf(s), "usage can't be counted", "session", s.ID.String(), "error", err)
	}
	has := map[accounting.Resource]bool{}
	for _, q := range reported {
		has[q.Name] = true
	}
	all := reported[:len(reported):len(reported)]
	for _, q := range measured {
		if !has[q.Name] && len(all) < accounting.MaxQuantities {
			all = append(all, q)
		}
	}
	return all
}

// finish forgets an attempt and frees what it had.
func (b *Broker) finish(a *attempt, s *store.Session, now store.Millis) {
	b.dismiss(a, s)
	if p := b.state.pools[s.Plan.Pool]; p != nil {
		b.release(s, now)
		b.serve(p)
	}
}

// dismiss forgets an attempt: its executor works on it no more.
func (b *Broker) dismiss(a *attempt, s *store.Session) {
	delete(b.state.attempts, a.ref)
	a.letGo()
	if b.options.Uploads != nil {
		b.options.Uploads.Ended(a.ref)
	}
	if e := b.state.executors[a.executor]; e != nil {
		e.running--
	}
	if p := b.state.pools[s.Plan.Pool]; p != nil {
		p.running = p.running.Sub(resourcesOf(s.Plan))
	}
}

// recordFiles makes updates of the files of a completion.
func recordFiles(files []despatch.File, now store.Millis) ([]accounting.Update, error) {
	updates := make([]accounting.Update, 0, len(files))
	for i, f := range files {
		u := recorded(despatch.Update{Key: "file-" + strconv.Itoa(i), Type: despatch.FileSeen, File: &f}, now)
		if err := (accounting.RecordUpdates{Ref: someRef, Updates: []accounting.Update{u}}).Validate(); err != nil {
			return nil, &Problem{Code: CodeInvalid, Field: fmt.Sprintf("/files/%d", i), Detail: whyNot(err)}
		}
		updates = append(updates, u)
	}
	return updates, nil
}

// entryOf is the history entry of a completed attempt as it will be recorded,
// without what was reported piece by piece.
func (b *Broker) entryOf(s *store.Session, a *attempt, c accounting.CompleteAttempt) accounting.HistoryEntry {
	entry := accounting.HistoryEntry{
		HistoryRef: c.Ref, Session: accounting.SessionID(s.ID.String()), Phase: c.Outcome, Attempt: s.Attempt.Number,
		Node: accounting.NodeName(b.options.Name), Executor: accounting.ExecutorID(a.executor.String()),
		Owners: ownersOf(s), Period: b.period(s), Opened: accounting.Instant(s.Attempt.Started), Started: c.Started,
		Ended: c.Time, Updated: c.Recorded, Resources: c.Resources, Estimate: c.Estimate, Charges: c.Charges,
		Tariff: c.Tariff, Failure: c.Failure, Quality: c.Quality,
	}
	if e := b.state.executors[a.executor]; e != nil {
		entry.ExecutorName = e.Registration.Name
	}
	return entry
}
