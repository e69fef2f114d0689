package work

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/executor"
	"starling/node/executor/executortest"
	"starling/node/executor/stage"
)

// staging is a despatch of which one action fetches data.
func staging(location string, a *despatch.Authorization) *despatch.Despatch {
	d := executortest.Despatch("a", nil)
	d.Sequence = append([]despatch.Action{{ID: "stage-1", Kind: despatch.ActionStageData,
		Stage: &despatch.Stage{Location: location, Path: "/in", Authorization: a}}}, d.Sequence...)
	return d
}

// Promise 8: a token for data reaches its server, and nothing that the user's
// program, or another one of this machine, could read.
func TestPromise8ATokenIsInNoFileOfTheAttempt(t *testing.T) {
	const secret = "hunter2-of-alice"
	shown := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = r.Header.Get("Authorization")
		_, _ = w.Write([]byte("data"))
	}))
	defer server.Close()
	a := newArea(t, func(o *Options) { o.Stager = stage.New(stage.Options{AllowPrivate: true}) })
	d := staging(server.URL+"/x.fits", &despatch.Authorization{
		Scheme: despatch.SchemeBearer, Token: despatch.NewToken(identity.NewSecret(secret)), Expires: time.Now().Add(time.Hour),
	})
	looked := false
	done := perform(t, a, d, func(attempt *Attempt) {
		looked = true
		require.NoError(t, filepath.WalkDir(a.Root, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			assert.NotContains(t, string(text), secret, path)
			return err
		}))
		assert.NotContains(t, strings.Join(Environment(attempt.Despatch, nil, nil), "\n"), secret)
		text, err := os.ReadFile(filepath.Join(attempt.Dir.Work(), "in", "x.fits"))
		require.NoError(t, err)
		assert.Equal(t, "data", string(text))
	})
	assert.True(t, looked)
	assert.Equal(t, despatch.Completed, done.Outcome)
	assert.Equal(t, "Bearer "+secret, shown)
}

func TestDataWhoseTokenIsGoneAreAskedForAgain(t *testing.T) {
	for scheme, retry := range map[string]bool{despatch.SchemeBearer: true, "Negotiate": false} {
		a := newArea(t)
		attempt, err := a.Attempt(staging("https://storm.example.org/x", &despatch.Authorization{Scheme: scheme}), func(despatch.Update) {})
		require.NoError(t, err)
		done, err := attempt.Perform(t.Context(), func(context.Context, string, *despatch.Run) (*despatch.Completion, error) {
			t.Error("it was run without its data")
			return nil, nil
		})
		require.NoError(t, err)
		require.NotNil(t, done.Failure)
		assert.Equal(t, retry, done.Failure.Retry, scheme)
		assert.Contains(t, []int{executor.CodeStaging, executor.CodeUnsupported}, done.Failure.Code)
	}
}

// The node learns from it how fast data come.
func TestHowMuchWasFetchedIsReported(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("data"))
	}))
	defer server.Close()
	a := newArea(t, func(o *Options) { o.Stager = stage.New(stage.Options{AllowPrivate: true}) })
	fetched := map[string]int64{}
	attempt, err := a.Attempt(staging(server.URL+"/x.fits", nil), func(u despatch.Update) {
		if u.Type == despatch.ActionCompleted {
			fetched[u.Action] = u.Bytes
		}
	})
	require.NoError(t, err)
	_, err = attempt.Perform(t.Context(), func(context.Context, string, *despatch.Run) (*despatch.Completion, error) { return nil, nil })
	require.NoError(t, err)
	assert.EqualValues(t, 4, fetched["stage-1"])
	assert.Zero(t, fetched["run"])
}
