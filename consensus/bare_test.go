package consensus

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"starling/accounting"
)

// What is measured beside the whole must do the same work.
func TestRaftAloneMakesTheSameRecord(t *testing.T) {
	ctx := context.Background()
	c := newCluster(t, 3, 1)
	leader := c.leaderWorks()
	bare := leader.log.Bare("bare")
	var waits []func() error
	for n := range 10 {
		var entry [][]byte
		for _, command := range run(n) {
			data, err := accounting.Encode(command)
			require.NoError(t, err)
			entry = append(entry, data)
		}
		wait, err := bare.Enter(ctx, entry)
		require.NoError(t, err)
		waits = append(waits, wait)
	}
	for _, wait := range waits {
		require.NoError(t, wait())
	}
	leader.write(run(10)...)
	c.check(11)

	_, err := c.follower().log.Bare("bare").Enter(ctx, nil)
	require.ErrorIs(t, err, ErrNotLeader)
	ended, end := context.WithCancel(ctx)
	end()
	_, err = bare.Enter(ended, nil)
	require.ErrorIs(t, err, context.Canceled)
}
