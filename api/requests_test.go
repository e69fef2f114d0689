package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/node"
)

func TestAskAnswers303WithLocationAndTheWholeOfferSet(t *testing.T) {
	for _, no := range []bool{false, true} {
		w := newWorld(t)
		w.broker.no = no
		resp := w.post("/requests", sampleRequest)
		require.Equal(t, http.StatusSeeOther, resp.StatusCode)
		assert.Equal(t, testBase+"/offersets/"+offersID.String(), resp.Header.Get("Location"))
		assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		body := text(t, resp)
		assert.Equal(t, itoa(len(body)), resp.Header.Get("Content-Length"))
		var offers ivoa.OfferSet
		_, err := ivoa.Decode(ivoa.JSON, []byte(body), ivoa.Limits{}, &offers)
		require.NoError(t, err)
		if no {
			// Promise 9: a NO says why.
			assert.Equal(t, ivoa.No, offers.Result)
			assert.NotEmpty(t, offers.Meta.Messages)
			continue
		}
		assert.Equal(t, ivoa.Yes, offers.Result)
		assert.Equal(t, testBase+"/sessions/"+sessionID.String(), offers.Offers[0].Meta.URL)
	}
}

func TestAskPassesTheCallerTheRequestAndTheNotices(t *testing.T) {
	w := newWorld(t)
	w.post("/requests", `{"executable":{"kind":"`+ivoa.KindDockerContainer+`","colour":"blue"}}`)
	assert.Equal(t, "alice", w.broker.caller.User)
	assert.IsType(t, &ivoa.DockerContainer{}, w.broker.asked.Executable)
	require.Len(t, w.broker.notices, 1)
	assert.Equal(t, "/executable/colour", w.broker.notices[0].Path)
}

func TestDirectAnswers303WithTheSession(t *testing.T) {
	w := newWorld(t)
	resp := w.do(call{method: http.MethodPost, path: "/direct", body: sampleRequest, header: map[string]string{"Idempotency-Key": "k-1"}})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	assert.Equal(t, testBase+on(""), resp.Header.Get("Location"))
	assert.Equal(t, "ACCEPTED", object(t, resp)["phase"])
	assert.Equal(t, "k-1", w.broker.key)
}

// Promise 9: the NO to a direct request says why, as a session that has failed.
func TestPromise9DirectRefusedIsAFailedSessionWithTheMessages(t *testing.T) {
	w := newWorld(t)
	w.broker.no = true
	resp := w.post("/direct", sampleRequest)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	session := object(t, resp)
	assert.Equal(t, "FAILED", session["phase"])
	message := session["meta"].(map[string]any)["messages"].([]any)[0].(map[string]any)
	for _, part := range []string{"kind", "time", "level", "template", "values", "message"} {
		assert.Contains(t, message, part)
	}
}

func TestPromise9EvenARefusalWithoutOffersSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.broker.err = &node.Problem{Code: node.CodeRefused, Detail: "there is no room"}
	session := object(t, w.post("/direct", sampleRequest))
	message := session["meta"].(map[string]any)["messages"].([]any)[0].(map[string]any)
	assert.Equal(t, "there is no room", message["message"])
}

func TestOfferSetCanBeReadAgain(t *testing.T) {
	w := newWorld(t)
	resp := w.get("/offersets/" + offersID.String())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "YES", object(t, resp)["result"])
	wantProblem(t, w.get("/offersets/"+workerID.String()), http.StatusNotFound)
}

func TestEveryFormGoesBothWays(t *testing.T) {
	bodies := map[ivoa.Media]string{
		ivoa.JSON: sampleRequest,
		ivoa.YAML: "executable:\n  kind: " + ivoa.KindDockerContainer + "\n",
		ivoa.XML:  `<ExecutionRequest><executable kind="` + ivoa.KindDockerContainer + `"/></ExecutionRequest>`,
	}
	for sent, body := range bodies {
		for wanted := range bodies {
			w := newWorld(t)
			resp := w.do(call{method: http.MethodPost, path: "/requests", body: body, header: map[string]string{
				"Content-Type": sent.String(), "Accept": wanted.String()}})
			answer := text(t, resp)
			require.Equal(t, http.StatusSeeOther, resp.StatusCode, answer)
			assert.Equal(t, wanted.String(), resp.Header.Get("Content-Type"))
			assert.IsType(t, &ivoa.DockerContainer{}, w.broker.asked.Executable, sent)
			var offers ivoa.OfferSet
			_, err := ivoa.Decode(wanted, []byte(answer), ivoa.Limits{}, &offers)
			require.NoError(t, err, answer)
			assert.Equal(t, testBase+"/offersets/"+offersID.String(), offers.Meta.URL)
		}
	}
}

func TestAcceptIsReadWithQValues(t *testing.T) {
	w := newWorld(t)
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json",
		"application/xml;q=0.5, application/yaml": "application/yaml",
		"application/json;q=0.1, text/xml":        "application/xml",
	} {
		resp := w.do(call{path: on(""), header: map[string]string{"Accept": accept}})
		assert.Equal(t, want, resp.Header.Get("Content-Type"), accept)
		assert.Equal(t, "Accept", resp.Header.Get("Vary"))
	}
	wantProblem(t, w.do(call{path: on(""), header: map[string]string{"Accept": "text/html"}}), http.StatusNotAcceptable)
	wantProblem(t, w.do(call{path: "/history", header: map[string]string{"Accept": "application/xml"}}), http.StatusNotAcceptable)
}

func TestErrorsOfTheBrokerBecomeProblems(t *testing.T) {
	for code, status := range map[node.Code]int{
		node.CodeInvalid: 400, node.CodeNotFound: 404, node.CodeForbidden: 403, node.CodeLimit: 429, node.CodeGone: 410, node.CodeUnavailable: 503, node.CodeConflict: 409,
	} {
		w := newWorld(t)
		w.broker.err = &node.Problem{Code: code, Detail: "because", Field: "/compute/cores/min", RetryAfter: 1500e6}
		resp := w.post("/requests", sampleRequest)
		p := wantProblem(t, resp, status)
		assert.Equal(t, "because", p["detail"])
		assert.Equal(t, "/compute/cores/min", p["field"])
		assert.Equal(t, problemPrefix+string(code), p["type"])
		assert.Equal(t, "2", resp.Header.Get("Retry-After"))
	}
}

func TestInternalErrorsStayInTheLog(t *testing.T) {
	w := newWorld(t)
	w.broker.err = errors.New("disk /dev/sda3 is on fire")
	p := wantProblem(t, w.post("/requests", sampleRequest), http.StatusInternalServerError)
	assert.NotContains(t, p["detail"], "fire")
	assert.Contains(t, w.log.String(), "on fire")
	assert.Contains(t, w.log.String(), p["requestId"])
}

// By what policy offers are ranked the request says. For which offer set it asks is
// not for clients to say.
func TestAskPassesOnHowItIsToBeAnswered(t *testing.T) {
	for _, path := range []string{"/requests", "/direct"} {
		w := newWorld(t)
		w.do(call{method: http.MethodPost, path: path, body: sampleRequest, header: map[string]string{
			"Starling-Placement": "cheapest", "Starling-Offer-Set": offersID.String(),
		}})
		assert.Equal(t, node.Asking{Placement: "cheapest"}, w.broker.how, path)
		wantProblem(t, w.do(call{method: http.MethodPost, path: path, body: sampleRequest, header: map[string]string{
			"Starling-Placement": strings.Repeat("x", 101),
		}}), http.StatusBadRequest)
	}
}
