package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
)

// hostile would set a terminal's title and colours, ring, begin the line again
// and turn what follows around.
const hostile = "x\x1b]0;owned\x07\x1b[31m\u009b32m\u202e\r\x7fy"

func harmless(t *testing.T, r result) {
	t.Helper()
	for _, text := range []string{r.out, r.err} {
		for _, c := range text {
			assert.False(t, c != '\n' && unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c), "%q in %q", c, text)
		}
	}
}

// Whoever names a file or words an error is not the one who reads it.
func TestNobodysTextReachesTheTerminalAsItIs(t *testing.T) {
	n := newFakeNode(t).refusing()
	n.answer.AddMessages(ivoa.NewMessage(noon, ivoa.LevelError, "urn:test", "{why}", "why", hostile))
	got := starling(t, n.URL, "offers", "--", "true")
	assert.Contains(t, got.err, "owned")
	harmless(t, got)

	n.files = []client.File{{Name: hostile, Bytes: 3}}
	got = starling(t, n.URL, "files", firstID)
	assert.Contains(t, got.out, "owned")
	harmless(t, got)

	// A node that says the worst wherever it can say anything.
	problem, err := json.Marshal(map[string]any{"status": 400, "title": hostile, "detail": hostile + "\n" + hostile, "field": hostile})
	require.NoError(t, err)
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(problem)
	}))
	defer bad.Close()
	for _, command := range [][]string{{"sessions"}, {"accept", firstID}, {"history"}, {"nodes"}, {"budgets"}, {"run", "--", "true"}} {
		got := starling(t, bad.URL, command...)
		assert.Equal(t, 1, got.status, command)
		assert.Contains(t, got.err, "owned", command)
		harmless(t, got)
	}
}

func TestWhatIsSaidIsHarmless(t *testing.T) {
	var said strings.Builder
	say(&said, "a  %s\nb", hostile)
	assert.Regexp(t, "^a  x.*y\nb\n$", said.String())
	harmless(t, result{out: said.String()})
}
