package api

import (
	"context"
	"net/http"
	"strings"

	"starling/accounting"
	"starling/federation/identity"
)

type historyList struct {
	History []accounting.HistoryEntry `json:"history"`
	Next    string                    `json:"next,omitempty"`
}

// history answers GET /history: a page of execution attempts, newest first, or all
// of them as lines or CSV.
func (s *Server) history(v *visit) error {
	form, err := v.prefers(jsonType, linesType, csvType)
	if err != nil {
		return err
	}
	q := v.query("owner", "session", "user", "proposal", "node", "executor", "phase", "trace", "since", "until", "limit", "cursor", consistency)
	filter := accounting.HistoryFilter{
		Owner:    q.owner(),
		User:     accounting.OwnerID(q.text("user")),
		Proposal: accounting.OwnerID(q.text("proposal")),
		Session:  accounting.SessionID(strings.ToLower(q.text("session"))),
		Node:     accounting.NodeName(q.text("node")),
		Executor: accounting.ExecutorID(q.text("executor")),
		Phase:    q.attemptPhase(),
		Trace:    accounting.Trace(q.trace()),
		Since:    accounting.At(q.instant("since")),
		Until:    accounting.At(q.instant("until")),
	}
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	if form != jsonType {
		return export(v, form, q, look, exporter[accounting.HistoryEntry]{
			columns: accounting.HistoryColumns(), csv: accounting.WriteHistoryCSV,
			list: func(ctx context.Context, cursor accounting.Cursor, limit int) ([]accounting.HistoryEntry, accounting.Cursor, error) {
				return s.Broker.History(ctx, v.caller, look, filter, cursor, limit)
			},
		})
	}
	page, next, err := s.Broker.History(v.Request().Context(), v.caller, look, filter, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, historyList{History: page, Next: v.next(q, string(next))})
}

// trace is that of a request.
func (q *query) trace() identity.Trace {
	text := q.text("trace")
	if text == "" {
		return ""
	}
	trace, err := identity.ParseTrace(strings.ToLower(text))
	if err != nil {
		q.wrong("trace", err.Error())
	}
	return trace
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
	q := v.query(consistency)
	look := q.look()
	if q.err != nil {
		return q.err
	}
	entry, err := s.Broker.HistoryEntry(v.Request().Context(), v.caller, look, ref)
	if err != nil {
		return err
	}
	v.tell(look)
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
	q := v.query("limit", "cursor", consistency)
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Updates(v.Request().Context(), v.caller, look, ref, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, updateList{Updates: page, Next: v.next(q, string(next))})
}
