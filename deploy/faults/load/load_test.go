package load

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A load does everything it says, and its record tells what came of it.
func TestALoadIsWrittenDown(t *testing.T) {
	_, sites := federate(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, err := Start(ctx, Options{Sites: sites, Seed: 7, Rate: 25, Patience: 20 * time.Second})
	require.NoError(t, err)
	wanted := []Kind{Ask, Direct, Accept, Reject, Cancel, Read, ReadSet, List, History, Accounts, Budgets, Nodes, Pry, Allocate, Allocated, Told, Report, Complete, Again, Send}
	require.Eventually(t, func() bool {
		f := l.Figures(0, l.Now())
		for _, kind := range wanted {
			if f.Kinds[kind] == 0 {
				return false
			}
		}
		return f.Operations > 200
	}, patience, 50*time.Millisecond, "%v", l.Figures(0, l.Now()).Kinds)
	r := l.Stop(ctx)
	t.Log(r.Figures)
	t.Log(r.Figures.Kinds)
	require.NoError(t, ctx.Err())

	assert.NotEmpty(t, r.Accepted())
	assert.Len(t, r.Executors, 6)
	assert.NotEmpty(t, r.Limits)
	for _, o := range r.Ops {
		assert.LessOrEqual(t, o.Call, o.Return)
		assert.LessOrEqual(t, o.Return, r.Length)
		assert.NotEmpty(t, o.Sites)
	}
	for _, a := range r.Attempts {
		assert.True(t, a.Completed > 0 || a.Lost, "%+v", a)
	}
	written := 0
	for _, n := range r.Purses {
		written += n
	}
	assert.Equal(t, written, r.Figures.Kinds[Allocate])
	assert.Less(t, r.Figures.Gap, r.Length)
}
