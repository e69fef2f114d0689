package changeling

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// honest is what the node itself would answer.
const honest = `{"result":"YES","offers":[{"phase":"OFFERED","meta":{"uuid":"u","url":"/sessions/u"},"executable":{},"compute":{}}],"sessions":[]}`

// asked is what a changeling of a mind answers to a question, as far as it comes
// before patience ends, and whether it came whole and as it should.
func asked(t *testing.T, name string, seed uint64, patience time.Duration) (answer string, whole bool) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	own := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusSeeOther)
		_, _ = io.WriteString(w, honest)
	})
	does := minds()[name]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { does(w, r, own, random) }))
	defer server.Close()
	defer server.CloseClientConnections()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/requests", nil)
	require.NoError(t, err)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got, err := client.Do(r)
	if err != nil {
		return "", false
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, 1<<20))
	return string(text), err == nil && got.StatusCode == http.StatusSeeOther
}

// An evil mind is one: no answer is what the node itself would have said in time.
func TestNoMindAnswersAsTheNodeWould(t *testing.T) {
	for _, name := range Minds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(20) {
				answer, whole := asked(t, name, seed, 200*time.Millisecond)
				assert.False(t, whole && strings.TrimSpace(answer) == honest, "%s", answer)
			}
		})
	}
}

// A lie is an answer that looks like one: it must be read to be found out.
func TestLiesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		answer, whole := asked(t, "lying", seed, time.Minute)
		require.True(t, whole)
		assert.True(t, json.Valid([]byte(answer)), "%s", answer)
		seen[answer] = true
	}
	assert.Greater(t, len(seen), len(offerLies)/2, "different lies")
}

func TestOrdersAreFollowedWhileTheyStand(t *testing.T) {
	data := t.TempDir()
	obeyed := make(chan Orders)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- follow(ctx, data, func(o Orders) { obeyed <- o }) }()
	for _, orders := range []Orders{{Mind: "lying", Seed: 3}, {Off: -24 * time.Hour}, {}} {
		require.NoError(t, orders.Give(data))
		assert.Equal(t, orders, <-obeyed)
		now, err := OrdersIn(data)
		require.NoError(t, err)
		assert.Equal(t, orders, now)
	}
	cancel()
	require.NoError(t, <-ended)
}
