package systemtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stubborn is a program that is hard to get rid of: it ignores SIGTERM, and so
// do its children and a grandchild that has made itself a daemon. The word is
// in the command line of all of them.
func stubborn(word string) []string {
	return sh(`trap "" TERM
bash -c 'trap "" TERM; while :; do sleep 1; done' %[1]s-child-1 &
bash -c 'trap "" TERM; while :; do sleep 1; done' %[1]s-child-2 &
(setsid bash -c 'trap "" TERM; while :; do sleep 1; done' %[1]s-daemon </dev/null >/dev/null 2>&1 &)
echo up > up.txt
while :; do sleep 1; done`, word)
}

// isUp waits until the whole tree of a stubborn program is there.
func isUp(t *testing.T, word string) {
	t.Helper()
	for _, who := range []string{"-child-1", "-child-2", "-daemon"} {
		eventually(t, word+who+" to run", func() bool {
			// The shell that starts them has the word in its command too.
			return countFunc(processesWith(word+who), func(p process) bool {
				return p.command == "bash -c trap \"\" TERM; while :; do sleep 1; done "+word+who+" "
			}) > 0
		})
	}
}

// boxes are the ways to run a program: shut in, and not.
var boxes = []string{"never", "auto"}

// Promise 7: cancelled work is really gone, the whole tree of it, within 2 s of
// the answer, and what it held is free, once.
func TestPromise7CancelStopsTheWholeTreeOfProcesses(t *testing.T) {
	for _, box := range boxes {
		t.Run("bubblewrap "+box, func(t *testing.T) {
			t.Parallel()
			n := start(t, "--set", "executor.process.bubblewrap="+box)
			word := fmt.Sprintf("starling-test-cancel-%s-%d", box, time.Now().UnixNano())
			id := n.accept(work{command: stubborn(word), cores: 3})
			isUp(t, word)
			n.await(id, "RUNNING")
			assert.EqualValues(t, 5, n.free())
			require.Equal(t, 200, n.setPhase(id, "CANCELLED").Status)
			answered := time.Now()
			eventually(t, "all processes to be gone", func() bool { return len(processesWith(word)) == 0 })
			took := time.Since(answered)
			t.Logf("gone %v after the answer", took)
			assert.Less(t, took, 2*time.Second, "as the issue has it")
			a := n.ranOnce(id, "CANCELLED")
			assert.Equal(t, "ABANDONED", a.Phase)
			assert.Equal(t, 409, n.setPhase(id, "CANCELLED").Status, "a second cancel")
			assert.EqualValues(t, 8, n.free(), "released once")
		})
	}
}

// Promise 7: so is work that runs for longer than was booked.
func TestPromise7OverrunWorkIsStopped(t *testing.T) {
	for _, box := range boxes {
		t.Run("bubblewrap "+box, func(t *testing.T) {
			t.Parallel()
			n := start(t, "--set", "executor.process.bubblewrap="+box)
			word := fmt.Sprintf("starling-test-overrun-%s-%d", box, time.Now().UnixNano())
			id := n.accept(work{command: stubborn(word), cores: 3, duration: "PT2S"})
			isUp(t, word)
			eventually(t, "all processes to be gone", func() bool { return len(processesWith(word)) == 0 })
			n.ranOnce(id, "FAILED")
			var said []string
			for _, m := range n.session(id).Meta.Messages {
				said = append(said, m.Message)
			}
			assert.Contains(t, fmt.Sprint(said), "longer than the PT2S that were booked")
			assert.Equal(t, "up\n", n.file(id, "up.txt"), "what it had written is kept")
		})
	}
}

func TestACancelBeforeTheStartRunsNothing(t *testing.T) {
	t.Parallel()
	n, g := start(t), newGate(t)
	id := n.accept(work{command: g.program(), start: time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + "/PT1M"})
	require.Equal(t, 200, n.setPhase(id, "CANCELLED").Status)
	n.await(id, "CANCELLED")
	n.settled()
	assert.Empty(t, n.history(id))
	assert.Zero(t, g.count("began"))
}
