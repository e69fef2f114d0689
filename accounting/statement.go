package accounting

import "fmt"

// A Statement is what an owner estimated, used and was charged in a period,
// altogether and session by session, and where that leaves its allocations.
type Statement struct {
	Owner  Owner  `json:"owner"`
	Name   string `json:"name,omitempty"`
	Period Period `json:"period"`
	// Budgets are those in which something was allocated; of a programme or a
	// TAG, which have no sessions of their own, all in which anything happened.
	Budgets  []Budget           `json:"budgets,omitempty"`
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
	Pending  bool            `json:"pending,omitzero"` // some of it is not on record yet
}

// A StatementLine is one resource's part. What was never counted is left out:
// nobody is charged core-seconds, and nobody uses euros. Where anything was
// adjusted,
//
//	priced + corrected - discounted - refunded = charged + unbilled
type StatementLine struct {
	Resource  Resource `json:"resource"`
	Unit      Unit     `json:"unit,omitempty"`
	Estimated Decimal  `json:"estimated,omitempty"`
	Held      Decimal  `json:"held,omitempty"` // of the estimate, not settled yet
	Used      Decimal  `json:"used,omitempty"`
	Charged   Decimal  `json:"charged,omitempty"`
	Unbilled  Decimal  `json:"unbilled,omitempty"` // due, but a hard limit forbade to charge it

	Priced     Decimal `json:"priced,omitempty"` // as first charged, before any adjustment
	Corrected  Decimal `json:"corrected,omitempty"`
	Discounted Decimal `json:"discounted,omitempty"`
	Refunded   Decimal `json:"refunded,omitempty"`
}

// A StatementFilter says whose statement, of when.
type StatementFilter struct {
	Caller Caller // who asks; the zero Caller gets ErrNotFound
	Owner  Owner
	Period Period
}

// MakeStatement draws up a statement, with at most limit sessions from the
// cursor on. A user's statement has all of her sessions, whoever paid. Somebody
// else's is ErrNotFound; one with nothing in it is empty, unless nothing is
// known of the period either: then its name is probably a mistake (ErrInvalid).
func MakeStatement(view View, filter StatementFilter, cursor Cursor, limit int) (Statement, error) {
	if !filter.Caller.seesAccount(filter.Owner) {
		return Statement{}, notFound("statement of " + filter.Owner.String())
	}
	if err := filter.Period.validate("statement"); err != nil {
		return Statement{}, err
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
		draft.open.Pending = draft.open.Pending || pending(view, k)
	}
	if err := draft.close(); err != nil {
		return Statement{}, err
	}
	if statement.Totals, err = draft.totals.lines(); err != nil {
		return Statement{}, err
	}
	if statement.Budgets, err = statementBudgets(view, filter); err != nil {
		return Statement{}, err
	}
	if _, _, known := filter.Period.Semester(); !known && len(statement.Totals)+len(statement.Budgets) == 0 {
		return Statement{}, invalid("statement", "nothing is known of a period %q; semesters are written like 2026A (from February) and 2026B (from August)", string(filter.Period))
	}
	return statement, nil
}

// statementBudgets are those of the period that a statement shows.
func statementBudgets(view View, filter StatementFilter) ([]Budget, error) {
	payer := filter.Owner.Kind == KindUser || filter.Owner.Kind == KindProposal
	budgets, _, err := Budgets(view, BudgetFilter{
		Caller: filter.Caller, Owner: filter.Owner, Period: filter.Period, Limited: payer,
	}, "", MaxLimit)
	if err != nil {
		return nil, err
	}
	return budgets, Explain(view, budgets)
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
		if err := d.close(); err != nil {
			return err
		}
		d.open = SessionStatement{Session: SessionID(session), User: row.User}
		d.session, d.hasHold = make(tally), false
	}
	d.last = clone(k)
	if row.Placed {
		d.hasHold = d.hasHold || !row.Voided
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
func (d *drafter) close() error {
	if d.open.Session == "" || d.finished || string(d.last) < string(d.from) {
		return nil
	}
	if d.open.Attempts == 0 && len(d.session) == 0 {
		return nil // voided before anything happened
	}
	if len(d.statement.Sessions) == d.limit {
		d.finished = true
		d.statement.Next = d.pageEnd
		return nil
	}
	lines, err := d.session.lines()
	if err != nil {
		return err
	}
	d.open.Lines = lines
	d.statement.Sessions = append(d.statement.Sessions, d.open)
	d.pageEnd = cursorAt(d.last)
	return nil
}
