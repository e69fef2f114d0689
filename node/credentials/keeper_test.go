package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/auth/exchange"
	"starling/federation/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	session = identity.NewMint("test", 0).New(1)
	alice   = identity.Caller{
		User: "alice", Token: identity.NewSecret("token-of-alice"), Subject: identity.Subject{Issuer: storm.Issuer, Name: "alice"},
	}
)

// issuer gives tokens, and remembers what it was asked for.
type issuer struct {
	wants    []exchange.Want
	refresh  bool // it gives refresh tokens
	strict   bool // it refuses offline_access
	rotate   bool // and replaces them
	err      error
	refreshd []string
}

func (i *issuer) Exchange(_ context.Context, subject identity.Secret, w exchange.Want) (exchange.Token, error) {
	i.wants = append(i.wants, w)
	if i.err != nil {
		return exchange.Token{}, i.err
	}
	if w.Offline && i.strict {
		return exchange.Token{}, &exchange.Refusal{Code: "invalid_scope"}
	}
	t := exchange.Token{Access: identity.NewSecret("access-for-" + subject.Reveal()), Expires: noon.Add(time.Hour)}
	if i.refresh && w.Offline {
		t.Refresh = identity.NewSecret("refresh-0")
	}
	return t, nil
}

func (i *issuer) Refresh(_ context.Context, refresh identity.Secret, w exchange.Want) (exchange.Token, error) {
	i.wants = append(i.wants, w)
	i.refreshd = append(i.refreshd, refresh.Reveal())
	if i.err != nil {
		return exchange.Token{}, i.err
	}
	n := strconv.Itoa(len(i.refreshd))
	t := exchange.Token{Access: identity.NewSecret("access-" + n), Expires: noon.Add(time.Hour)}
	if i.rotate {
		t.Refresh = identity.NewSecret("refresh-" + n)
	}
	return t, nil
}

// keep opens a keeper with two issuers, at noon.
func keep(t *testing.T) (*Keeper, *issuer, *issuer) {
	t.Helper()
	iam, other := &issuer{}, &issuer{}
	k, err := Open(Options{
		Dir: t.TempDir(), Sources: all, Issuers: map[string]Issuer{storm.Issuer: iam, cache.Issuer: other}, Now: func() time.Time { return noon },
	})
	require.NoError(t, err)
	return k, iam, other
}

func TestATokenThatCanBeRenewedIsRenewedForEachAttempt(t *testing.T) {
	k, iam, _ := keep(t)
	iam.refresh, iam.rotate = true, true
	location := storm.URL + "/a.fits"
	needs, err := k.Needs([]string{location})
	require.NoError(t, err)
	sealed, until, err := k.Acquire(t.Context(), session, alice, needs)
	require.NoError(t, err)
	assert.True(t, until.IsZero())
	assert.Equal(t, []exchange.Want{{Audience: "storm", Scope: []string{"storage.read:/a.fits"}, Offline: true}}, iam.wants)

	tokens, replaced, err := k.Fresh(t.Context(), session, sealed)
	require.NoError(t, err)
	token, found := tokens.For(location)
	assert.True(t, found)
	assert.Equal(t, "access-1", token.Secret.Reveal())
	_, found = tokens.For("https://example.org/a.fits")
	assert.False(t, found)
	_, found = tokens.For(cache.URL + "/x")
	assert.False(t, found, "another's server gets none")

	require.NotEmpty(t, replaced, "the issuer has replaced the refresh token")
	_, _, err = k.Fresh(t.Context(), session, replaced)
	require.NoError(t, err)
	assert.Equal(t, []string{"refresh-0", "refresh-1"}, iam.refreshd)

	iam.rotate = false
	_, replaced, err = k.Fresh(t.Context(), session, replaced)
	require.NoError(t, err)
	assert.Empty(t, replaced)
}

func TestATokenThatCannotBeRenewedLastsAsLongAsItLasts(t *testing.T) {
	for _, strict := range []bool{false, true} {
		k, iam, _ := keep(t)
		iam.strict = strict
		sealed, until, err := k.Acquire(t.Context(), session, alice, []Need{{storm, []string{"storage.read:/a"}}})
		require.NoError(t, err)
		assert.Equal(t, noon.Add(time.Hour), until)
		tokens, replaced, err := k.Fresh(t.Context(), session, sealed)
		require.NoError(t, err)
		assert.Empty(t, replaced)
		token, _ := tokens.For(storm.URL + "/a")
		assert.Equal(t, "access-for-token-of-alice", token.Secret.Reveal())
		k.Now = func() time.Time { return until }
		_, _, err = k.Fresh(t.Context(), session, sealed)
		assert.ErrorContains(t, err, "it ended at 2026-11-23T13:00:00Z")
		assert.False(t, err.(*Error).Passing())
	}
}

func TestWhyThereIsNoToken(t *testing.T) {
	k, iam, _ := keep(t)
	need := []Need{{storm, []string{"storage.read:/a"}}}
	with := func(edit func(*identity.Caller)) identity.Caller {
		c := alice
		edit(&c)
		return c
	}
	for why, caller := range map[string]identity.Caller{
		"you sent none":                with(func(c *identity.Caller) { c.Token = identity.Secret{} }),
		"jodrell asked on your behalf": with(func(c *identity.Caller) { c.Token, c.Via = identity.Secret{}, []identity.NodeName{"kth", "jodrell"} }),
		"your token is another's":      with(func(c *identity.Caller) { c.Subject.Issuer = "https://else.example.org" }),
	} {
		_, _, err := k.Acquire(t.Context(), session, caller, need)
		assert.ErrorContains(t, err, why)
		assert.ErrorContains(t, err, "the data at "+storm.URL+" need a token")
		assert.Error(t, k.Missing(caller, need[0]))
	}
	assert.Empty(t, iam.wants, "nobody was asked")
	k.Issuers = nil
	assert.ErrorContains(t, k.Missing(alice, need[0]), "operator")
}

func TestOnlyAnIssuerThatIsAwayIsWorthAnotherTry(t *testing.T) {
	k, iam, _ := keep(t)
	iam.refresh = true
	sealed, _, err := k.Acquire(t.Context(), session, alice, []Need{{storm, []string{"storage.read:/a"}}})
	require.NoError(t, err)
	for cause, passing := range map[error]bool{
		fmt.Errorf("x: %w", exchange.ErrUnavailable): true, &exchange.Refusal{Code: "invalid_grant"}: false, exchange.ErrUnusable: false,
	} {
		iam.err = cause
		_, _, err := k.Fresh(t.Context(), session, sealed)
		var failure *Error
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, passing, failure.Passing())
	}
}

// A refresh token that was replaced isn't lost with the next one's failure.
func TestWhatWasReplacedIsKeptWhereAnotherFails(t *testing.T) {
	k, iam, other := keep(t)
	iam.refresh, iam.rotate, other.refresh = true, true, true
	both := []Need{{storm, []string{"storage.read:/a"}}, {cache, []string{"cache.read"}}}
	bothOf := alice
	sealed, _, err := k.Acquire(t.Context(), session, bothOf, both[:1])
	require.NoError(t, err)
	kept, err := k.open(session, sealed)
	require.NoError(t, err)
	sealed, err = k.seal(session, append(kept, entry{Source: cache, Words: both[1].Words, Refresh: "refresh-0"}))
	require.NoError(t, err)
	other.err = errors.New("no")
	_, replaced, err := k.Fresh(t.Context(), session, sealed)
	assert.Error(t, err)
	kept, err = k.open(session, replaced)
	require.NoError(t, err)
	assert.Equal(t, "refresh-1", kept[0].Refresh)
	assert.Equal(t, "refresh-0", kept[1].Refresh)
}

// Promise 8: what is kept is for its session, and for whoever has the key.
func TestPromise8WhatIsSealedIsOpenedForItsSessionOnly(t *testing.T) {
	k, _, _ := keep(t)
	sealed, _, err := k.Acquire(t.Context(), session, alice, []Need{{storm, []string{"storage.read:/a"}}})
	require.NoError(t, err)
	for _, part := range []string{"token-of-alice", "access", "storage.read", "storm"} {
		assert.NotContains(t, string(sealed), part)
	}
	again, _, err := k.Acquire(t.Context(), session, alice, []Need{{storm, []string{"storage.read:/a"}}})
	require.NoError(t, err)
	assert.NotEqual(t, sealed, again, "nonces are never used twice")

	fresh := func(k *Keeper, id identity.UUID, sealed []byte) error {
		_, _, err := k.Fresh(t.Context(), id, sealed)
		return err
	}
	require.NoError(t, fresh(k, session, sealed))
	assert.ErrorIs(t, fresh(k, identity.NewMint("test", 0).New(2), sealed), errSealed, "another session's")
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for _, bad := range [][]byte{nil, {}, {version}, sealed[1:], changed, append([]byte{2}, sealed[1:]...)} {
		assert.ErrorIs(t, fresh(k, session, bad), errSealed)
	}
	stranger, _, _ := keep(t)
	assert.ErrorIs(t, fresh(stranger, session, sealed), errSealed, "another key")
	same, err := Open(k.Options)
	require.NoError(t, err)
	assert.NoError(t, fresh(same, session, sealed), "after a restart")
}

func TestPromise8TheKeyIsForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(Options{Dir: dir})
	require.NoError(t, err)
	path := filepath.Join(dir, KeyFile)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = Open(Options{Dir: dir})
	assert.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	_, err = Open(Options{Dir: dir})
	assert.ErrorContains(t, err, "holds no key")
}
