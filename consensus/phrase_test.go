package consensus

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"starling/accounting"
)

// While one member has an older program, what it doesn't know is left out of the log,
// and nothing waits for it; from when it has the new one, all of it is said.
func TestNothingWaitsForAMemberWithAnOlderProgram(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	traced := func(n int) []accounting.Command {
		commands := run(n)
		opened := commands[1].(accounting.OpenAttempt)
		opened.Trace = trace
		commands[1] = opened
		return commands
	}
	c := gossiping(t, 3)
	c.speak("n1", 2)
	for n, m := range c.members {
		if m.name == "n1" {
			m.write(run(n)...)
		} else {
			m.write(traced(n)...)
		}
		m.barrier()
	}
	c.check(3)
	_, dump := c.members[0].dump()
	assert.NotContains(t, dump, trace)
	assert.Equal(t, 1, c.members[0].log.state.version(), "the log holds nothing that it can't read")
	c.speak("n1", accounting.Version)
	c.members[1].write(traced(3)...)
	c.members[1].barrier()
	c.check(4)
	_, dump = c.members[0].dump()
	assert.Equal(t, 1, strings.Count(dump, trace))
}
