package node

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
)

// Promise 3: a session whose slot had passed when somebody came for it is booked
// anew, and despatched once.
func TestPromise3ASessionThatIsLateIsDespatchedOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		time.Sleep(time.Hour)
		w.register()
		w.offer(alice, request(1)) // whatever is over is dropped from the timeline now
		time.Sleep(2 * tidyMillis * time.Millisecond)
		d := w.takeWork()
		again, _, err := w.Despatch(context.Background(), builtIn, w.executor, 0)
		require.NoError(t, err)
		assert.Nil(t, again)
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
	})
}

// A queue of sessions for an executor that is away is no business of another's.
func TestSessionsForOneExecutorDontKeepAnotherWaiting(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		_, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "simulator", Kinds: []string{ivoa.KindJupyterNotebook}, Simulated: true, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
		})
		require.NoError(t, err)
		notebook := &ivoa.JupyterNotebook{Location: "https://example.org/a.ipynb"}
		notebook.Kind = ivoa.KindJupyterNotebook
		for range 3 {
			w.accepted(alice, request(1, func(r *ivoa.ExecutionRequest) { r.Executable = notebook }))
		}
		wanted := w.accepted(alice, request(1))
		assert.Equal(t, wanted.UUID(), w.takeWork().Session.UUID)
		none, why, err := w.Despatch(context.Background(), builtIn, w.executor, 0)
		require.NoError(t, err)
		assert.Nil(t, none)
		assert.Equal(t, despatch.Reasons{despatch.ReasonWrongKind: 3}, why)
	})
}
