package delegation

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

// attacks are assertions that nobody may believe. Each is a good one but for one
// thing, and is refused for that.
var attacks = map[string]struct {
	spoil func(w *world, said *claims)
	send  func(w *world, said *claims) string // nil: signed as it should be
	want  string
}{
	"of another node":       {spoil: func(_ *world, c *claims) { c.Issuer = "c" }, want: "another node has made it"},
	"for another node":      {spoil: func(_ *world, c *claims) { c.Audience = jwt.ClaimStrings{"c"} }, want: "it is for another node"},
	"for others, too":       {spoil: func(_ *world, c *claims) { c.Audience = jwt.ClaimStrings{"b", "c"} }, want: "it is for others, too"},
	"of another federation": {spoil: func(_ *world, c *claims) { c.Federation = "g" }, want: `it is for federation "g"`},
	"for another path":      {spoil: func(_ *world, c *claims) { c.Target = digest("/peer/api/sessions/2?follow=true") }, want: "it is for another request"},
	"for another query":     {spoil: func(_ *world, c *claims) { c.Target = digest("/peer/api/sessions/1") }, want: "it is for another request"},
	"for another method":    {spoil: func(_ *world, c *claims) { c.Method = "POST" }, want: "it is for another request"},

	"expired": {spoil: func(w *world, c *claims) {
		c.IssuedAt, c.ExpiresAt = at(w.now.Add(-skew-lifetime)), at(w.now.Add(-skew-time.Second))
	}, want: "it has expired"},
	"made in the future": {spoil: func(w *world, c *claims) {
		c.IssuedAt, c.ExpiresAt = at(w.now.Add(skew+2*time.Second)), at(w.now.Add(skew+lifetime))
	}, want: "it was made in the future"},
	"for too long":            {spoil: func(w *world, c *claims) { c.ExpiresAt = at(w.now.Add(lifetime + time.Second)) }, want: "it holds for longer than 30s"},
	"for ever":                {spoil: func(_ *world, c *claims) { c.ExpiresAt = nil }, want: "a required claim is missing"},
	"from nowhen":             {spoil: func(_ *world, c *claims) { c.IssuedAt = nil }, want: "it doesn't say when it was made"},
	"beyond the token":        {spoil: func(w *world, c *claims) { c.Subject.Expires = at(w.now.Add(lifetime - 2*time.Second)) }, want: "it outlives what it was made from"},
	"of a token without end":  {spoil: func(_ *world, c *claims) { c.Subject.Expires = nil }, want: "until when"},
	"on behalf of nobody":     {spoil: func(_ *world, c *claims) { c.Subject.Name = "" }, want: "it says nothing of anybody"},
	"without an issuer":       {spoil: func(_ *world, c *claims) { c.Subject.Issuer = "" }, want: "it says nothing of anybody"},
	"as a built-in executor":  {spoil: func(_ *world, c *claims) { c.Subject.Roles = []identity.Role{identity.RoleBuiltIn} }, want: "role built-in"},
	"to write into the log":   {spoil: func(_ *world, c *claims) { c.Subject.Name = "alice\nbob" }, want: "control characters"},
	"too many groups":         {spoil: func(_ *world, c *claims) { c.Subject.Groups = make([]string, maxEntries+1) }, want: "at most 1024"},
	"a group beyond measure":  {spoil: func(_ *world, c *claims) { c.Subject.Groups = []string{strings.Repeat("g", maxText+1)} }, want: "at most 1024"},
	"without an id":           {spoil: func(_ *world, c *claims) { c.ID = "" }, want: "its id has 0 characters"},
	"with an endless id":      {spoil: func(_ *world, c *claims) { c.ID = strings.Repeat("x", longestID+1) }, want: "its id has 65 characters"},
	"by way of nobody":        {spoil: func(_ *world, c *claims) { c.Via = nil }, want: "the request has not come by way of a"},
	"by a way not its own":    {spoil: func(_ *world, c *claims) { c.Via = hops("a", "c") }, want: "the request has not come by way of a"},
	"in a circle, through b":  {spoil: func(_ *world, c *claims) { c.Via = hops("b", "a") }, want: "it has come through b already"},
	"in a circle, through c":  {spoil: func(_ *world, c *claims) { c.Via = hops("c", "c", "a") }, want: "the way by which the request has come is none"},
	"by too long a way":       {spoil: func(_ *world, c *claims) { c.Via = hops("c", "d", "e", "g", "a") }, want: "it has come through 5 nodes"},
	"by way of what is none":  {spoil: func(_ *world, c *claims) { c.Via = hops("../c", "a") }, want: "the way by which the request has come is none"},
	"oversized":               {spoil: func(_ *world, c *claims) { c.Subject.Groups = slices.Repeat([]string{strings.Repeat("g", 1000)}, 20) }, want: "at most 16384 are read"},
	"with the key of another": {send: func(w *world, c *claims) string { return w.forge(c, jwt.SigningMethodES256, p256(w), nil) }, want: "not signed with the key of the node"},
	"with another curve": {send: func(w *world, c *claims) string {
		return w.forge(c, jwt.SigningMethodES384, p384(w), nil)
	}, want: "not signed with the key of the node"},
	"with another algorithm of its key": {send: func(w *world, c *claims) string {
		token := jwt.NewWithClaims(jwt.SigningMethodES384, c)
		token.Header["typ"] = kind
		text, err := token.SigningString()
		require.NoError(w, err)
		sum := sha512.Sum384([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, w.key.(*ecdsa.PrivateKey), sum[:])
		require.NoError(w, err)
		signature := slices.Concat(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48)))
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}, want: "not signed with the key of the node"},
	"unsigned": {send: func(w *world, c *claims) string {
		return w.forge(c, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)
	}, want: "not signed with the key of the node"},
	"with the public key as a secret": {send: func(w *world, c *claims) string {
		public, err := x509.MarshalPKIXPublicKey(w.key.Public())
		require.NoError(w, err)
		return w.forge(c, jwt.SigningMethodHS256, public, nil)
	}, want: "not signed with the key of the node"},
	"a token of the key": {send: func(w *world, c *claims) string {
		return w.forge(c, jwt.SigningMethodES256, w.key, map[string]any{"typ": "JWT"})
	}, want: "it is no assertion"},
	"with a key to be fetched": {send: func(w *world, c *claims) string {
		other := p256(w).(*ecdsa.PrivateKey)
		return w.forge(c, jwt.SigningMethodES256, other, map[string]any{"jku": "https://evil.example/keys", "jwk": "…"})
	}, want: "not signed with the key of the node"},
	"with what must be understood": {send: func(w *world, c *claims) string {
		return w.forge(c, jwt.SigningMethodES256, w.key, map[string]any{"crit": []string{"b64"}, "b64": false})
	}, want: "extensions that must be understood"},
	"with its claims exchanged": {send: func(w *world, c *claims) string {
		parts := strings.Split(w.forge(c, jwt.SigningMethodES256, w.key, nil), ".")
		body, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(w, err)
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), `"alice"`, `"mallory"`, 1)))
		return strings.Join(parts, ".")
	}, want: "not signed with the key of the node"},
	"nothing at all": {send: func(*world, *claims) string { return "" }, want: "it is malformed"},
	"in five parts":  {send: func(w *world, c *claims) string { return w.forge(c, jwt.SigningMethodES256, w.key, nil) + ".x.y" }, want: "it is malformed"},
}

func at(t time.Time) *jwt.NumericDate { return jwt.NewNumericDate(t) }

func hops(names ...identity.NodeName) []identity.NodeName { return names }

// Promise 8: nobody comes through another node who couldn't come himself.
func TestPromise8AttacksWithAssertions(t *testing.T) {
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			said := w.says()
			if attack.spoil != nil {
				attack.spoil(w, said)
			}
			send := attack.send
			if send == nil {
				send = func(w *world, c *claims) string { return w.forge(c, jwt.SigningMethodES256, w.key, nil) }
			}
			assertion := send(w, said)
			err := w.verify(assertion)
			require.ErrorIs(t, err, ErrRefused)
			assert.ErrorContains(t, err, attack.want)
			assert.NotContains(t, err.Error(), "alice", "nothing of it is repeated")
			assert.Empty(t, w.verifier.used.of, "it takes no room")
		})
	}
	w := newWorld(t)
	assert.NoError(t, w.verify(w.forge(w.says(), jwt.SigningMethodES256, w.key, nil)), "and without any of that it is good")
}

// The same, but sent by another than it was made by, or with another request.
func TestPromise8AnAssertionIsGoodForItsRequestAlone(t *testing.T) {
	w := newWorld(t)
	assertion := w.sign(errand())
	for name, try := range map[string]struct {
		from           Peer
		method, target string
	}{
		"another path":                {w.a(), "GET", "/peer/api/sessions/2"},
		"another spelling":            {w.a(), "GET", "/peer/api/%73essions/1?follow=true"},
		"another method":              {w.a(), "POST", target},
		"another peer":                {Peer{"c", p256(t).Public()}, "GET", target},
		"another peer of this key":    {Peer{"c", w.key.Public()}, "GET", target},
		"another key of this peer":    {Peer{"a", p256(t).Public()}, "GET", target},
		"a key of a kind not allowed": {Peer{"a", p384(t).Public()}, "GET", target},
		"no key":                      {Peer{"a", nil}, "GET", target},
	} {
		_, _, err := w.verifier.Verify(assertion, try.from, try.method, try.target)
		assert.ErrorIs(t, err, ErrRefused, name)
	}
	elsewhere := NewVerifier("c", w.signer.Federation, w.signer.Now)
	_, _, err := elsewhere.Verify(assertion, w.a(), "GET", target)
	assert.ErrorIs(t, err, ErrRefused, "at another node")
	outside := NewVerifier("b", func() string { return "" }, w.signer.Now)
	_, _, err = outside.Verify(w.forge(&claims{}, jwt.SigningMethodES256, w.key, nil), w.a(), "GET", target)
	assert.ErrorIs(t, err, ErrRefused, "at a node of no federation")

	require.NoError(t, w.verify(assertion), "none of that has used it up")
	assert.ErrorContains(t, w.verify(assertion), "it was used before", "replayed")
	w.now = w.now.Add(lifetime + skew - time.Second)
	assert.ErrorContains(t, w.verify(assertion), "it was used before", "and as long as it could be")
}

// A node that belongs to no federation yet believes nobody, not even one of none.
func TestANodeOfNoFederationBelievesNobody(t *testing.T) {
	w := newWorld(t)
	none := func() string { return "" }
	w.signer.Federation, w.verifier.federation = none, none
	assert.ErrorContains(t, w.verify(w.sign(errand())), `it is for federation ""`)
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	f.Add(w.sign(errand()))
	f.Add("")
	f.Add("e30.e30.")
	f.Add("bnVsbA.bnVsbA.AA")
	f.Fuzz(func(t *testing.T, assertion string) {
		if err := w.verify(assertion); err != nil {
			assert.ErrorIs(t, err, ErrRefused)
		}
	})
}

// What a node signs is no more believed for that: whatever gets through is in
// bounds, and for this request.
func FuzzSignedClaims(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(`{"iss":"a","aud":["b"],"jti":"0123456789abcdef","iat":1795348800,"exp":1795348830,"fed":"f","htm":"GET","htu":"` + digest(target) +
		`","via":["a"],"subject":{"iss":"i","sub":"alice","exp":1795348830}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"aud":7,"exp":1e308,"subject":{"exp":-1e308,"groups":[null]}}`))
	f.Add([]byte(`{"via":null,"subject":null}`))
	n := 0
	f.Fuzz(func(t *testing.T, body []byte) {
		n++
		text := strings.ReplaceAll(string(body), "0123456789abcdef", fmt.Sprintf("%016d", n)) // each is new
		unsigned := "eyJhbGciOiJFUzI1NiIsInR5cCI6InN0YXJsaW5nLWhvcCtqd3QifQ." + base64.RawURLEncoding.EncodeToString([]byte(text))
		signature, err := jwt.SigningMethodES256.Sign(unsigned, w.key)
		require.NoError(t, err)
		subject, via, err := w.verifier.Verify(unsigned+"."+base64.RawURLEncoding.EncodeToString(signature), w.a(), "GET", target)
		if err != nil {
			return
		}
		assert.NotEmpty(t, subject.Name)
		assert.NotEmpty(t, subject.Issuer)
		assert.LessOrEqual(t, len(via), mostHops)
		assert.Equal(t, identity.NodeName("a"), via[len(via)-1])
		assert.NotContains(t, via, identity.NodeName("b"))
		assert.NotContains(t, subject.Claims.Roles, identity.RoleBuiltIn)
		assert.False(t, subject.Expires.IsZero())
	})
}
