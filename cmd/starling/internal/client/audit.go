package client

import (
	"context"
	"net/url"

	"starling/accounting"
)

// AuditList is a page of the audit trail.
type AuditList struct {
	Audit []accounting.AuditEntry `json:"audit"`
	Next  string                  `json:"next,omitempty"`
}

// AuditFilter chooses audit records; what is empty chooses all.
type AuditFilter struct {
	User     string
	Action   string
	Object   string // "session:UUID", or a UUID
	Decision string // allowed or denied
	At       string // a node
	Trace    string
	Since    string // RFC 3339, as Until is
	Until    string
	Oldest   bool // the oldest first
	Limit    int
}

func (AuditFilter) path() string { return "/audit" }

func (f AuditFilter) query() url.Values {
	query := limited(f.Limit)
	for name, value := range map[string]string{
		"user": f.User, "action": f.Action, "object": f.Object, "decision": f.Decision, "node": f.At, "trace": f.Trace, "since": f.Since, "until": f.Until,
	} {
		setUnlessEmpty(query, name, value)
	}
	if f.Oldest {
		query.Set("oldest", "true")
	}
	return query
}

// Audit lists audit records, the newest first, one page of them or all.
func (c *Client) Audit(ctx context.Context, filter AuditFilter, all bool) (*AuditList, error) {
	list := &AuditList{Audit: []accounting.AuditEntry{}}
	next, err := pages(ctx, c, filter.path(), filter.query(), all, func(page *AuditList) string {
		list.Audit = append(list.Audit, page.Audit...)
		return page.Next
	})
	list.Next = next
	return list, err
}
