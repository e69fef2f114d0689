package api

import (
	"fmt"
	"net/http"
	"strings"

	"starling/accounting"
)

type historyList struct {
	History []accounting.HistoryEntry `json:"history"`
	Next    string                    `json:"next,omitempty"`
}

// history answers GET /history: a page of execution attempts, newest first.
func (s *Server) history(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	q := v.query("session", "user", "proposal", "node", "executor", "phase", "since", "until", "limit", "cursor")
	filter := accounting.HistoryFilter{
		User:     accounting.OwnerID(q.text("user")),
		Proposal: accounting.OwnerID(q.text("proposal")),
		Session:  accounting.SessionID(strings.ToLower(q.text("session"))),
		Node:     accounting.NodeName(q.text("node")),
		Executor: accounting.ExecutorID(q.text("executor")),
		Phase:    q.attemptPhase(),
		Since:    accounting.At(q.instant("since")),
		Until:    accounting.At(q.instant("until")),
	}
	limit, cursor := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor"))
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.History(v.Request().Context(), v.caller, filter, cursor, limit)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, historyList{History: page, Next: v.next(q, string(next))})
}

func (q *query) attemptPhase() accounting.Phase {
	phase := accounting.Phase(strings.ToUpper(q.text("phase")))
	switch phase {
	case "", accounting.Despatched, accounting.Running, accounting.Stalled,
		accounting.Completed, accounting.Partial, accounting.Failed, accounting.Abandoned:
		return phase
	}
	q.wrong("phase", "want one of DESPATCHED, RUNNING, STALLED, COMPLETED, PARTIAL, FAILED, ABANDONED")
	return ""
}

// historyEntry answers GET /history/{ref}.
func (s *Server) historyEntry(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	ref, err := v.uuid("ref")
	if err != nil {
		return err
	}
	entry, err := s.Broker.HistoryEntry(v.Request().Context(), v.caller, ref)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, entry)
}

type updateList struct {
	Updates []accounting.Update `json:"updates"`
	Next    string              `json:"next,omitempty"`
}

// updates answers GET /history/{ref}/updates: a page of what was reported of an
// attempt, as it was recorded, in order.
func (s *Server) updates(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	ref, err := v.uuid("ref")
	if err != nil {
		return err
	}
	q := v.query("limit", "cursor")
	limit, cursor := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor"))
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Updates(v.Request().Context(), v.caller, ref, cursor, limit)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, updateList{Updates: page, Next: v.next(q, string(next))})
}

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
	q := v.query("owner", "resource", "period", "side", "limit", "cursor")
	filter := accounting.AccountFilter{
		Owner:    q.owner(),
		Resource: accounting.Resource(q.text("resource")),
		Period:   q.period(),
		Side:     accounting.Side(q.text("side")),
	}
	limit, cursor := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor"))
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Accounts(v.Request().Context(), v.caller, filter, cursor, limit)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, accountList{Accounts: page, Next: v.next(q, string(next))})
}

type entryList struct {
	Entries []accounting.Entry `json:"entries"`
	Next    string             `json:"next,omitempty"`
}

// entries answers GET /accounts/{id}/entries, newest first.
func (s *Server) entries(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	var id accounting.AccountID
	if err := id.UnmarshalText([]byte(v.Param("id"))); err != nil {
		return invalid("id", err.Error())
	}
	q := v.query("limit", "cursor")
	limit, cursor := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor"))
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Entries(v.Request().Context(), v.caller, id, cursor, limit)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, entryList{Entries: page, Next: v.next(q, string(next))})
}

// statement answers GET /statements: what one owner used and was charged in one
// period, the caller and the current semester where nothing else is asked. As
// CSV a page is as long as may be, and Link says where it goes on.
func (s *Server) statement(v *visit) error {
	asCSV, err := v.prefersCSV()
	if err != nil {
		return err
	}
	q := v.query("owner", "period", "limit", "cursor")
	filter := accounting.StatementFilter{Owner: q.owner(), Period: q.period()}
	if filter.Owner.IsZero() {
		filter.Owner = accounting.User(accounting.OwnerID(v.caller.User))
	}
	if filter.Period == "" {
		filter.Period = accounting.PeriodAt(v.began)
	}
	limit, cursor := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor"))
	if asCSV && q.text("limit") == "" {
		limit = s.Limits.Page
	}
	if q.err != nil {
		return q.err
	}
	statement, err := s.Broker.Statement(v.Request().Context(), v.caller, filter, cursor, limit)
	if err != nil {
		return err
	}
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
	v.header().Set("Cache-Control", "no-cache")
	return v.send(http.StatusOK, csvType+"; charset=utf-8", buffer.Bytes())
}

const csvType = "text/csv"

// prefersCSV chooses between CSV and JSON, which is for those who don't say.
func (v *visit) prefersCSV() (bool, error) {
	v.header().Add("Vary", "Accept")
	header := strings.Join(v.Request().Header["Accept"], ",")
	csvQuality, csvExact := acceptance(header, csvType)
	jsonQuality, jsonExact := acceptance(header, "application/json")
	if csvQuality == 0 && jsonQuality == 0 {
		return false, unacceptable("application/json and " + csvType)
	}
	return csvQuality > jsonQuality || csvQuality == jsonQuality && csvExact > jsonExact, nil
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
