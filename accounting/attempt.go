package accounting

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// attemptHead is the row of an attempt: its entry without what has rows of its
// own, and what the state machine must remember.
type attemptHead struct {
	HistoryEntry

	// Digest is that of the completion, once there is one.
	Digest string `json:"digest,omitempty"`
	// Kept counts the rows of each type of update, Rows all of them.
	Kept map[UpdateType]int `json:"kept,omitempty"`
	Rows uint64             `json:"rows,omitzero"`
	// NoteRows counts the rows of notes.
	NoteRows int `json:"noteRows,omitzero"`
}

func (s *state) attempt(ref Ref) (*attemptHead, error) {
	raw, _ := uuidBytes(string(ref))
	h := new(attemptHead)
	found, err := readRow(s.get(key(tagAttempt, raw)), h)
	if err != nil {
		return nil, fmt.Errorf("attempt %s: %w", ref, err)
	}
	if !found {
		return nil, notFound("attempt " + string(ref))
	}
	return h, nil
}

func (s *state) putAttempt(h *attemptHead) error {
	raw, _ := uuidBytes(string(h.HistoryRef))
	return s.putJSON(key(tagAttempt, raw), h)
}

// opens reports whether this entry is what the command would open.
func (h *attemptHead) opens(c OpenAttempt) bool {
	return h.Session == c.Session && h.Attempt == c.Attempt && h.Node == c.Node && h.Executor == c.Executor &&
		h.ExecutorName == c.ExecutorName && h.Owners == c.Owners && h.Period == c.Period && h.Opened == c.Time
}

func (c OpenAttempt) apply(s *state) (Result, error) {
	raw, _ := uuidBytes(string(c.Ref))
	if s.has(key(tagAttempt, raw)) {
		old, err := s.attempt(c.Ref)
		if err != nil {
			return Result{}, err
		}
		if old.opens(c) {
			return Result{Duplicate: true}, nil
		}
		return Result{}, conflict("attempt "+string(c.Ref), "opened at %s for something else", old.Opened)
	}
	if err := s.meet(c.Owners); err != nil {
		return Result{}, err
	}
	session, _ := uuidBytes(string(c.Session))
	s.put(timedKey([]byte{tagByTime}, c.Time, raw), present)
	s.put(timedKey(key(tagBySession, session), c.Time, raw), present)
	s.put(timedKey(nameKey(tagByUser, string(c.Owners.User.ID)), c.Time, raw), present)
	if proposal := c.Owners.Proposal.ID; proposal != "" {
		s.put(timedKey(nameKey(tagByProposal, string(proposal)), c.Time, raw), present)
	}
	return Result{}, s.putAttempt(&attemptHead{HistoryEntry: HistoryEntry{
		HistoryRef: c.Ref, Session: c.Session, Phase: Despatched, Attempt: c.Attempt, Node: c.Node,
		Executor: c.Executor, ExecutorName: c.ExecutorName, Owners: c.Owners, Period: c.Period,
		Opened: c.Time, Updated: c.Time,
	}})
}

func (c StallAttempt) apply(s *state) (Result, error) {
	h, err := s.attempt(c.Ref)
	if err != nil {
		return Result{}, err
	}
	if h.Phase.Terminal() {
		return Result{Late: true}, nil
	}
	if h.Phase == Stalled {
		return Result{Duplicate: true}, nil
	}
	h.Phase, h.Stalled, h.Updated = Stalled, c.Time, c.Time
	return Result{}, s.putAttempt(h)
}

// Digest is a hash of what the executor reported: outcome, time, failure,
// resources, quality. Two completions with one digest are one completion.
func (c CompleteAttempt) Digest() string {
	reported, err := encodeJSON(CompleteAttempt{
		Time: c.Time, Outcome: c.Outcome, Failure: c.Failure, Resources: c.Resources, Quality: c.Quality,
	})
	if err != nil { // a value that Validate refuses; it equals nothing
		return ""
	}
	sum := sha256.Sum256(reported)
	return hex.EncodeToString(sum[:16])
}

func (c CompleteAttempt) apply(s *state) (Result, error) {
	h, err := s.attempt(c.Ref)
	if err != nil {
		return Result{}, err
	}
	digest := c.Digest()
	if h.Phase.Terminal() {
		if h.Digest == digest {
			return Result{Duplicate: true}, nil
		}
		return Result{}, conflict("attempt "+string(c.Ref), "it ended %s at %s with another report", h.Phase, h.Ended)
	}
	h.Phase, h.Digest, h.Ended, h.Updated = c.Outcome, digest, c.Time, c.Recorded
	if h.Started == 0 {
		h.Started = c.Started
	}
	h.Failure, h.Quality, h.Resources = c.Failure, c.Quality, c.Resources
	h.Charges, h.Estimate, h.Tariff = c.Charges, c.Estimate, c.Tariff
	if err := s.charge(h, c); err != nil {
		return Result{}, err
	}
	return Result{}, s.putAttempt(h)
}

// charge posts all that a completion moves in the ledger.
func (s *state) charge(h *attemptHead, c CompleteAttempt) error {
	if c.Hold != "" {
		if err := s.release(c.Hold, c.Ref, h.Session, c.Recorded); err != nil {
			return err
		}
	}
	p := posting{
		owner: h.Owners.Payer(), node: h.Node, period: h.Period, side: Used, sign: 1,
		row: entryRow{Time: c.Recorded, Kind: EntryUsage, Session: h.Session, Ref: c.Ref},
	}
	if err := s.post(p, c.Resources); err != nil {
		return err
	}
	p.side, p.row.Kind, p.row.Tariff = Charged, EntryCharge, c.Tariff
	if err := s.post(p, c.Charges); err != nil {
		return err
	}
	return s.putLine(
		line{owners: h.Owners, period: h.Period, session: h.Session, ref: c.Ref},
		lineRow{Phase: h.Phase, Ended: h.Ended, Estimate: c.Estimate, Resources: c.Resources, Charges: c.Charges})
}
