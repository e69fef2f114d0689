package accounting_test

import (
	"bytes"
	"encoding/csv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
)

// read reads CSV as rows by the names of their columns.
func read(t *testing.T, text []byte, columns []string) (rows []map[string]string) {
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	for _, line := range lines {
		require.Len(t, line, len(columns))
		row := map[string]string{}
		for i, name := range columns {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestHistoryAsCSVHasARowForEachAttempt(t *testing.T) {
	l := newLedger(t)
	l.apply(open(0, "=SUM(A1)"))
	failed := complete(t, 0, "2.5")
	failed.Outcome, failed.Failure = Failed, &Failure{Code: 660, Message: "cloud, \"thick\"\nand rain"}
	l.apply(failed)
	l.apply(open(1, "v"))
	l.apply(complete(t, 1, "2"))
	l.apply(correct(t, 1, 1, "10", "1"))
	page, _, err := Histories(l.tx, HistoryFilter{Caller: Everyone(), Oldest: true}, "", 0)
	require.NoError(t, err)
	page[1].Pending = true
	var out bytes.Buffer
	require.NoError(t, WriteColumns(&out, HistoryColumns()))
	require.NoError(t, WriteHistoryCSV(&out, page[:1]))
	require.NoError(t, WriteHistoryCSV(&out, page[1:]))
	rows := read(t, out.Bytes(), HistoryColumns())
	require.Len(t, rows, 3)
	for name, value := range rows[0] {
		assert.Equal(t, name, value)
	}
	for name, want := range map[string]string{
		"historyRef": string(ref(0)), "session": string(session(0)), "attempt": "1", "phase": "FAILED", "pending": "", "node": "a",
		"user": "'=SUM(A1)", "period": "2026B", "opened": noon.String(), "started": "", "ended": (noon + 60_000).String(),
		"used": "total-time=612.5 s; dark-time=300 s", "charged": "monetary=2.5 EUR", "failureCode": "660", "failure": "cloud, \"thick\"\nand rain",
	} {
		assert.Equal(t, want, rows[1][name], name)
	}
	assert.Equal(t, "total-time=10 s", rows[2]["used"], "as corrected")
	assert.Equal(t, "monetary=1 EUR", rows[2]["charged"])
	assert.Equal(t, "true", rows[2]["pending"])
	assert.Contains(t, out.String(), "\r\n", "RFC 4180")
}

func TestEntriesAsCSV(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 0, "u", "2"))
	l.apply(VoidHold{Hold: hold(0), Time: noon + 1})
	list, _, err := Accounts(l.tx, AccountFilter{Caller: Everyone(), Owner: User("u"), Side: Held}, "", 0)
	require.NoError(t, err)
	entries, _, err := Entries(l.tx, Everyone(), list[0].ID, "", 0)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, WriteEntriesCSV(&out, entries))
	rows := read(t, out.Bytes(), EntryColumns())
	require.Len(t, rows, 2)
	assert.Equal(t, "-2", rows[0]["amount"], "a number is no formula")
	assert.Equal(t, "void", rows[0]["kind"])
	assert.Equal(t, string(hold(0)), rows[1]["hold"])
	assert.Equal(t, list[0].ID.String(), rows[1]["account"])
}

// Whatever names people choose, a spreadsheet takes none of them for a formula, and
// each row has all columns.
func TestNoNameInAnExportIsAFormula(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[=+\-@\t\r\n,;"'a]{0,6}`)
		e := HistoryEntry{
			Node: NodeName(name.Draw(rt, "node")), ExecutorName: name.Draw(rt, "executor"), Period: Period(name.Draw(rt, "period")),
			Owners: Owners{
				TAG: Party{ID: OwnerID(name.Draw(rt, "tag"))}, Programme: Party{ID: OwnerID(name.Draw(rt, "programme"))},
				Proposal: Party{ID: OwnerID(name.Draw(rt, "proposal"))}, User: Party{ID: OwnerID(name.Draw(rt, "user"))},
				Group: Party{ID: OwnerID(name.Draw(rt, "group"))},
			},
			Resources: []Quantity{{Resource(name.Draw(rt, "resource")), 5, Unit(name.Draw(rt, "unit"))}},
			Tariff:    TariffHash(name.Draw(rt, "tariff")), Failure: &Failure{Message: name.Draw(rt, "message")},
		}
		var out bytes.Buffer
		require.NoError(rt, WriteHistoryCSV(&out, []HistoryEntry{e}))
		for column, value := range read(t, out.Bytes(), HistoryColumns())[0] {
			if value != "" {
				assert.NotContains(rt, "=+-@\t\r\n", value[:1], "%s: %q", column, value)
			}
		}
	})
}
