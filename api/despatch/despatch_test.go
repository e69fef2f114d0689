package despatch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// served answers every request of a client and notes what it was asked.
func served(t *testing.T, status int, header http.Header, body string) (*Client, *http.Request, *string) {
	t.Helper()
	asked, sent := &http.Request{}, new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		*asked, *sent = *r.Clone(context.Background()), string(text)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &Client{Base: server.URL, Token: "secret", HTTP: server.Client()}, asked, sent
}

func TestDespatchIsReadAsTheDesignShowsIt(t *testing.T) {
	c, asked, _ := served(t, 200, nil, `{"historyRef":"h1","fence":7,"lease":{"seconds":60,"expires":"2026-12-01T00:00:00Z"},
		"session":{"uuid":"s"},"identification":{"tag":{"id":"t","name":"T"}},"unknown":1,
		"sequence":[{"id":"stage-1","kind":"stage-data","stage":{"data":"d","kind":"k","path":"/input"}},
		            {"id":"x","kind":"theirs","value":{"a":[1]}}]}`)
	d, reasons, err := c.Despatch(t.Context(), "e/1", 1500*time.Millisecond)
	require.NoError(t, err)
	assert.Nil(t, reasons)
	assert.Equal(t, uint64(7), d.Fence)
	assert.Equal(t, "/input", d.Sequence[0].Stage.Path)
	assert.JSONEq(t, `{"a":[1]}`, string(d.Sequence[1].Value))
	assert.Equal(t, "/executors/e%2F1/despatch", asked.URL.EscapedPath())
	assert.Equal(t, "1500ms", asked.URL.Query().Get("wait"))
	assert.Equal(t, "Bearer secret", asked.Header.Get("Authorization"))
}

func TestNoWorkComesWithReasons(t *testing.T) {
	c, _, _ := served(t, 204, http.Header{ReasonsHeader: {"not-yet=3, too-large=1"}}, "")
	d, reasons, err := c.Despatch(t.Context(), "e", 0)
	require.NoError(t, err)
	assert.Nil(t, d)
	assert.Equal(t, Reasons{ReasonNotYet: 3, ReasonTooLarge: 1}, reasons)
}

func TestReportsAreWrittenAsTheDesignShowsThem(t *testing.T) {
	c, asked, sent := served(t, 200, nil, `{"accepted":1,"duplicates":0,"lease":{"seconds":60,"expires":"2026-12-01T00:00:00Z"},"stop":{"reason":"CANCELLED"}}`)
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	answer, err := c.Update(t.Context(), "h1", Updates{Fence: 7, Updates: []Update{{Key: "k1", Type: ActionCompleted, Action: "stage-1", Time: at}}}, 0)
	require.NoError(t, err)
	assert.Equal(t, StopCancelled, answer.Stop.Reason)
	assert.Equal(t, "/history/h1/updates", asked.URL.Path)
	assert.JSONEq(t, `{"fence":7,"updates":[{"key":"k1","type":"action-completed","action":"stage-1","time":"2026-12-01T00:00:00Z"}]}`, *sent)

	require.NoError(t, c.Complete(t.Context(), "h1", Completion{Fence: 7, Key: "k9", Time: at, Outcome: Abandoned,
		Failure:   &Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: 3600},
		Resources: []Resource{{Name: "total-time", Amount: "612.5", Unit: "s"}}}))
	assert.JSONEq(t, `{"fence":7,"key":"k9","time":"2026-12-01T00:00:00Z","outcome":"ABANDONED",
		"failure":{"code":660,"message":"cloud","retry":true,"vetoSeconds":3600},
		"resources":[{"name":"total-time","amount":"612.5","unit":"s"}]}`, *sent)
}

func TestProblemsSayWhetherToTryAgain(t *testing.T) {
	for status, refused := range map[int]bool{400: true, 404: true, 409: true, 408: false, 429: false, 500: false, 503: false} {
		c, _, _ := served(t, status, nil, "not JSON")
		_, err := c.Register(t.Context(), Registration{Name: "e"})
		var problem *Problem
		require.True(t, errors.As(err, &problem), "%v", err)
		assert.Equal(t, status, problem.Status)
		assert.NotEmpty(t, problem.Title)
		assert.Equal(t, refused, problem.Refused(), status)
	}
}

func TestProblemKeepsItsDetail(t *testing.T) {
	c, _, _ := served(t, 409, nil, `{"status":200,"title":"Stale fence","detail":"it is 8 now"}`)
	err := c.Complete(t.Context(), "h", Completion{})
	assert.EqualError(t, err, "the node answered 409 Stale fence: it is 8 now")
}

func TestDecimalKeepsEveryDigit(t *testing.T) {
	for in, want := range map[string]Decimal{
		`"612.50"`: "612.50", `300`: "300", `0.1000000000000000000001`: "0.1000000000000000000001", `-1e3`: "-1e3",
	} {
		var d Decimal
		require.NoError(t, json.Unmarshal([]byte(in), &d), in)
		assert.Equal(t, want, d)
	}
	for _, in := range []string{`true`, `null`, `[1]`, `{}`} {
		var d Decimal
		assert.Error(t, json.Unmarshal([]byte(in), &d), in)
	}
}

func TestReasonsRoundTrip(t *testing.T) {
	r := Reasons{ReasonNotYet: 3, ReasonNoFunds: 1}
	assert.Equal(t, "no-funds=1, not-yet=3", r.String())
	assert.Equal(t, r, ParseReasons(r.String()))
	assert.Equal(t, Reasons{"a": 1}, ParseReasons("=3, a=1, b, c=x,"))
}

func FuzzReasons(f *testing.F) {
	f.Add("not-yet=3, too-large=1")
	f.Fuzz(func(t *testing.T, text string) {
		r := ParseReasons(text)
		if _, ok := r[""]; ok {
			t.Fatal("a reason without a name")
		}
	})
}

func FuzzCompletion(f *testing.F) {
	f.Add([]byte(`{"fence":7,"key":"k9","outcome":"ABANDONED","resources":[{"name":"n","amount":300,"unit":"s"}],"exitCode":3}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second Completion
		if json.Unmarshal(text, &first) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			return // a time out of range, say
		}
		require.NoError(t, json.Unmarshal(written, &second))
		again, err := json.Marshal(second)
		require.NoError(t, err)
		assert.Equal(t, string(written), string(again))
	})
}
