package exchange

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

func TestATokenIsExchangedOnceUntilItIsAboutToEnd(t *testing.T) {
	i := newIssuer(t)
	for range 3 {
		_, err := i.exchange(read)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 1, i.asked.Load())
	i.now = noon.Add(9*time.Minute + time.Second)
	_, err := i.exchange(read)
	require.NoError(t, err)
	assert.EqualValues(t, 2, i.asked.Load(), "its last minute is for whoever has it")

	for _, other := range []Want{
		{Audience: "b", Scope: read.Scope}, {Audience: read.Audience, Scope: []string{"x"}}, {Resource: "https://b"},
	} {
		before := i.asked.Load()
		i.give(func(_ url.Values, a members) { a["access_token"] = "opaque" })
		_, err := i.exchange(other)
		require.NoError(t, err)
		assert.Equal(t, before+1, i.asked.Load())
	}
	before := i.asked.Load()
	_, err = i.client.Exchange(context.Background(), identity.NewSecret("of-bob"), read)
	require.NoError(t, err)
	assert.Equal(t, before+1, i.asked.Load(), "nobody gets another's")
}

func TestWhoeverWantsARefreshTokenGetsOneOfItsOwn(t *testing.T) {
	i := newIssuer(t)
	want := read
	want.Offline = true
	i.give(func(_ url.Values, a members) { a["refresh_token"] = strconv.FormatInt(i.asked.Load(), 10) })
	one, err := i.exchange(want)
	require.NoError(t, err)
	two, err := i.exchange(want)
	require.NoError(t, err)
	assert.NotEqual(t, one.Refresh.Reveal(), two.Refresh.Reveal())
}

func TestManyThatAskAtOnceAreExchangedForOnce(t *testing.T) {
	i := newIssuer(t)
	give, begun, release := i.answer, make(chan struct{}), make(chan struct{})
	var once sync.Once
	i.answer = func(w http.ResponseWriter, r *http.Request, form url.Values) {
		once.Do(func() { close(begun) })
		<-release
		give(w, r, form)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := i.exchange(read)
			assert.NoError(t, err)
		})
	}
	<-begun
	// One that leaves takes nobody with it.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := i.client.Exchange(ctx, identity.NewSecret(subject), read)
	assert.ErrorIs(t, err, context.Canceled)
	close(release)
	group.Wait()
	assert.EqualValues(t, 1, i.asked.Load())
}

func TestWhoFetchesForOthersMayLeave(t *testing.T) {
	c := newCache()
	first, leave := context.WithCancel(context.Background())
	begun := make(chan struct{})
	var group sync.WaitGroup
	now := func() time.Time { return noon }
	group.Go(func() {
		_, err := c.get(first, digest{}, now, func(ctx context.Context) (Token, error) {
			close(begun)
			<-ctx.Done()
			return Token{}, ctx.Err()
		})
		assert.ErrorIs(t, err, context.Canceled)
	})
	<-begun
	group.Go(func() {
		token, err := c.get(context.Background(), digest{}, now, func(context.Context) (Token, error) {
			return Token{Access: identity.NewSecret("a"), Expires: noon.Add(time.Hour)}, nil
		})
		assert.NoError(t, err)
		assert.Equal(t, "a", token.Access.Reveal())
	})
	leave()
	group.Wait()
}

func TestFewTokensAreRemembered(t *testing.T) {
	c := newCache()
	for n := range 3 * maxCached {
		c.keep(digestOf(strconv.Itoa(n), Want{}), Token{Expires: noon.Add(time.Hour)}, noon)
	}
	assert.LessOrEqual(t, len(c.tokens), maxCached)
}
