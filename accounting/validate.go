package accounting

import (
	"math"
	"unicode/utf8"
)

// Validate is described at Command.
func (c OpenAttempt) Validate() error {
	subject := "attempt " + clip(string(c.Ref))
	return firstOf(
		validateUUID(subject, "historyRef", string(c.Ref)),
		validateUUID(subject, "session", string(c.Session)),
		validateTime(subject, "time", c.Time),
		validateName(subject, "node", string(c.Node), maxShort),
		optionalName(subject, "executor", string(c.Executor), maxShort),
		optionalName(subject, "executor name", c.ExecutorName, maxShort),
		c.Owners.validate(subject),
		c.Period.validate(subject),
		check(c.Attempt >= 1, subject, "attempts count from 1"),
		c.Trace.validate(subject),
	)
}

// Validate is described at Command.
func (c RecordUpdates) Validate() error {
	subject := "attempt " + clip(string(c.Ref))
	err := firstOf(
		validateUUID(subject, "historyRef", string(c.Ref)),
		check(len(c.Updates) <= MaxUpdates, subject, "too many updates in one command"),
	)
	for i := 0; err == nil && i < len(c.Updates); i++ {
		err = c.Updates[i].validate(subject)
	}
	return err
}

func (u Update) validate(subject string) error {
	err := firstOf(
		validateName(subject, "update key", string(u.Key), maxKey),
		optionalName(subject, "action", u.Action, maxShort),
		optionalTime(subject, "time", u.Time),
		optionalTime(subject, "recorded", u.Recorded),
		validateText(subject, "text", u.Text),
	)
	if err != nil {
		return err
	}
	switch u.Type {
	case ActionStarted, ActionCompleted, ActionFailed:
		return check(u.Action != "", subject, "the update names no action")
	case ExposureTaken:
		return u.Exposure.validate(subject)
	case FileMade:
		return u.File.validate(subject)
	case ProgressMade:
		return u.Progress.validate(subject)
	case LogWritten, Heartbeat:
		return nil
	}
	return invalid(subject, "update type %.40q", string(u.Type))
}

func (e *Exposure) validate(subject string) error {
	if e == nil {
		return invalid(subject, "the update has no exposure")
	}
	err := firstOf(
		validateName(subject, "exposure id", e.ID, maxShort),
		optionalName(subject, "action", e.Action, maxShort),
		optionalTime(subject, "exposure start", e.Start),
		optionalTime(subject, "exposure end", e.End),
		check(len(e.Files) <= maxFiles, subject, "too many files in one exposure"),
	)
	for i := 0; err == nil && i < len(e.Files); i++ {
		err = e.Files[i].validate(subject)
	}
	return err
}

func (f *File) validate(subject string) error {
	if f == nil {
		return invalid(subject, "the update has no file")
	}
	return firstOf(
		validateName(subject, "file name", f.Name, maxLocation),
		optionalName(subject, "file location", f.Location, maxLocation),
		optionalName(subject, "checksum", f.SHA256, 64),
		check(f.Bytes >= 0, subject, "a file has less than no bytes"),
	)
}

func (p *Progress) validate(subject string) error {
	if p == nil {
		return invalid(subject, "the update has no progress")
	}
	return firstOf(
		check(p.Fraction >= 0 && p.Fraction <= 1, subject, "progress is a fraction from 0 to 1"),
		validateText(subject, "progress message", p.Message),
		optionalTime(subject, "progress time", p.Time),
	)
}

// Validate is described at Command.
func (c StallAttempt) Validate() error {
	subject := "attempt " + clip(string(c.Ref))
	return firstOf(
		validateUUID(subject, "historyRef", string(c.Ref)),
		validateTime(subject, "time", c.Time),
	)
}

// Validate is described at Command.
func (c CompleteAttempt) Validate() error {
	subject := "attempt " + clip(string(c.Ref))
	err := firstOf(
		validateUUID(subject, "historyRef", string(c.Ref)),
		optionalName(subject, "key", string(c.Key), maxKey),
		validateTime(subject, "time", c.Time),
		validateTime(subject, "recorded", c.Recorded),
		optionalTime(subject, "started", c.Started),
		check(c.Outcome.Terminal(), subject, "outcome is none of COMPLETED, PARTIAL, FAILED, ABANDONED"),
		c.Failure.validate(subject),
		check(len(c.Quality) <= maxQuality, subject, "too many quality measures"),
		validateQuantities(subject, "resources", c.Resources),
		validateQuantities(subject, "charges", c.Charges),
		validateQuantities(subject, "estimates", c.Estimate),
		optionalName(subject, "tariff", string(c.Tariff), maxShort),
		validateDraws(subject, c.Draws),
	)
	if err == nil && c.Hold != "" {
		err = validateUUID(subject, "hold", string(c.Hold))
	}
	for i := 0; err == nil && i < len(c.Quality); i++ {
		err = c.Quality[i].validate(subject)
	}
	return err
}

func (f *Failure) validate(subject string) error {
	if f == nil {
		return nil
	}
	return firstOf(
		validateText(subject, "failure message", f.Message),
		check(f.VetoSeconds >= 0 && f.VetoSeconds <= maxVeto, subject, "a veto is 0 s to a year"),
	)
}

func (q Quality) validate(subject string) error {
	return firstOf(
		validateName(subject, "quality id", q.ID, maxShort),
		validateText(subject, "quality description", q.Description),
		check(!math.IsNaN(q.Value) && !math.IsInf(q.Value, 0), subject, "a quality value is no number"),
	)
}

// Validate is described at Command.
func (c AddNote) Validate() error {
	subject := "attempt " + clip(string(c.Ref))
	return firstOf(
		validateUUID(subject, "historyRef", string(c.Ref)),
		validateName(subject, "key", string(c.Key), maxKey),
		validateTime(subject, "time", c.Time),
		validateText(subject, "note", c.Text),
	)
}

// Validate is described at Command.
func (c PlaceHold) Validate() error {
	subject := "hold " + clip(string(c.Hold))
	return firstOf(
		validateUUID(subject, "hold", string(c.Hold)),
		validateUUID(subject, "session", string(c.Session)),
		validateTime(subject, "time", c.Time),
		validateName(subject, "node", string(c.Node), maxShort),
		c.Owners.validate(subject),
		c.Period.validate(subject),
		validateQuantities(subject, "estimates", c.Estimate),
		optionalName(subject, "tariff", string(c.Tariff), maxShort),
		optionalTime(subject, "time since which it was apart", c.Apart),
		validateDraws(subject, c.Draws),
	)
}

// Validate is described at Command.
func (c VoidHold) Validate() error {
	subject := "hold " + clip(string(c.Hold))
	return firstOf(
		validateUUID(subject, "hold", string(c.Hold)),
		validateTime(subject, "time", c.Time),
	)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func check(holds bool, subject, otherwise string) error {
	if holds {
		return nil
	}
	return invalid(subject, "%s", otherwise)
}

func optionalName(subject, what, text string, limit int) error {
	if text == "" {
		return nil
	}
	return validateName(subject, what, text, limit)
}

func validateTime(subject, what string, at Instant) error {
	return firstOf(check(at > 0, subject, what+" is missing or before 1970"), optionalTime(subject, what, at))
}

// optionalTime keeps years to four digits; times order the history's keys, so
// that they don't reach back before 1970.
func optionalTime(subject, what string, at Instant) error {
	return check(at >= 0 && at <= maxInstant, subject, what+" is not between 1970 and 9999")
}

func validateText(subject, what, text string) error {
	return firstOf(
		check(len(text) <= MaxText, subject, what+" is too long"),
		check(utf8.ValidString(text), subject, what+" is not UTF-8"),
	)
}

// clip keeps what a stranger sent from filling the log.
func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}
