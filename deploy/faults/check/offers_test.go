package check

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"

	"starling/deploy/faults/load"
)

// Two sites are asked to take one offer. One of the requests gets no answer, is sent
// elsewhere and refused there, because it has been carried out meanwhile.
func TestARefusalAfterNoAnswerMayBeOfWhatThatHasDone(t *testing.T) {
	other := &load.Op{Kind: load.Accept, Object: "1", Sites: []string{"b"}, Call: 2, Return: 3, Outcome: load.Refused, Status: 409, Phase: "WAITING"}
	for _, sites := range [][]string{{"a", "c"}, {"c"}} {
		retried := &load.Op{Kind: load.Accept, Object: "1", Sites: sites, Call: 1, Return: 9, Outcome: load.Refused, Status: 409, Phase: "COMPLETED"}
		var history []porcupine.Operation
		for _, o := range []*load.Op{retried, other} {
			op, ok := ofOffer(o)
			assert.True(t, ok)
			history = append(history, op)
		}
		assert.Equal(t, len(sites) > 1, porcupine.CheckOperations(register(), history), "asked of %v", sites)
	}
}
