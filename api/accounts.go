package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"starling/accounting"
)

type accountList struct {
	Accounts []accounting.Account `json:"accounts"`
	Next     string               `json:"next,omitempty"`
}

// accounts answers GET /accounts: what is on the accounts that the caller may
// see.
func (s *Server) accounts(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	q := v.query("owner", "resource", "period", "side", "limit", "cursor", consistency)
	filter := accounting.AccountFilter{
		Owner:    q.owner(),
		Resource: accounting.Resource(q.text("resource")),
		Period:   q.period(),
		Side:     accounting.Side(q.text("side")),
	}
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Accounts(v.Request().Context(), v.caller, look, filter, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, accountList{Accounts: page, Next: v.next(q, string(next))})
}

type entryList struct {
	Entries []accounting.Entry `json:"entries"`
	Next    string             `json:"next,omitempty"`
}

// entries answers GET /accounts/{id}/entries, newest first: a page, or all as lines
// or CSV.
func (s *Server) entries(v *visit) error {
	form, err := v.prefers(jsonType, linesType, csvType)
	if err != nil {
		return err
	}
	var id accounting.AccountID
	if err := id.UnmarshalText([]byte(v.Param("id"))); err != nil {
		return invalid("id", err.Error())
	}
	q := v.query("limit", "cursor", consistency)
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	if form != jsonType {
		return export(v, form, q, look, exporter[accounting.Entry]{
			columns: accounting.EntryColumns(), csv: accounting.WriteEntriesCSV,
			list: func(ctx context.Context, cursor accounting.Cursor, limit int) ([]accounting.Entry, accounting.Cursor, error) {
				return s.Broker.Entries(ctx, v.caller, look, id, cursor, limit)
			},
		})
	}
	page, next, err := s.Broker.Entries(v.Request().Context(), v.caller, look, id, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, entryList{Entries: page, Next: v.next(q, string(next))})
}

// statement answers GET /statements: what one owner used and was charged in one
// period, the caller and the current semester where nothing else is asked. As
// CSV a page is as long as may be, and Link says where it goes on.
func (s *Server) statement(v *visit) error {
	form, err := v.prefers(jsonType, csvType)
	if err != nil {
		return err
	}
	asCSV := form == csvType
	q := v.query("owner", "period", "limit", "cursor", consistency)
	filter := accounting.StatementFilter{Owner: q.owner(), Period: q.period()}
	if filter.Owner.IsZero() {
		filter.Owner = accounting.User(accounting.OwnerID(v.caller.User))
	}
	if filter.Period == "" {
		filter.Period = accounting.PeriodAt(v.began)
	}
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if asCSV && q.text("limit") == "" {
		limit = s.Limits.Page
	}
	if q.err != nil {
		return q.err
	}
	statement, err := s.Broker.Statement(v.Request().Context(), v.caller, look, filter, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	statement.Next = accounting.Cursor(v.next(q, string(statement.Next)))
	if !asCSV {
		return v.answerJSON(http.StatusOK, statement)
	}
	if statement.Next != "" {
		v.header().Set("Link", "<"+v.absolute(string(statement.Next))+`>; rel="next"`)
	}
	buffer := s.buffers.lend()
	defer s.buffers.giveBack(buffer)
	if err := statement.WriteCSV(buffer, cursor == ""); err != nil {
		return fmt.Errorf("write a statement: %w", err)
	}
	return v.send(http.StatusOK, csvType+"; charset=utf-8", buffer.Bytes())
}

// period is a period's name.
func (q *query) period() accounting.Period {
	period := accounting.Period(q.text("period"))
	if err := period.Validate(); period != "" && err != nil {
		q.wrong("period", "want a short name such as 2026B, the semester from August 2026 to January 2027")
	}
	return period
}

// owner is "kind:id"; a bare name is a user's.
func (q *query) owner() accounting.Owner {
	text := q.text("owner")
	if text == "" {
		return accounting.Owner{}
	}
	if !strings.Contains(text, ":") {
		return accounting.User(accounting.OwnerID(text))
	}
	var owner accounting.Owner
	if err := owner.UnmarshalText([]byte(text)); err != nil {
		q.wrong("owner", "want user:NAME, proposal:ID, group:ID, programme:ID, tag:ID or node:NAME")
	}
	return owner
}
