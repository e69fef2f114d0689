package accounting

import (
	"fmt"
	"slices"
	"strings"
)

// A Statement is what an owner estimated, used and was charged in a period,
// altogether and session by session.
type Statement struct {
	Owner    Owner              `json:"owner"`
	Name     string             `json:"name,omitempty"`
	Period   Period             `json:"period"`
	Totals   []StatementLine    `json:"totals,omitempty"`
	Sessions []SessionStatement `json:"sessions,omitempty"`
	// Next is the cursor of further sessions. Totals are always over all.
	Next Cursor `json:"next,omitempty"`
}

// A SessionStatement is one session's part.
type SessionStatement struct {
	Session  SessionID       `json:"session"`
	User     OwnerID         `json:"user"`
	Attempts int             `json:"attempts"`
	Phase    Phase           `json:"phase,omitempty"` // of the last attempt that ended
	Ended    Instant         `json:"ended,omitzero"`
	Lines    []StatementLine `json:"lines,omitempty"`
}

// A StatementLine is one resource's part. What was never counted is left out:
// nobody is charged core-seconds, and nobody uses euros.
type StatementLine struct {
	Resource  Resource `json:"resource"`
	Unit      Unit     `json:"unit,omitempty"`
	Estimated Decimal  `json:"estimated,omitempty"`
	Held      Decimal  `json:"held,omitempty"` // of the estimate, not settled yet
	Used      Decimal  `json:"used,omitempty"`
	Charged   Decimal  `json:"charged,omitempty"`
	Unbilled  Decimal  `json:"unbilled,omitempty"` // due, but a hard limit forbade to charge it
}

// A StatementFilter says whose statement, of when.
type StatementFilter struct {
	Caller Caller // who asks; the zero Caller gets ErrNotFound
	Owner  Owner  // a user or a proposal
	Period Period
}

// MakeStatement draws up a statement, with at most limit sessions from the
// cursor on. A user's statement has all of her sessions, whoever paid. Somebody
// else's is ErrNotFound; one with nothing in it is empty.
func MakeStatement(view View, filter StatementFilter, cursor Cursor, limit int) (Statement, error) {
	if !filter.Caller.seesAccount(filter.Owner) {
		return Statement{}, notFound("statement of " + filter.Owner.String())
	}
	span := Prefix(line{period: filter.Period}.prefix(filter.Owner))
	page, err := cursor.after(span)
	if err != nil {
		return Statement{}, err
	}
	statement := Statement{Owner: filter.Owner, Period: filter.Period}
	if known, err := FindOwner(view, filter.Owner); err == nil {
		statement.Name = known.Name
	}
	draft := drafter{statement: &statement, from: page.From, limit: pageLimit(limit), totals: make(tally)}
	for k, value := range view.Scan(span) {
		var row lineRow
		if err := decodeJSON(value, &row); err != nil {
			return Statement{}, fmt.Errorf("statement of %s: decode line: %w", filter.Owner, err)
		}
		if err := draft.add(k, row); err != nil {
			return Statement{}, err
		}
	}
	draft.close()
	statement.Totals = draft.totals.lines()
	return statement, nil
}

// drafter folds the lines of a period, in which a session's are neighbours,
// its hold first.
type drafter struct {
	statement *Statement
	from      []byte // where the page begins
	limit     int
	totals    tally

	open     SessionStatement
	last     []byte // key of the open session's last line
	session  tally
	hasHold  bool
	pageEnd  Cursor
	finished bool // the page is full, and there is more
}

func (d *drafter) add(k []byte, row lineRow) error {
	session := formatUUID(k[len(k)-32 : len(k)-16])
	if string(session) != string(d.open.Session) {
		d.close()
		d.open = SessionStatement{Session: SessionID(session), User: row.User}
		d.session, d.hasHold = make(tally), false
	}
	d.last = clone(k)
	if row.Placed {
		d.hasHold = !row.Voided
	} else {
		d.open.Attempts++
		d.open.Phase, d.open.Ended = row.Phase, row.Ended
	}
	for _, t := range []tally{d.totals, d.session} {
		if err := t.addRow(row, d.hasHold); err != nil {
			return err
		}
	}
	return nil
}

// close puts the open session on the page, if it belongs there.
func (d *drafter) close() {
	if d.open.Session == "" || d.finished || string(d.last) < string(d.from) {
		return
	}
	if d.open.Attempts == 0 && len(d.session) == 0 {
		return // voided before anything happened
	}
	if len(d.statement.Sessions) == d.limit {
		d.finished = true
		d.statement.Next = d.pageEnd
		return
	}
	d.open.Lines = d.session.lines()
	d.statement.Sessions = append(d.statement.Sessions, d.open)
	d.pageEnd = cursorAt(d.last)
}

// tally sums what lines say of each resource.
type tally map[Quantity]*sums // by name and unit; the amount is not used

type sums struct {
	estimated, held, used, charged, unbilled       Total
	isEstimated, isHeld, isUsed, isDue, isUnbilled bool
}

func (t tally) addRow(row lineRow, hasHold bool) error {
	// A session's estimate is that of its hold; without one, its attempts'.
	estimate := row.Estimate
	if hasHold && !row.Placed || row.Voided {
		estimate = nil
	}
	for _, q := range estimate {
		s := t.of(q)
		if err := grow(&s.estimated, &s.isEstimated, q.Amount); err != nil {
			return err
		}
		if !row.Placed || row.Settled {
			continue
		}
		if err := grow(&s.held, &s.isHeld, q.Amount); err != nil {
			return err
		}
	}
	for _, q := range row.Resources {
		s := t.of(q)
		if err := grow(&s.used, &s.isUsed, q.Amount); err != nil {
			return err
		}
	}
	for _, q := range row.Charges {
		s := t.of(q)
		if err := grow(&s.charged, &s.isDue, q.Amount); err != nil {
			return err
		}
	}
	for _, q := range row.Unbilled {
		s := t.of(q)
		if err := grow(&s.unbilled, &s.isUnbilled, q.Amount); err != nil {
			return err
		}
	}
	return nil
}

func (t tally) of(q Quantity) *sums {
	q.Amount = 0
	s, found := t[q]
	if !found {
		s = new(sums)
		t[q] = s
	}
	return s
}

func grow(total *Total, counted *bool, a Amount) (err error) {
	*counted = true
	*total, err = total.Add(a)
	return err
}

func (t tally) lines() []StatementLine {
	lines := make([]StatementLine, 0, len(t))
	for q, s := range t {
		l := StatementLine{Resource: q.Name, Unit: q.Unit}
		l.Estimated = optional(s.isEstimated, s.estimated, q.Unit)
		l.Held = optional(s.isHeld, s.held, q.Unit)
		l.Used = optional(s.isUsed, s.used, q.Unit)
		l.Charged = optional(s.isDue, s.charged, q.Unit)
		l.Unbilled = optional(s.isUnbilled, s.unbilled, q.Unit)
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b StatementLine) int {
		return strings.Compare(string(a.Resource)+"\x00"+string(a.Unit), string(b.Resource)+"\x00"+string(b.Unit))
	})
	return lines
}

func optional(counted bool, total Total, unit Unit) Decimal {
	if !counted {
		return ""
	}
	return total.Format(unit)
}
