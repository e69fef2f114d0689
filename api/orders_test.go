package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

const sampleAllocation = `{"owner": "proposal:P-7", "period": "2026B", "limit": "hard", "amount": {"name": "monetary", "amount": "100", "unit": "EUR"}, "reason": "TAC"}`

func TestAnOrderReachesTheBrokerWithItsKey(t *testing.T) {
	w := newWorld(t)
	order := func(path, body string) *http.Response {
		return w.do(call{method: http.MethodPost, path: path, body: body, header: map[string]string{"Idempotency-Key": "k1"}})
	}
	resp := order("/allocations", sampleAllocation)
	assert.Equal(t, http.StatusCreated, resp.StatusCode)
	assert.Equal(t, "k1", w.broker.key)
	assert.Equal(t, accounting.Proposal("P-7"), w.broker.order.(accounting.Allocate).Owner)
	answer := object(t, resp)
	assert.Equal(t, "74.5", answer["budget"].(map[string]any)["left"])
	resp = order("/allocations", sampleAllocation)
	assert.Equal(t, http.StatusOK, resp.StatusCode, "the same again")

	attempt := "/history/" + attemptID.String()
	resp = order(attempt+"/refunds", `{"amounts": [{"name": "monetary", "amount": 1.25, "unit": "EUR"}], "reason": "clouds"}`)
	assert.Equal(t, http.StatusCreated, resp.StatusCode)
	credit := w.broker.order.(accounting.Credit)
	assert.Equal(t, accounting.EntryRefund, credit.Kind)
	assert.Equal(t, attemptID.String(), string(credit.Ref))
	assert.EqualValues(t, 1_250_000, credit.Amounts[0].Amount)
	order(attempt+"/discounts", `{"kind": "refund", "reason": "x"}`)
	assert.Equal(t, accounting.EntryDiscount, w.broker.order.(accounting.Credit).Kind, "the path decides")
	order(attempt+"/corrections", `{"resources": [{"name": "core-seconds", "amount": "60", "unit": "s"}], "reason": "x"}`)
	assert.EqualValues(t, 60_000_000, w.broker.order.(accounting.Correct).Resources[0].Amount)
}

// Where money is at stake, what isn't understood is not left out.
func TestAnOrderThatIsNotUnderstoodIsRefused(t *testing.T) {
	w := newWorld(t)
	for body, field := range map[string]string{
		`{"owner": "proposal:P-7", "ammount": 1}`:                          "/ammount",
		`{"owner": "P-7"}`:                                                 "/owner",
		`{"amount": {"name": "monetary", "amount": "ten", "unit": "EUR"}}`: "/amount",
		`{"amount": {"name": "monetary", "amount": "1", "unit": "EUR"}`:    "",
		`{"amount": {"name": "monetary", "amount": 1e300, "unit": "EUR"}}`: "/amount",
	} {
		problem := wantProblem(t, w.post("/allocations", body), http.StatusBadRequest)
		if field != "" {
			assert.Equal(t, field, problem["field"], body)
		}
		assert.Nil(t, w.broker.order, body)
	}
}

func TestAPeriodThatCannotBeOneIsRefusedAndItsFormIsSaid(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/statements", "/accounts", "/budgets"} {
		problem := wantProblem(t, w.get(path+"?period=2026%20B"), http.StatusBadRequest)
		assert.Equal(t, "period", problem["field"], path)
		assert.Contains(t, problem["detail"], "want a short name such as 2026B")
	}
}

func TestAStatementComesAsCSVForThoseWhoPreferIt(t *testing.T) {
	w := newWorld(t)
	get := func(path, accept string) *http.Response {
		return w.do(call{path: path, header: map[string]string{"Accept": accept}})
	}
	for accept, csv := range map[string]bool{
		"text/csv": true, "text/*": true, "text/csv, application/json;q=0.5": true, "text/csv, */*": true,
		"": false, "*/*": false, "application/json, text/csv": false, "application/json, text/csv;q=0.9": false,
	} {
		resp := get("/statements", accept)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, csv, resp.Header.Get("Content-Type") == "text/csv; charset=utf-8", accept)
		assert.Equal(t, "Accept", resp.Header.Get("Vary"))
	}
	wantProblem(t, get("/statements", "text/html"), http.StatusNotAcceptable)

	w.broker.next = "more"
	resp := get("/statements?period=2026B&owner=%3Dalice", "text/csv")
	assert.Equal(t, `<`+testBase+`/statements?cursor=more&owner=%3Dalice&period=2026B>; rel="next"`, resp.Header.Get("Link"))
	assert.Equal(t, 1000, w.broker.limit)
	assert.Equal(t, "row,owner,period,session,user,phase,ended,resource,unit,estimated,held,used,priced,corrected,discounted,refunded,charged,unbilled,limit,allocated,left\r\n"+
		"allocation,user:=alice,2026B,,,,,monetary,EUR,,0,,,,,,25.5,,hard,100,74.5\r\n"+
		"total,user:=alice,2026B,,,,,core-seconds,s,20,1,12.5,,,,,0,,,,\r\n"+
		"session,user:=alice,2026B,"+sessionID.String()+",alice,COMPLETED,2026-11-22T12:00:00.000Z,core-seconds,s,20,1,12.5,,,,,0,,,,\r\n", text(t, resp))
	resp = get("/statements?cursor=more&limit=5", "text/csv")
	assert.NotContains(t, text(t, resp), "total", "a later page has sessions only")
	assert.Equal(t, 5, w.broker.limit)
}
