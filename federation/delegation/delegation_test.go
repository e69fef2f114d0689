package delegation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

func TestANodeSaysOnWhoseBehalfItAsks(t *testing.T) {
	w := newWorld(t)
	for name, key := range map[string]func(){ // either kind of key
		"certificate": func() { w.key = p256(t) },
		"development": func() { w.key = edwards(t) },
	} {
		key()
		subject, via, err := w.verifier.Verify(w.sign(errand()), w.a(), "GET", target)
		require.NoError(t, err, name)
		assert.Equal(t, alice.Expires.Unix(), subject.Expires.Unix())
		subject.Expires = alice.Expires
		assert.Equal(t, alice, subject, name)
		assert.Equal(t, []identity.NodeName{"a"}, via)
	}
}

func TestTheWayOfARequestIsToldOn(t *testing.T) {
	w := newWorld(t)
	e := errand()
	e.Via = []identity.NodeName{"c", "d"}
	_, via, err := w.verifier.Verify(w.sign(e), w.a(), "GET", target)
	require.NoError(t, err)
	assert.Equal(t, []identity.NodeName{"c", "d", "a"}, via)
	assert.Equal(t, []identity.NodeName{"c", "d"}, e.Via, "nobody else's list is changed")
}

func TestARequestDoesNotGoInCircles(t *testing.T) {
	w := newWorld(t)
	for _, via := range [][]identity.NodeName{{"b"}, {"c", "b"}, {"c", "d", "e", "g"}} {
		e := errand()
		e.Via = via
		_, err := w.signer.Sign(e, "b")
		assert.ErrorIs(t, err, ErrLoop, "%s", via)
	}
	_, err := w.signer.Sign(errand(), "a")
	assert.ErrorIs(t, err, ErrLoop, "to itself")
}

// What was made from a token ends with it, however young it is.
func TestPromise8ADelegationEndsWithTheToken(t *testing.T) {
	w := newWorld(t)
	e := errand()
	e.Subject.Expires = w.now.Add(5 * time.Second)
	assertion := w.sign(e)
	w.now = w.now.Add(5*time.Second + skew)
	assert.ErrorContains(t, w.verify(assertion), "it has expired")
	_, err := w.signer.Sign(e, "b")
	assert.ErrorIs(t, err, ErrExpired)
}

// In development nobody needs a token, and what has no end has this one.
func TestWhoNeedsNoTokenIsDelegatedForTheRequest(t *testing.T) {
	w := newWorld(t)
	e := errand()
	e.Subject.Expires = time.Time{}
	subject, _, err := w.verifier.Verify(w.sign(e), w.a(), "GET", target)
	require.NoError(t, err)
	assert.LessOrEqual(t, subject.Expires.Sub(w.now), lifetime)
}

func TestWhatCanNotBeSignedIsSaid(t *testing.T) {
	for name, spoil := range map[string]struct {
		do   func(*world, *Errand)
		want string
	}{
		"another curve":    {func(w *world, _ *Errand) { w.key = p384(w) }, "nodes sign with ECDSA P-256"},
		"nobody":           {func(_ *world, e *Errand) { e.Subject.Name = "" }, "it says nothing of anybody"},
		"a built-in":       {func(_ *world, e *Errand) { e.Subject.Claims.Roles = []identity.Role{identity.RoleBuiltIn} }, "built-in"},
		"too many groups":  {func(_ *world, e *Errand) { e.Subject.Groups = make([]string, maxEntries+1) }, "at most"},
		"much too much":    {func(_ *world, e *Errand) { e.Subject.Groups = slices.Repeat([]string{strings.Repeat("g", 1000)}, 20) }, "may take"},
		"control letters":  {func(_ *world, e *Errand) { e.Subject.Groups = []string{"a\nb"} }, "control characters"},
		"too long a group": {func(_ *world, e *Errand) { e.Subject.Groups = []string{strings.Repeat("g", maxText+1)} }, "at most"},
	} {
		w, e := newWorld(t), errand()
		spoil.do(w, &e)
		_, err := w.signer.Sign(e, "b")
		assert.ErrorContains(t, err, spoil.want, name)
	}
}

func p384(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	return key
}

// Of many that come at once with the same assertion, one is believed.
func TestAnAssertionIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	assertion := w.sign(errand())
	var believed atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if w.verify(assertion) == nil {
				believed.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, believed.Load())
}

// It is refused for as long as it could be used, and remembered no longer.
func TestAUsedAssertionIsRememberedUntilItHasExpired(t *testing.T) {
	m, used := newMemory(), noon.Add(window-time.Second)
	require.NoError(t, m.use("a", "another", noon))
	require.NoError(t, m.use("a", "first", used))
	for now := used; now.Before(used.Add(window)); now = now.Add(time.Second) {
		require.ErrorContains(t, m.use("a", "first", now), "it was used before", now)
		require.NoError(t, m.use("a", now.String(), now))
	}
	for now := used.Add(window); now.Before(noon.Add(10 * window)); now = now.Add(time.Second) {
		require.NoError(t, m.use("a", now.String(), now))
		u := m.of["a"]
		assert.LessOrEqual(t, len(u.now)+len(u.earlier), int(2*window/time.Second)+2)
	}
	assert.NoError(t, m.use("b", "first", noon), "another node's is another")
}

func TestAMemoryThatIsFullForgetsNothing(t *testing.T) {
	m := newMemory()
	for i := range mostUsed {
		require.NoError(t, m.use("a", fmt.Sprint(i), noon))
	}
	assert.ErrorIs(t, m.use("a", "one more", noon), ErrTooMany)
	assert.ErrorContains(t, m.use("a", "0", noon), "it was used before")
	assert.NoError(t, m.use("b", "0", noon), "others are not kept out by it")
	assert.NoError(t, m.use("a", "one more", noon.Add(2*window)))
}

func TestNodesThatAreGoneAreForgotten(t *testing.T) {
	m := newMemory()
	for i := range mostNodes {
		require.NoError(t, m.use(identity.NodeName(fmt.Sprint(i)), "x", noon))
	}
	assert.ErrorIs(t, m.use("a", "x", noon), ErrTooMany)
	assert.NoError(t, m.use("a", "x", noon.Add(2*window)))
	assert.Len(t, m.of, 1)
}

// A clock that leaps back makes nobody forget.
func TestAClockThatLeapsBackForgetsNothing(t *testing.T) {
	m := newMemory()
	require.NoError(t, m.use("a", "x", noon))
	assert.ErrorContains(t, m.use("a", "x", noon.Add(-24*time.Hour)), "it was used before")
}

// The times are those of the wall clock, truncated to seconds, which must not
// make an assertion late before it has left.
func TestAnAssertionIsGoodForAllOfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.signer.Now, w.verifier.now = time.Now, time.Now
		e := errand()
		e.Subject.Expires = time.Now().Add(time.Hour)
		for range 20 {
			assertion := w.sign(e)
			time.Sleep(lifetime - time.Millisecond)
			require.NoError(t, w.verify(assertion))
		}
	})
}
