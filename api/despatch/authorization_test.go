package despatch

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

// Promise 8: a token for data is seen by the executor that it is for, and by
// nobody who reads a log, a spool or the state of an attempt.
func TestPromise8ATokenIsEncodedForItsExecutorOnly(t *testing.T) {
	d := Despatch{HistoryRef: "r", Sequence: []Action{
		{ID: "stage-1", Stage: &Stage{Location: "https://x", Authorization: &Authorization{Scheme: SchemeBearer, Token: NewToken(identity.NewSecret("hunter2"))}}},
		{ID: "run", Run: &Run{}},
	}}
	kept, err := json.Marshal(&d)
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "despatch", d, "token", d.Sequence[0].Stage.Authorization.Token)
	for _, text := range []string{string(kept), logged.String(), fmt.Sprintf("%v %+v %#v %s", d, d.Sequence[0].Stage.Authorization, *d.Sequence[0].Stage.Authorization, d.Sequence[0].Stage.Authorization.Token)} {
		assert.NotContains(t, text, "hunter2")
	}
	d.ShowTokens()
	sent, err := json.Marshal(&d)
	require.NoError(t, err)
	assert.Contains(t, string(sent), `"authorization":{"scheme":"Bearer","token":"hunter2"`)

	var got Despatch
	require.NoError(t, json.Unmarshal(sent, &got))
	assert.Equal(t, "hunter2", got.Sequence[0].Stage.Authorization.Token.Reveal())
	again, err := json.Marshal(&got)
	require.NoError(t, err)
	assert.NotContains(t, string(again), "hunter2", "whoever got it keeps it in memory only")
	got = Despatch{}
	require.NoError(t, json.Unmarshal(again, &got))
	assert.True(t, got.Sequence[0].Stage.Authorization.Token.IsZero())
}
