package accounting

import (
	"encoding/csv"
	"io"
	"strings"
)

// csvColumns are those of a statement as CSV. A row is an allocation, a total
// or a session's line, as the first column says; what doesn't apply is empty.
var csvColumns = []string{
	"row", "owner", "period", "session", "user", "phase", "ended", "resource", "unit",
	"estimated", "held", "used", "priced", "corrected", "discounted", "refunded", "charged", "unbilled",
	"limit", "allocated", "left",
}

// WriteCSV writes a statement as CSV (RFC 4180). The first of its pages, whole,
// begins with the names of the columns, the allocations and the totals; those
// that follow have sessions only, so that pages one after the other are the
// whole.
func (s *Statement) WriteCSV(to io.Writer, first bool) error {
	w := csv.NewWriter(to)
	w.UseCRLF = true
	var rows [][]string
	if first {
		rows = append(rows, csvColumns)
		for _, b := range s.Budgets {
			left, err := b.Left()
			if err != nil {
				return err
			}
			row := s.csvRow("allocation")
			row[7], row[8], row[10], row[16] = csvText(string(b.Resource)), csvText(string(b.Unit)), string(b.Held.Format(b.Unit)), string(b.Charged.Format(b.Unit))
			row[18], row[19], row[20] = string(b.Limit), string(b.Allocated.Format(b.Unit)), string(left.Format(b.Unit))
			rows = append(rows, row)
		}
		for _, l := range s.Totals {
			rows = append(rows, l.csv(s.csvRow("total")))
		}
	}
	for _, one := range s.Sessions {
		for _, l := range one.Lines {
			row := s.csvRow("session")
			row[3], row[4], row[5] = string(one.Session), csvText(string(one.User)), string(one.Phase)
			if one.Ended != 0 {
				row[6] = one.Ended.String()
			}
			rows = append(rows, l.csv(row))
		}
	}
	return w.WriteAll(rows)
}

func (s *Statement) csvRow(kind string) []string {
	row := make([]string, len(csvColumns))
	row[0], row[1], row[2] = kind, csvText(s.Owner.String()), string(s.Period)
	return row
}

// csv fills a line's columns in.
func (l StatementLine) csv(row []string) []string {
	row[7], row[8] = csvText(string(l.Resource)), csvText(string(l.Unit))
	for i, amount := range []Decimal{l.Estimated, l.Held, l.Used, l.Priced, l.Corrected, l.Discounted, l.Refunded, l.Charged, l.Unbilled} {
		row[9+i] = string(amount)
	}
	return row
}

// csvText keeps a spreadsheet from taking a name, which anybody may have chosen,
// for a formula: it is quoted where it begins like one.
func csvText(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
