package accounting

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// HistoryColumns are those of the history as CSV, a row an attempt. They are only
// ever added to, at the end. Amounts of several resources stand in one column, as
// "core-seconds=30 s; total-time=612.5 s".
func HistoryColumns() []string {
	return []string{
		"historyRef", "session", "attempt", "phase", "pending", "node", "executor", "executorName",
		"tag", "programme", "proposal", "user", "group", "period",
		"opened", "started", "stalled", "ended", "updated",
		"used", "estimated", "charged", "tariff", "failureCode", "failure", "trace",
	}
}

// EntryColumns are those of an account's entries as CSV. They are only ever added
// to, at the end.
func EntryColumns() []string {
	return []string{
		"account", "number", "time", "amount", "unit", "kind", "session", "historyRef", "hold", "adjustment", "tariff", "counter", "pending",
	}
}

// WriteHistoryCSV writes attempts as CSV (RFC 4180), one after the other and
// without the names of the columns. What was used is by the newest word, and so is
// what was charged.
func WriteHistoryCSV(to io.Writer, page []HistoryEntry) error {
	rows := make([][]string, len(page))
	for i := range page {
		rows[i] = page[i].csv()
	}
	return writeCSV(to, rows)
}

// WriteEntriesCSV writes entries as CSV, without the names of the columns.
func WriteEntriesCSV(to io.Writer, page []Entry) error {
	rows := make([][]string, len(page))
	for i, e := range page {
		rows[i] = []string{
			e.Account.String(), strconv.FormatUint(e.Number, 10), csvTime(e.Time), string(e.Amount), csvText(string(e.Unit)), string(e.Kind),
			string(e.Session), string(e.HistoryRef), string(e.Hold), string(e.Adjustment), csvText(string(e.Tariff)), e.Counter.String(),
			csvFlag(e.Pending),
		}
	}
	return writeCSV(to, rows)
}

// WriteColumns writes the row that names the columns.
func WriteColumns(to io.Writer, columns []string) error { return writeCSV(to, [][]string{columns}) }

func writeCSV(to io.Writer, rows [][]string) error {
	w := csv.NewWriter(to)
	w.UseCRLF = true
	return w.WriteAll(rows)
}

func (e *HistoryEntry) csv() []string {
	used, code, failure := e.Resources, "", ""
	if e.Corrected != nil {
		used = e.Corrected.Resources
	}
	if e.Failure != nil {
		code, failure = strconv.Itoa(e.Failure.Code), e.Failure.Message
	}
	o := e.Owners
	return []string{
		string(e.HistoryRef), string(e.Session), strconv.Itoa(e.Attempt), string(e.Phase), csvFlag(e.Pending),
		csvText(string(e.Node)), string(e.Executor), csvText(e.ExecutorName),
		csvText(string(o.TAG.ID)), csvText(string(o.Programme.ID)), csvText(string(o.Proposal.ID)), csvText(string(o.User.ID)),
		csvText(string(o.Group.ID)), csvText(string(e.Period)),
		csvTime(e.Opened), csvTime(e.Started), csvTime(e.Stalled), csvTime(e.Ended), csvTime(e.Updated),
		csvAmounts(used), csvAmounts(e.Estimate), csvAmounts(e.Billed()), csvText(string(e.Tariff)), code, csvText(failure), string(e.Trace),
	}
}

func csvTime(at Instant) string {
	if at == 0 {
		return ""
	}
	return at.String()
}

func csvFlag(is bool) string {
	if is {
		return "true"
	}
	return ""
}

func csvAmounts(list []Quantity) string {
	parts := make([]string, len(list))
	for i, q := range list {
		parts[i] = strings.TrimSpace(string(q.Name) + "=" + string(q.Amount.Format(q.Unit)) + " " + string(q.Unit))
	}
	return csvText(strings.Join(parts, "; "))
}
