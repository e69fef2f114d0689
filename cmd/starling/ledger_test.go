package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// ledgerNode answers what is asked of the ledger as a test has written it, and
// keeps what was ordered.
type ledgerNode struct {
	*httptest.Server
	answers map[string]string // by METHOD path?query

	mu      sync.Mutex
	ordered []string // path, key and body
}

func (n *ledgerNode) orders() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ordered)
}

func newLedgerNode(t *testing.T, answers map[string]string) *ledgerNode {
	n := &ledgerNode{answers: answers}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := r.Method + " " + r.URL.RequestURI()
		if r.Header.Get("Accept") == "text/csv" {
			what += " as csv"
		}
		answer, known := n.answers[what]
		if !known {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"title": "Conflict", "status": 409, "detail": "proposal:P-7, monetary of 2026B: not enough funds: of 5 EUR allocated, 3 are charged"}`)
			return
		}
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			n.mu.Lock()
			n.ordered = append(n.ordered, r.URL.Path+" "+r.Header.Get("Idempotency-Key")+" "+string(body))
			n.mu.Unlock()
		}
		if next, more := strings.CutPrefix(answer, "next:"); more {
			w.Header().Set("Link", `</statements?cursor=2&owner=proposal%3AP-7>; rel="next"`)
			answer = next
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(n.Close)
	return n
}

const (
	budgetJSON = `{"owner": "proposal:P-7", "period": "2026B", "resource": "monetary", "unit": "EUR", "limit": "hard",
		"allocated": "100", "charged": "25.5", "held": "3", "entrusted": "0", "left": "71.5"}`
	linesJSON = `[{"resource": "core-seconds", "unit": "s", "used": "3600.25"},
		{"resource": "monetary", "unit": "EUR", "estimated": "30", "held": "3", "charged": "25.5",
		 "priced": "29", "corrected": "-1", "discounted": "2.5", "refunded": "0"}]`
	entryJSON = `"historyRef": "` + firstID + `", "session": "` + nextID + `", "phase": "COMPLETED", "attempt": 1, "node": "dev", "period": "2026B",
		"owners": {"proposal": {"id": "P-7"}, "user": {"id": "alice"}}, "opened": "2026-12-01T12:00:00.000Z",
		"resources": [{"name": "core-seconds", "amount": "60", "unit": "s"}, {"name": "dark-time", "amount": "5", "unit": "s"}],
		"charges": [{"name": "monetary", "amount": "4", "unit": "EUR"}]`
)

func TestAStatementAddsUpInEightyColumns(t *testing.T) {
	n := newLedgerNode(t, map[string]string{
		"GET /statements?owner=proposal%3AP-7": `{"owner": "proposal:P-7", "name": "Deep field", "period": "2026B",
			"budgets": [` + budgetJSON + `], "totals": ` + linesJSON + `,
			"sessions": [{"session": "` + nextID + `", "user": "alice", "attempts": 1, "phase": "COMPLETED", "ended": "2026-12-01T12:00:00.000Z", "lines": ` + linesJSON + `}]}`,
	})
	got := starling(t, n.URL, "statement", "--owner", "proposal:P-7", "--sessions")
	assert.Equal(t, 0, got.status, got.err)
	lines := `RESOURCE          ESTIMATED     USED  CHARGED  HELD
core-seconds (s)             3600.25
monetary (EUR)           30              25.5     3

ADJUSTED        PRICED  CORRECTED  DISCOUNTED  CHARGED
monetary (EUR)      29         -1        -2.5     25.5
`
	assert.Equal(t, `statement of proposal:P-7 (Deep field) for 2026B, August 2026 to January 2027

BUDGET          LIMIT  ALLOCATED  CHARGED  HELD  LEFT
monetary (EUR)  hard         100     25.5     3  71.5

`+lines+`
session `+nextID+`  COMPLETED  12:00:00
`+lines, got.out)
	for _, format := range []string{"json", "yaml"} {
		got = starling(t, n.URL, "statement", "--owner", "proposal:P-7", "-o", format)
		assert.Contains(t, got.out, "71.5", format)
		assert.Contains(t, got.out, nextID, format)
	}
}

func TestAStatementAsCSVIsAllOfItsPages(t *testing.T) {
	n := newLedgerNode(t, map[string]string{
		"GET /statements?owner=proposal%3AP-7 as csv":          "next:row,owner\r\ntotal,a\r\n",
		"GET /statements?cursor=2&owner=proposal%3AP-7 as csv": "session,a\r\n",
	})
	got := starling(t, n.URL, "statement", "--owner", "proposal:P-7", "-o", "csv")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, "row,owner\r\ntotal,a\r\nsession,a\r\n", got.out)
	got = starling(t, n.URL, "sessions", "-o", "csv")
	assert.Equal(t, 2, got.status)
}

func TestAnAllocationSaysWhereTheBudgetStands(t *testing.T) {
	n := newLedgerNode(t, map[string]string{"POST /allocations": `{"owner": "proposal:P-7", "budget": ` + budgetJSON + `}`})
	got := starling(t, n.URL, "allocate", "proposal:P-7", "100", "EUR", "--reason", "TAC", "--key", "k1")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `OWNER         PERIOD  BUDGET          LIMIT  ALLOCATED  CHARGED  HELD  LEFT
proposal:P-7  2026B   monetary (EUR)  hard         100     25.5     3  71.5
`, got.out)
	assert.Equal(t, []string{`/allocations k1 {"amount":{"amount":"100","name":"monetary","unit":"EUR"},"limit":"hard","owner":"proposal:P-7","period":"2026B","reason":"TAC"}`}, n.orders())

	n = newLedgerNode(t, nil)
	got = starling(t, n.URL, "allocate", "proposal:P-7", "--reason", "less", "--", "-4")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "proposal:P-7, monetary of 2026B: not enough funds: of 5 EUR allocated, 3 are charged")
	for _, mistake := range [][]string{
		{"allocate", "proposal:P-7", "--reason", "x"}, {"allocate", "proposel:P-7", "1", "--reason", "x"},
		{"allocate", "proposal:P-7", "much", "--reason", "x"}, {"allocate", "proposal:P-7", "1"},
		{"refund", firstID, "--reason", "x"}, {"refund", firstID, "1", "--all", "--reason", "x"}, {"refund", "x", "1", "--reason", "x"},
		{"correct", firstID, "--reason", "x"}, {"enrol", "proposal:"},
	} {
		assert.Equal(t, 2, starling(t, n.URL, mistake...).status, mistake)
	}
}

func TestACorrectionKeepsWhatIsNotNamed(t *testing.T) {
	n := newLedgerNode(t, map[string]string{
		"GET /history/" + firstID: "{" + entryJSON + "}",
		"POST /history/" + firstID + "/corrections": "{" + entryJSON + `, "adjustments": [{"id": "` + nextID + `", "kind": "correction", "time": "2026-12-01T12:00:00.000Z", "by": "eve",
			"reason": "idle", "charges": [{"name": "monetary", "amount": "2", "unit": "EUR"}]}],
			"bill": [{"resource": "monetary", "unit": "EUR", "due": "2", "billed": "2"}]}`,
	})
	got := starling(t, n.URL, "correct", firstID, "core-seconds=30", "--reason", "idle")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, []string{`/history/` + firstID + `/corrections  {"reason":"idle","resources":[{"name":"core-seconds","amount":"30","unit":"s"},{"name":"dark-time","amount":"5","unit":"s"}]}`}, n.orders())
	assert.Equal(t, `attempt `+firstID+` of proposal:P-7, 2026B
  used      60 core-seconds, 5 s dark-time
  priced    4 EUR
  corrected to 2 EUR, by eve: idle
  charged   2 EUR
`, got.out)
	for mistake, want := range map[string]string{
		"core-secondz=30":  "the attempt counts no core-secondz; to add it, say its unit too, as core-secondz=30s",
		"core-seconds=30h": "the attempt counts core-seconds in s",
		"core-seconds":     "is not NAME=AMOUNT[UNIT]",
	} {
		got := starling(t, n.URL, "correct", firstID, mistake, "--reason", "x")
		assert.NotZero(t, got.status)
		assert.Contains(t, got.err, want)
	}
	assert.Len(t, n.orders(), 1)
}

func TestARefundOfAllIsWhatIsStillCharged(t *testing.T) {
	entry := "{" + entryJSON + `, "bill": [{"resource": "monetary", "unit": "EUR", "due": "4", "returned": "1", "billed": "3"}]}`
	n := newLedgerNode(t, map[string]string{"GET /history/" + firstID: entry, "POST /history/" + firstID + "/refunds": entry})
	got := starling(t, n.URL, "refund", firstID, "--all", "--reason", "lost")
	assert.Equal(t, 0, got.status, got.err)
	got = starling(t, n.URL, "refund", firstID, "1.25", "--reason", "clouds")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, []string{
		`/history/` + firstID + `/refunds  {"amounts":[{"name":"monetary","amount":"3","unit":"EUR"}],"reason":"lost"}`,
		`/history/` + firstID + `/refunds  {"amounts":[{"amount":"1.25","name":"monetary"}],"reason":"clouds"}`,
	}, n.orders())
}

func TestBudgetsSayWhyTheyAreOverdrawn(t *testing.T) {
	n := newLedgerNode(t, map[string]string{"GET /budgets?limited=true": `{"budgets": [{"owner": "user:alice", "period": "2026B", "resource": "monetary", "unit": "EUR", "limit": "soft",
		"allocated": "1", "charged": "1.6", "held": "0", "entrusted": "0", "left": "-0.6", "overdrafts": [{"session": "` + nextID + `", "historyRef": "` + firstID + `",
		"node": "leeds", "time": "2026-12-01T12:00:00.000Z", "amount": "0.8", "left": "-0.6", "apart": "2026-12-01T11:58:00.000Z", "reason": "accepted at leeds, alone"}]}]}`})
	got := starling(t, n.URL, "budgets")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, `
user:alice is overdrawn in 2026B (-0.6 EUR left), newest first by:
  2026-12-01T12:00:00.000Z  session `+nextID+` took 0.8 EUR: accepted at leeds, alone
`)
}
