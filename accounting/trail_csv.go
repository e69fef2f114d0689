package accounting

import (
	"io"
	"strconv"
	"strings"
)

// AuditColumns are those of the audit trail as CSV. They are only ever added to, at
// the end.
func AuditColumns() []string {
	return []string{
		"id", "time", "node", "via", "user", "issuer", "roles", "action", "object", "decision", "rule", "reason", "count", "until", "pending", "concealed", "trace",
	}
}

// WriteAuditCSV writes audit records as CSV, without the names of the columns.
func WriteAuditCSV(to io.Writer, page []AuditEntry) error {
	rows := make([][]string, len(page))
	for i, e := range page {
		via := make([]string, len(e.Via))
		for j, node := range e.Via {
			via[j] = string(node)
		}
		rows[i] = []string{
			string(e.ID), csvTime(e.Time), csvText(string(e.Node)), csvText(strings.Join(via, " ")),
			csvText(string(e.User)), csvText(e.Issuer), csvText(strings.Join(e.Roles, " ")),
			csvText(e.Action), csvText(e.Object), string(e.Decision), csvText(e.Rule), csvText(e.Reason),
			strconv.Itoa(max(1, e.Count)), csvTime(e.Until), csvFlag(e.Pending), csvFlag(e.Concealed), string(e.Trace),
		}
	}
	return writeCSV(to, rows)
}
