package node

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/config"
)

// sequence asks for a user's own actions.
func sequence(actions ...string) *ivoa.ExecutionRequest {
	return request(1, func(r *ivoa.ExecutionRequest) {
		own := &ivoa.Sequence{}
		own.Kind = ivoa.KindSequence
		for _, a := range actions {
			own.Actions = append(own.Actions, ivoa.Raw(a))
		}
		r.Executable = own
	})
}

func TestAUsersOwnActionsAreHandedOverVerbatim(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		e := w.lend(func(r *despatch.Registration) { r.Kinds = append(r.Kinds, ivoa.KindSequence) })
		actions := []string{`{"kind":"slew","to":{"ra":10.684710,"dec":4.12690e1}}`, `{"seconds":0.50,"n":90071992547409931}`}
		asked := sequence(actions...)
		data := &ivoa.SimpleDataResource{Location: "http://127.0.0.1/x"}
		data.Kind = ivoa.KindSimpleData
		asked.Data = append(asked.Data, data)
		s := w.accepted(alice, asked)
		d, _ := w.poll(e)
		require.NotNil(t, d)
		var kinds []string
		for _, a := range d.Sequence {
			kinds = append(kinds, a.ID+" "+a.Kind)
		}
		assert.Equal(t, []string{"stage-1 stage-data", "action-1 slew", "action-2 action", "save save", "release release"}, kinds)
		assert.Equal(t, actions[0], string(d.Sequence[1].Value))
		assert.Equal(t, actions[1], string(d.Sequence[2].Value))

		phase := func(kind, action string) ivoa.SessionPhase {
			_, err := w.Report(context.Background(), robot, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
				{Key: kind + action, Type: kind, Action: action, Time: time.Now()},
			}}, 0)
			require.NoError(t, err)
			synctest.Wait()
			return w.session(s).Phase
		}
		assert.Equal(t, ivoa.SessionAvailable, phase(despatch.ActionCompleted, "stage-1"))
		assert.Equal(t, ivoa.SessionRunning, phase(despatch.ActionStarted, "action-1"))
		assert.Equal(t, ivoa.SessionRunning, phase(despatch.ActionCompleted, "action-1"))
		assert.Equal(t, ivoa.SessionRunning, phase(despatch.ActionStarted, "run"), "there is no such action")
		assert.Equal(t, ivoa.SessionReleasing, phase(despatch.ActionCompleted, "action-2"))
	})
}

func TestActionsThatCannotBeHandedOverAreObjections(t *testing.T) {
	deep := strings.Repeat(`{"a":`, maxActionDepth) + "{}" + strings.Repeat("}", maxActionDepth)
	for text, action := range map[string]string{
		"an action is an object": `[1]`,
		"kind must be text":      `{"kind":7}`,
		"is the broker's own":    `{"kind":"run"}`,
		"nested 17 deep":         deep,
		"bytes; at most 65536":   `{"a":"` + strings.Repeat("x", maxActionBytes) + `"}`,
		"kind has 201 bytes":     `{"kind":"` + strings.Repeat("x", 201) + `"}`,
	} {
		q, err := understand(sequence(`{"fine":1}`, action), nil, asked, config.Default(true).Offers)
		require.NoError(t, err)
		require.Len(t, q.objections, 1, text)
		assert.Contains(t, q.objections[0].Text, text)
		assert.Contains(t, q.objections[0].Text, "/executable/actions/1")
	}
	q, err := understand(sequence(), nil, asked, config.Default(true).Offers)
	require.NoError(t, err)
	assert.Contains(t, q.objections[0].Text, "/executable/actions is missing")
	q, err = understand(sequence(strings.Split(strings.Repeat("{} ", maxActions+1), " ")[:maxActions+1]...), nil, asked, config.Default(true).Offers)
	require.NoError(t, err)
	assert.Contains(t, q.objections[0].Text, "1001 actions")
}
