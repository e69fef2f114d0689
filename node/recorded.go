package node

import (
	"errors"
	"fmt"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/store"
)

// The record knows the despatch protocol's reports in its own terms; this is
// the one place where they are translated.

// someRef stands for a reference where only the rest is to be validated.
const someRef accounting.Ref = "00000000-0000-8000-8000-000000000000"

// whyNot is why the record would not take something, without of what: that is
// someRef's.
func whyNot(err error) string {
	var refusal *accounting.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return err.Error()
}

// recordable says why the record would not take the names of an executor or of
// those who pay; nil: it would. What it doesn't take could not be charged.
func recordable(owners accounting.Owners, executor string) error {
	return accounting.OpenAttempt{
		Ref: someRef, Session: accounting.SessionID(someRef), Attempt: 1, Node: "x", ExecutorName: executor,
		Owners: owners, Period: accounting.PeriodAt(time.Unix(0, 0)), Time: 1,
	}.Validate()
}

// maxUpdateBytes bounds one update in the record, about: a command takes at
// most accounting.MaxCommandBytes, in which text may need escapes.
const maxUpdateBytes = accounting.MaxCommandBytes / 8

// recorded is an update as the record keeps it.
func recorded(u despatch.Update, now store.Millis) accounting.Update {
	r := accounting.Update{
		Key: accounting.Key(u.Key), Type: accounting.UpdateType(u.Type), Action: u.Action,
		Time: accounting.At(u.Time), Recorded: accounting.Instant(now),
	}
	switch u.Type {
	case despatch.ActionFailed:
		r.Text = u.Message
	case despatch.LogLine:
		r.Text = u.Message
	case despatch.ConnectorOpened, despatch.ConnectorClosed:
		r.Type, r.Text = accounting.LogWritten, textOf(u)
	case despatch.Progressed:
		r.Progress = &accounting.Progress{Time: r.Time, Message: u.Message}
		if u.Progress != nil {
			r.Progress.Fraction = *u.Progress
		}
	case despatch.ExposureTaken:
		if e := u.Exposure; e != nil {
			r.Exposure = &accounting.Exposure{ID: e.ID, Action: u.Action, Start: accounting.At(e.Start), End: accounting.At(e.End)}
			for _, f := range e.Files {
				r.Exposure.Files = append(r.Exposure.Files, recordedFile(f))
			}
		}
	case despatch.FileSeen:
		if u.File != nil {
			f := recordedFile(*u.File)
			r.File = &f
		}
	}
	return r
}

// textOf says in words that a connector was opened or closed.
func textOf(u despatch.Update) string {
	if u.Connector == nil {
		return u.Type
	}
	if u.Type == despatch.ConnectorClosed {
		return fmt.Sprintf("connector %s is closed", u.Connector.Name)
	}
	return fmt.Sprintf("connector %s is open (%s)", u.Connector.Name, u.Connector.Protocol)
}

func recordedFile(f despatch.File) accounting.File {
	return accounting.File{Name: f.Name, Location: f.Location, Bytes: f.Bytes, SHA256: f.SHA256}
}

// sizeOfUpdate is about how much room an update takes.
func sizeOfUpdate(u accounting.Update) int {
	size := 200 + len(u.Key) + len(u.Action) + len(u.Text)
	file := func(f accounting.File) int { return 120 + len(f.Name) + len(f.Location) }
	if u.File != nil {
		size += file(*u.File)
	}
	if u.Exposure != nil {
		for _, f := range u.Exposure.Files {
			size += file(f)
		}
	}
	if u.Progress != nil {
		size += len(u.Progress.Message)
	}
	return size
}

// recordUpdates puts updates into commands that are not too large.
func recordUpdates(ref identity.UUID, updates []accounting.Update) []accounting.Command {
	var commands []accounting.Command
	var chunk []accounting.Update
	size := 0
	flush := func() {
		if len(chunk) > 0 {
			commands = append(commands, accounting.RecordUpdates{Ref: accounting.Ref(ref.String()), Updates: chunk})
			chunk, size = nil, 0
		}
	}
	for _, u := range updates {
		if size += sizeOfUpdate(u); size > maxUpdateBytes || len(chunk) == accounting.MaxUpdates {
			flush()
			size = sizeOfUpdate(u)
		}
		chunk = append(chunk, u)
	}
	flush()
	return commands
}

// recordCompletion translates what an executor says of the end of an attempt.
// Charges and the hold are left to the caller. The error says which of the
// reported amounts is none.
func recordCompletion(ref identity.UUID, c despatch.Completion, now store.Millis) (accounting.CompleteAttempt, error) {
	r := accounting.CompleteAttempt{
		Ref: accounting.Ref(ref.String()), Key: accounting.Key(c.Key), Time: accounting.At(c.Time), Recorded: accounting.Instant(now),
		Outcome: accounting.Phase(c.Outcome),
	}
	if c.Failure != nil {
		r.Failure = &accounting.Failure{Code: c.Failure.Code, Message: c.Failure.Message, Retry: c.Failure.Retry, VetoSeconds: c.Failure.VetoSeconds}
	}
	for i, used := range c.Resources {
		q, err := accounting.NewQuantity(accounting.Resource(used.Name), string(used.Amount), accounting.Unit(used.Unit))
		if err != nil {
			return r, &Problem{Code: CodeInvalid, Field: fmt.Sprintf("/resources/%d/amount", i), Detail: err.Error()}
		}
		r.Resources = append(r.Resources, q)
	}
	for _, q := range c.Quality {
		r.Quality = append(r.Quality, accounting.Quality{ID: q.ID, Value: q.Value, Description: q.Description})
	}
	if r.Time == 0 {
		return r, &Problem{Code: CodeInvalid, Field: "/time", Detail: "the time of the completion is missing"}
	}
	if err := r.Validate(); err != nil {
		return r, &Problem{Code: CodeInvalid, Detail: err.Error()}
	}
	return r, nil
}
