package accounting

import (
	"fmt"
	"slices"
)

// A HoldState follows TigerBeetle's two-phase transfers: a pending hold is
// posted or voided, once.
type HoldState string

// The states of a hold.
const (
	Pending HoldState = "pending"
	Posted  HoldState = "posted"
	Voided  HoldState = "voided"
)

// A Hold is the estimate of an accepted session, held on its payer's account
// until the session ends.
type Hold struct {
	ID       HoldID     `json:"id"`
	Session  SessionID  `json:"session"`
	Node     NodeName   `json:"node"`
	Owners   Owners     `json:"owners"`
	Period   Period     `json:"period"`
	State    HoldState  `json:"state"`
	Estimate []Quantity `json:"estimate,omitempty"`
	Tariff   TariffHash `json:"tariff,omitempty"`
	Placed   Instant    `json:"placed"`
	Settled  Instant    `json:"settled,omitzero"` // posted or voided
	Apart    Instant    `json:"apart,omitzero"`   // of PlaceHold
}

func (h Hold) places(c PlaceHold) bool {
	return h.Session == c.Session && h.Node == c.Node && h.Owners == c.Owners && h.Period == c.Period &&
		h.Tariff == c.Tariff && h.Placed == c.Time && slices.Equal(h.Estimate, c.Estimate)
}

func (c PlaceHold) apply(s *state) (Result, error) {
	old, found, err := s.hold(c.Hold)
	switch {
	case err != nil:
		return Result{}, err
	case found && old.places(c):
		return Result{Duplicate: true}, nil
	case found:
		return Result{}, conflict("hold "+string(c.Hold), "placed at %s for something else", old.Placed)
	}
	h := Hold{
		ID: c.Hold, Session: c.Session, Node: c.Node, Owners: c.Owners, Period: c.Period,
		State: Pending, Estimate: c.Estimate, Tariff: c.Tariff, Placed: c.Time, Apart: c.Apart,
	}
	if err := s.meet(c.Owners); err != nil {
		return Result{}, err
	}
	if err := s.spend(c.Node, c.Period, c.Draws); err != nil {
		return Result{}, err
	}
	if err := s.afford(c); err != nil {
		return Result{}, err
	}
	if err := s.move(h, EntryHold, 1, c.Time, ""); err != nil {
		return Result{}, err
	}
	if err := s.putLine(h.line(), lineRow{Estimate: c.Estimate, Placed: true}); err != nil {
		return Result{}, err
	}
	return Result{}, s.putHold(h)
}

func (c VoidHold) apply(s *state) (Result, error) {
	subject := "hold " + string(c.Hold)
	h, found, err := s.hold(c.Hold)
	switch {
	case err != nil:
		return Result{}, err
	case !found:
		return Result{}, notFound(subject)
	case h.State == Voided:
		return Result{Duplicate: true}, nil
	case h.State == Posted:
		return Result{}, conflict(subject, "it was posted at %s", h.Settled)
	}
	if err := s.move(h, EntryVoid, -1, c.Time, ""); err != nil {
		return Result{}, err
	}
	if err := s.putLine(h.line(), lineRow{Placed: true, Voided: true}); err != nil {
		return Result{}, err
	}
	h.State, h.Settled = Voided, c.Time
	return Result{}, s.putHold(h)
}

// afford refuses a hold that would pass a hard limit.
func (s *state) afford(c PlaceHold) error {
	wanted, err := differences(nil, c.Estimate)
	if err != nil {
		return err
	}
	for _, q := range wanted {
		room, least, err := s.room(c.Owners, c.Period, q)
		if err != nil {
			return err
		}
		if room < q.Amount {
			return least.refuse(q)
		}
	}
	return nil
}

// release settles a session's hold as its last attempt's charges are posted. A
// hold that was settled before, or was never placed because a hard limit forbade
// it, holds nothing; that is no reason to turn away a record of work done.
func (s *state) release(id HoldID, ref Ref, session SessionID, at Instant) error {
	subject := "hold " + string(id)
	h, found, err := s.hold(id)
	switch {
	case err != nil:
		return err
	case !found:
		return nil
	case h.Session != session:
		return conflict(subject, "it is of session %s", h.Session)
	case h.State != Pending:
		return nil
	}
	if err := s.move(h, EntryRelease, -1, at, ref); err != nil {
		return err
	}
	if err := s.putLine(h.line(), lineRow{Estimate: h.Estimate, Placed: true, Settled: true}); err != nil {
		return err
	}
	h.State, h.Settled = Posted, at
	return s.putHold(h)
}

// move posts a hold's estimate to the payer's account, or off it.
func (s *state) move(h Hold, kind EntryKind, sign Amount, at Instant, ref Ref) error {
	p := posting{
		owner: h.Owners.Payer(), node: h.Node, period: h.Period, side: Held, sign: sign,
		row: entryRow{Time: at, Kind: kind, Session: h.Session, Ref: ref, Cause: string(h.ID), Tariff: h.Tariff},
	}
	if err := s.post(p, h.Estimate); err != nil {
		return err
	}
	for _, q := range h.Estimate {
		q.Amount *= sign
		by := overdraftRow{Session: h.Session, Node: h.Node, Time: at, Apart: h.Apart, cause: string(h.ID)}
		if err := s.roll(h.Owners, h.Period, Held, q, by); err != nil {
			return err
		}
	}
	return nil
}

// line is where the hold stands in the statements: a session that is executed
// again and again has further holds, each with an id of its own.
func (h Hold) line() line {
	l := line{owners: h.Owners, period: h.Period, session: h.Session}
	if string(h.ID) != string(h.Session) {
		l.ref = Ref(h.ID)
	}
	return l
}

func (s *state) hold(id HoldID) (Hold, bool, error) {
	raw, _ := uuidBytes(string(id))
	var h Hold
	found, err := readRow(s.get(key(tagHold, raw)), &h)
	if err != nil {
		err = fmt.Errorf("hold %s: %w", id, err)
	}
	return h, found, err
}

func (s *state) putHold(h Hold) error {
	raw, _ := uuidBytes(string(h.ID))
	return s.putJSON(key(tagHold, raw), h)
}
