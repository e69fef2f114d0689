package consensus

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyThoseAreWokenWhoNeedNotWaitAnyMore(t *testing.T) {
	p := newProgress(newWorld(t).outbox)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	wait := func(ctx context.Context, index uint64) <-chan error {
		before := p.waiting.Load()
		done := make(chan error, 1)
		go func() { done <- p.await(ctx, func() bool { return p.index >= index }) }()
		require.Eventually(t, func() bool { return p.waiting.Load() > before }, patience, time.Millisecond)
		return done
	}
	first, second, third := wait(ctx, 1), wait(ctx, 2), wait(context.Background(), 3)
	<-p.impatient
	p.advance(0, 1)
	require.NoError(t, <-first)
	assert.Equal(t, int64(2), p.waiting.Load())
	assert.Empty(t, second)
	assert.Empty(t, third)
	require.NoError(t, p.await(ctx, func() bool { return p.index >= 1 }), "that is so already")
	cancel()
	require.ErrorIs(t, <-second, context.Canceled)
	assert.Equal(t, int64(1), p.waiting.Load())
	p.end()
	require.ErrorIs(t, <-third, ErrClosed)
	require.ErrorIs(t, p.await(context.Background(), func() bool { return false }), ErrClosed)
	assert.Zero(t, p.waiting.Load())
	assert.Empty(t, p.list)
}
