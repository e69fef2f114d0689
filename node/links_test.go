package node

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/federation/identity"
)

// connecting is a world with a session of alice's that has a connector.
func connecting(t *testing.T) (*world, identity.UUID, *despatch.Despatch) {
	w := newWorld(t)
	w.withOrigins("172.18.0.0/16")
	s, d := w.running()
	require.NoError(t, w.open(d, notebook))
	other := notebook
	other.Name = "other"
	require.NoError(t, w.open(d, other))
	return w, id(t, s), d
}

// grantFor follows a new link of alice's.
func (w *world) grantFor(s identity.UUID) string {
	w.t.Helper()
	secret, _, err := w.Link(context.Background(), alice, s, "notebook")
	require.NoError(w.t, err)
	grant, err := w.Enter(context.Background(), s, "notebook", secret)
	require.NoError(w.t, err)
	return grant
}

func TestOnlyOwnersAndOperatorsConnect(t *testing.T) {
	w, s, _ := connecting(t)
	ctx := context.Background()
	for _, may := range []identity.Caller{alice, operator} {
		target, err := w.Connect(ctx, may, s, "notebook")
		require.NoError(t, err)
		assert.Equal(t, "172.18.0.2:8888", target.To.String())
		assert.Equal(t, "http", target.Scheme)
		assert.Equal(t, "/", target.Path)
	}
	for caller, code := range map[*identity.Caller]Code{&bob: CodeNotFound, &auditor: CodeForbidden, &robot: CodeNotFound, {}: CodeNotFound} {
		_, err := w.Connect(ctx, *caller, s, "notebook")
		assert.Equal(t, code, codeOf(err), caller.User)
		_, _, err = w.Link(ctx, *caller, s, "notebook")
		assert.Equal(t, code, codeOf(err), caller.User)
	}
	_, err := w.Connect(ctx, alice, s, "nothing")
	assert.ErrorContains(t, err, "it has notebook, other")
}

func TestALinkWorksOnceWithinAMinuteAndForItsConnector(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, s, _ := connecting(t)
		ctx := context.Background()
		secret, expires, err := w.Link(ctx, alice, s, "notebook")
		require.NoError(t, err)
		assert.Len(t, secret, 43, "256 bits")
		assert.Equal(t, time.Minute, expires.Sub(wall(w.now())))
		_, err = w.Enter(ctx, s, "other", secret)
		assert.Equal(t, CodeGone, codeOf(err))
		_, err = w.Enter(ctx, identity.UUID{}, "notebook", secret)
		assert.Equal(t, CodeGone, codeOf(err))
		_, err = w.Enter(ctx, s, "notebook", secret)
		require.NoError(t, err)
		_, err = w.Enter(ctx, s, "notebook", secret)
		assert.Equal(t, CodeGone, codeOf(err), "a second time")
		secret, _, err = w.Link(ctx, alice, s, "notebook")
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = w.Enter(ctx, s, "notebook", secret)
		assert.Equal(t, CodeGone, codeOf(err), "too late")
		w.mu.Lock()
		defer w.mu.Unlock()
		assert.Empty(t, w.links, "what has expired is forgotten")
	})
}

func TestLinksAndGrantsOfASessionAreBounded(t *testing.T) {
	w, s, _ := connecting(t)
	ctx := context.Background()
	first, _, err := w.Link(ctx, alice, s, "notebook")
	require.NoError(t, err)
	for range maxLinks {
		_, _, err = w.Link(ctx, alice, s, "notebook")
		require.NoError(t, err)
	}
	_, err = w.Enter(ctx, s, "notebook", first)
	assert.Equal(t, CodeGone, codeOf(err), "the oldest falls out")
	oldest := w.grantFor(s)
	for range maxGrants {
		w.grantFor(s)
	}
	_, err = w.ConnectGranted(ctx, oldest, s, "notebook")
	assert.Equal(t, CodeForbidden, codeOf(err))
}

func TestAGrantLastsAsLongAsItsSession(t *testing.T) {
	w, s, d := connecting(t)
	ctx := context.Background()
	grant := w.grantFor(s)
	w.crash()
	target, err := w.ConnectGranted(ctx, grant, s, "notebook")
	require.NoError(t, err, "the node was restarted, the session goes on")
	assert.Equal(t, "alice", target.User)
	for _, wrong := range []struct {
		grant, name string
		session     identity.UUID
	}{{grant, "other", s}, {grant, "notebook", w.executor}, {"", "notebook", s}, {hashOf(grant), "notebook", s}} {
		_, err := w.ConnectGranted(ctx, wrong.grant, wrong.session, wrong.name)
		assert.Equal(t, CodeForbidden, codeOf(err), "%+v", wrong)
	}
	_, err = w.complete(d, completion(d, despatch.Completed))
	require.NoError(t, err)
	<-target.Done
	_, err = w.ConnectGranted(ctx, grant, s, "notebook")
	assert.Equal(t, CodeGone, codeOf(err))
	_, err = w.Connect(ctx, alice, s, "notebook")
	assert.Equal(t, CodeGone, codeOf(err))
}

func TestAConnectorClosesWithItsExecutorsOrigins(t *testing.T) {
	w, s, _ := connecting(t)
	w.withOrigins("10.0.0.0/8")
	_, err := w.Connect(context.Background(), alice, s, "notebook")
	assert.Equal(t, CodeForbidden, codeOf(err))
}
