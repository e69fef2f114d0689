package simulator

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func program(seconds float64, exit int) jsontext.Value {
	return fmt.Appendf(nil, `{"kind":"k","command":[%v,"%d"]}`, seconds, exit)
}

func TestSuite(t *testing.T) {
	executortest.Suite{
		Backend: func(testing.TB, string) executor.Backend { return New() },
		Program: program,
	}.Run(t)
}

func TestOnlyTwoNumbersAreAnOrder(t *testing.T) {
	for text, want := range map[string]order{
		`{"command":[60,0]}`:         {pause: time.Minute},
		`{"command":["1.5","7"]}`:    {pause: 1500 * time.Millisecond, exit: 7},
		`{"command":[1e300,0]}`:      {pause: maxPause * time.Second},
		`{"command":[60]}`:           {},
		`{"command":[-1,0]}`:         {},
		`{"command":["NaN",0]}`:      {},
		`{"command":[1,256]}`:        {},
		`{"command":[1,0.5]}`:        {},
		`{"command":["--x","flux"]}`: {},
		`{"command":"60 0"}`:         {},
		`{}`:                         {},
		`nonsense`:                   {},
	} {
		assert.Equal(t, want, parse(jsontext.Value(text)), text)
	}
}

func TestCompletionSaysThatNothingWasRun(t *testing.T) {
	d := executortest.Despatch("a", program(0, 0))
	d.Sequence = append([]despatch.Action{{ID: "stage", Kind: despatch.ActionStageData, Stage: &despatch.Stage{Bytes: 12}}}, d.Sequence...)
	done, err := New().Run(t.Context(), d, func(despatch.Update) {})
	require.NoError(t, err)
	assert.Equal(t, Quality, done.Quality[0].ID)
	assert.Contains(t, done.Resources, despatch.Resource{Name: "bytes-staged", Amount: "12", Unit: "bytes"})
}

func TestWalltimeEndsASimulation(t *testing.T) {
	d := executortest.Despatch("a", program(600, 0))
	d.WalltimeSeconds = 0.001
	done, err := New().Run(t.Context(), d, func(despatch.Update) {})
	require.NoError(t, err)
	assert.Equal(t, executor.CodeWalltime, done.Failure.Code)
}

// BenchmarkSessions is despatch to completion at zero delay, against the test
// double of a node over an in-process transport.
func BenchmarkSessions(b *testing.B) {
	node := executortest.NewNode()
	e, err := executor.New(executor.Options{
		Client:  &despatch.Client{Base: "http://node", HTTP: &http.Client{Transport: executortest.Transport{Handler: node}}},
		Backend: New(),
	})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	b.ResetTimer()
	for n := range b.N {
		node.Enqueue(executortest.Despatch(fmt.Sprint(n), program(0, 0)))
	}
	for n := range b.N {
		node.Await(ctx, fmt.Sprint(n), func(a *executortest.Attempt) bool { return a.Completion != nil })
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
	cancel()
	<-ended
}
