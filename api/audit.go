package api

import (
	"context"
	"net/http"
	"strings"

	"starling/accounting"
)

type auditList struct {
	Audit []accounting.AuditEntry `json:"audit"`
	Next  string                  `json:"next,omitempty"`
}

// audit answers GET /audit: who did what, and who was refused, newest first; a page of
// it, or all as lines or CSV.
func (s *Server) audit(v *visit) error {
	form, err := v.prefers(jsonType, linesType, csvType)
	if err != nil {
		return err
	}
	q := v.query("user", "action", "object", "decision", "node", "trace", "since", "until", "oldest", "limit", "cursor", consistency)
	filter := accounting.AuditFilter{
		User:     accounting.OwnerID(q.text("user")),
		Action:   q.text("action"),
		Object:   q.text("object"),
		Decision: q.decision(),
		Node:     accounting.NodeName(q.text("node")),
		Trace:    accounting.Trace(q.trace()),
		Since:    accounting.At(q.instant("since")),
		Until:    accounting.At(q.instant("until")),
		Oldest:   q.flag("oldest"),
	}
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	if form != jsonType {
		return export(v, form, q, look, exporter[accounting.AuditEntry]{
			columns: accounting.AuditColumns(), csv: accounting.WriteAuditCSV,
			list: func(ctx context.Context, cursor accounting.Cursor, limit int) ([]accounting.AuditEntry, accounting.Cursor, error) {
				return s.Broker.Audit(ctx, v.caller, look, filter, cursor, limit)
			},
		})
	}
	page, next, err := s.Broker.Audit(v.Request().Context(), v.caller, look, filter, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, auditList{Audit: page, Next: v.next(q, string(next))})
}

// decision is what was decided.
func (q *query) decision() accounting.Verdict {
	decision := accounting.Verdict(strings.ToLower(q.text("decision")))
	if decision != "" && decision != accounting.Allowed && decision != accounting.Denied {
		q.wrong("decision", "want allowed or denied")
	}
	return decision
}
