package accounting

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
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
	// Apart is that of the hold, if there was one.
	Apart Instant `json:"apart,omitzero"`
	// NoteRows counts the rows of notes.
	NoteRows int `json:"noteRows,omitzero"`
	// Moved is what adjustments changed of what is owed, and AdjustmentRows
	// counts their rows.
	Moved          adjustments `json:"moved,omitzero"`
	AdjustmentRows uint64      `json:"adjustmentRows,omitzero"`
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
		h.ExecutorName == c.ExecutorName && h.Owners == c.Owners && h.Period == c.Period && h.Opened == c.Time && h.Trace == c.Trace
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
		Executor: c.Executor, ExecutorName: c.ExecutorName, Owners: c.Owners, Period: c.Period, Trace: c.Trace,
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
	if err := s.charge(h, c); err != nil {
		return Result{}, err
	}
	return Result{}, s.putAttempt(h)
}

// charge posts all that a completion moves in the ledger. What was used is
// recorded in full; what is charged is bounded by the hard limits.
func (s *state) charge(h *attemptHead, c CompleteAttempt) error {
	held, _, err := s.hold(cmp.Or(c.Hold, HoldID(h.Session)))
	if err != nil {
		return err
	}
	h.Apart = held.Apart
	if c.Hold != "" {
		if err := s.release(c.Hold, c.Ref, h.Session, c.Recorded); err != nil {
			return err
		}
	}
	if err := s.spend(h.Node, h.Period, c.Draws); err != nil {
		return err
	}
	if err := s.post(h.posting(Used, entryRow{Time: c.Recorded, Kind: EntryUsage}), c.Resources); err != nil {
		return err
	}
	var next bill
	if err := next.reprice(c.Charges); err != nil {
		return err
	}
	if _, err := s.settle(h, next, entryRow{Time: c.Recorded, Kind: EntryCharge, Tariff: c.Tariff}); err != nil {
		return err
	}
	if next.plain() {
		h.Bill = nil
	}
	h.Charges, h.Estimate, h.Tariff = c.Charges, c.Estimate, c.Tariff
	return s.putLine(h.line(), h.lineRow())
}

// bill is what became of the attempt's charges so far.
func (h *attemptHead) bill() bill {
	if h.Bill != nil {
		return slices.Clone(h.Bill)
	}
	var b bill
	for _, q := range h.Charges {
		l := b.line(q)
		l.Due += q.Amount // they were summed before
		l.Billed = l.Due
	}
	return b
}

// inForce is what the attempt used by the newest word on it.
func (h *attemptHead) inForce() []Quantity {
	if h.Corrected != nil {
		return h.Corrected.Resources
	}
	return h.Resources
}

// posting is a transaction of the attempt's payer.
func (h *attemptHead) posting(side Side, row entryRow) posting {
	row.Session, row.Ref = h.Session, h.HistoryRef
	return posting{owner: h.Owners.Payer(), node: h.Node, period: h.Period, side: side, sign: 1, row: row}
}

// line is where the attempt stands in the statements.
func (h *attemptHead) line() line {
	return line{owners: h.Owners, period: h.Period, session: h.Session, ref: h.HistoryRef}
}

// lineRow is what it says there: used and charged by the newest word.
func (h *attemptHead) lineRow() lineRow {
	row := lineRow{Phase: h.Phase, Ended: h.Ended, Estimate: h.Estimate, Resources: h.inForce(), adjustments: h.Moved}
	for _, l := range h.bill() {
		row.Charges = append(row.Charges, l.quantity(l.Billed))
		if l.Unbilled != 0 {
			row.Unbilled = append(row.Unbilled, l.quantity(l.Unbilled))
		}
	}
	return row
}
