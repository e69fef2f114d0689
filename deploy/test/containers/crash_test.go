//go:build docker

package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// healthy waits until the engine itself says so: the image's own check.
func healthy(t *testing.T, s *launch.Site) {
	t.Helper()
	eventually(t, s.Name+" to be healthy", func() bool {
		got, err := s.Node.Inspect(timely(t))
		return err == nil && got.State != nil && got.State.Health != nil && got.State.Health.Status == container.Healthy
	})
}

// Promise 2: a node is killed while its session runs. The session goes on, the others
// say who is away, and when the node is back nothing is lost and nothing is doubled.
func TestPromise2ANodeIsKilledAndNothingIsLost(t *testing.T) {
	const user = "survivor"
	aussrc, uksrc := at(t, "aussrc", user), at(t, "uksrc", user)
	done := aussrc.accept(shell("echo before"))
	aussrc.await(done, "COMPLETED")
	// It ends when it is told to, however slow the machine is.
	id := aussrc.accept(shell("while [ ! -e %s ]; do sleep 0.2; done; echo survived > output/said", "/var/lib/starling/go-on"))
	waiting, _ := aussrc.ask(shell("echo later"))
	offer := waiting.of(t, "aussrc")
	aussrc.await(id, "RUNNING")

	require.NoError(t, aussrc.Node.Kill(timely(t)))
	eventually(t, "uksrc to say that aussrc is away", func() bool {
		a := uksrc.do("GET", "/sessions/"+id, nil)
		return a.Status == 503
	})
	elsewhere := uksrc.accept(shell("echo elsewhere"))
	uksrc.await(elsewhere, "COMPLETED")
	touch(t, aussrc.Site, "go-on")

	require.NoError(t, aussrc.Start(timely(t)))
	require.NoError(t, federation.Ready(timely(t)))
	assert.Equal(t, 200, uksrc.setPhase(offer, "ACCEPTED").Status, "an offer outlives its node")
	uksrc.await(id, "COMPLETED")
	uksrc.await(offer, "COMPLETED")
	assert.Equal(t, "survived\n", string(uksrc.document("/sessions/"+id+"/files/output/said", nil).Body))
	for _, session := range []string{done, id, offer, elsewhere} {
		agree(everywhere(t, user), "/history?session="+session)
		all := uksrc.history(session)
		require.Len(t, all, 1, "promise 3: one despatch, one entry: %+v", all)
		assert.Equal(t, "COMPLETED", all[0].Phase)
	}
	healthy(t, aussrc.Site)
}

// An executor's container is killed, and the programs in it: its work is done again, as
// the site's policy has it, and each despatch has its own entry.
func TestPromise3WorkOfAKilledExecutorIsDoneAgain(t *testing.T) {
	const user = "phoenix"
	jpsrc := at(t, "jpsrc", user)
	id := jpsrc.accept(shell("echo try >> /var/lib/starling/tries; while [ ! -e /var/lib/starling/go-on ]; do sleep 0.2; done; wc -l < /var/lib/starling/tries > output/tries"))
	tries := filepath.Join(jpsrc.ExecutorDir(), "data", "tries")
	t.Cleanup(func() { os.Remove(tries) })
	eventually(t, "the first try", func() bool { _, err := os.Stat(tries); return err == nil })
	jpsrc.await(id, "RUNNING")
	require.NoError(t, jpsrc.Executor.Kill(timely(t)))
	touch(t, jpsrc.Site, "go-on")
	require.NoError(t, jpsrc.Executor.Start(timely(t)))
	jpsrc.await(id, "COMPLETED")
	assert.Equal(t, "2\n", string(jpsrc.document("/sessions/"+id+"/files/output/tries", nil).Body))
	agree(everywhere(t, user), "/history?session="+id)
	all := jpsrc.history(id)
	require.Len(t, all, 2, "%+v", all)
	phases := map[int]string{}
	for _, a := range all {
		phases[a.Attempt] = a.Phase
	}
	assert.Equal(t, "COMPLETED", phases[2], fmt.Sprint(phases))
	assert.NotEqual(t, "COMPLETED", phases[1], fmt.Sprint(phases))
}
