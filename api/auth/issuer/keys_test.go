package issuer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// opened is a public key as a stranger makes it of what is published.
func opened(t *testing.T, k publicKey) any {
	t.Helper()
	number := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		return b
	}
	switch k.Type {
	case "OKP":
		return ed25519.PublicKey(number(k.X))
	case "EC":
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, number(k.X)...), number(k.Y)...))
		require.NoError(t, err)
		return public
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(number(k.Modulus)), E: int(new(big.Int).SetBytes(number(k.Exponent)).Int64())}
}

// verifies reports whether what is published verifies a token.
func (w *world) verifies(token string) bool {
	w.t.Helper()
	published := w.get(keysPath)
	_, err := jwt.Parse(token, func(t *jwt.Token) (any, error) {
		for _, k := range published.Keys {
			if k.ID == t.Header["kid"] && string(k.Algorithm) == t.Method.Alg() {
				return opened(w.t, k), nil
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	}, jwt.WithTimeFunc(w.clock.Now))
	return err == nil
}

func TestEveryAlgorithmSignsWhatItsPublicKeyVerifies(t *testing.T) {
	for _, algorithm := range Algorithms() {
		w := newWorld(t, func(o *Options) { o.Algorithm = algorithm })
		token := w.login("alice", "").Access
		assert.True(t, w.verifies(token), algorithm)
		keys := w.get(keysPath)
		require.Len(t, keys.Keys, 1)
		assert.Equal(t, algorithm, keys.Keys[0].Algorithm)
		assert.Equal(t, "sig", keys.Keys[0].Use)
		assert.NotContains(t, keys.body, `"d"`)
	}
}

// RFC 8037 appendix A.3 has this as its example.
func TestAThumbprint(t *testing.T) {
	assert.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		publicKey{Type: "OKP", Curve: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}.thumbprint())
}

// Another process rotates: the server signs with the new key at its next token,
// and the old one stays until its tokens are over.
func TestAfterARotationTheOldKeyStaysUntilItsTokensAreOver(t *testing.T) {
	w := newWorld(t)
	old := w.login("alice", "").Access
	other, err := OpenDirectory(w.dir, w.clock.Now)
	require.NoError(t, err)
	require.NoError(t, other.Rotate(RS256, 0))

	next := w.login("alice", "").Access
	assert.True(t, w.verifies(old))
	assert.True(t, w.verifies(next))
	keys, err := other.Keys()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	assert.Equal(t, Key{ID: w.get(keysPath).Keys[0].ID, Algorithm: RS256, Made: w.clock.Now(), Signs: true}, keys[0])
	assert.Equal(t, w.clock.Now().Add(MaxLifetime), keys[1].Until)

	w.clock.advance(MaxLifetime + time.Second)
	assert.Len(t, w.get(keysPath).Keys, 1)
	require.NoError(t, other.Rotate(RS256, 0))
	keys, err = other.Keys()
	require.NoError(t, err)
	assert.Len(t, keys, 2, "the first is forgotten")
}

// A new key is known to everybody before anything is signed with it.
func TestANewKeyIsPublishedBeforeItSigns(t *testing.T) {
	w := newWorld(t)
	d := w.serves.Directory()
	first := w.get(keysPath).Keys[0].ID
	require.NoError(t, d.Rotate(ES256, time.Minute))
	signs := func() string {
		token, _, err := jwt.NewParser().ParseUnverified(w.login("alice", "").Access, jwt.MapClaims{})
		require.NoError(t, err)
		return token.Header["kid"].(string)
	}
	next := w.get(keysPath).Keys[0].ID
	assert.NotEqual(t, first, next)
	assert.Equal(t, first, signs())
	keys, err := d.Keys()
	require.NoError(t, err)
	assert.Equal(t, []Key{
		{ID: next, Algorithm: ES256, Made: w.clock.Now(), From: w.clock.Now().Add(time.Minute)},
		{ID: first, Algorithm: EdDSA, Made: w.clock.Now(), Signs: true},
	}, keys)
	w.clock.advance(time.Minute)
	assert.Equal(t, next, signs())
	w.clock.advance(-time.Hour)
	assert.Equal(t, first, signs(), "the clock was set back")
	w.clock.advance(time.Hour)

	// If the one that signs is withdrawn, neither an old nor a future one steps in.
	require.NoError(t, d.Rotate(ES256, time.Minute))
	require.NoError(t, d.Withdraw(next))
	assert.NotContains(t, []string{first, next, w.get(keysPath).Keys[0].ID}, signs())
	assert.Len(t, w.get(keysPath).Keys, 3)
	assert.Error(t, d.Rotate(ES256, -time.Second))
}

func TestAWithdrawnKeyIsGoneAtOnce(t *testing.T) {
	w := newWorld(t)
	stolen := w.login("alice", "", "scope", "offline_access")
	other, err := OpenDirectory(w.dir, w.clock.Now)
	require.NoError(t, err)
	keys, err := other.Keys()
	require.NoError(t, err)
	require.NoError(t, other.Withdraw(keys[0].ID))
	assert.False(t, w.verifies(stolen.Access))
	assert.Equal(t, "invalid_request", w.postAs("kth", secret, "/token", "grant_type", grantExchange,
		"subject_token", stolen.Access, "subject_token_type", tokenAccess).Error)
	assert.True(t, w.verifies(w.post("/token", "grant_type", "refresh_token", "refresh_token", stolen.Refresh).Access))
	assert.ErrorContains(t, other.Withdraw(keys[0].ID), "there is no key")

	require.NoError(t, other.Rotate(EdDSA, 0))
	keys, err = other.Keys()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.NoError(t, other.Withdraw(keys[1].ID))
	left := w.get(keysPath).Keys
	require.Len(t, left, 1)
	assert.Equal(t, keys[0].ID, left[0].ID, "the one that signs stays")
}

func TestADirectorySignsWithoutAServer(t *testing.T) {
	w := newWorld(t)
	d, err := OpenDirectory(w.dir, w.clock.Now)
	require.NoError(t, err)
	token, err := d.Issue(Grant{User: "bob", Groups: []string{"/ska"}, Audience: []string{"n"}, Client: PublicClient}, time.Minute)
	require.NoError(t, err)
	assert.True(t, w.verifies(token))
	assert.Equal(t, "bob", w.claims(token).Subject)
	for want, grant := range map[string]Grant{
		"user's name is missing":         {},
		"characters that do not print":   {User: "a\nb"},
		"101 groups; at most 100":        {User: "a", Groups: make([]string, 101)},
		"group's name is missing":        {User: "a", Groups: []string{"/"}},
		"the audience \"\" is none":      {User: "a", Audience: []string{""}},
		"the scope's word \"a b\" is no": {User: "a", Scope: []string{"a b"}},
	} {
		_, err := d.Issue(grant, time.Minute)
		assert.ErrorContains(t, err, want)
	}
	_, err = d.Issue(Grant{User: "a"}, MaxLifetime+time.Second)
	assert.ErrorContains(t, err, "lifetime")
	_, err = OpenDirectory(t.TempDir(), w.clock.Now)
	assert.ErrorIs(t, err, ErrNoIssuer)
}

func TestWhatIsInTheDirectoryIsItsOwnersAlone(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{stateFile, lockFile, storeFile, SecretFile} {
		info, err := os.Stat(filepath.Join(w.dir, name))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	require.NoError(t, os.Chmod(filepath.Join(w.dir, stateFile), 0o644))
	_, err := OpenDirectory(w.dir, w.clock.Now)
	assert.ErrorContains(t, err, "can be read by others (mode 0644): chmod 600 ")
	require.NoError(t, os.Chmod(filepath.Join(w.dir, stateFile), 0o600))

	_, err = New(Options{Dir: w.dir, Identity: Identity{URL: w.url}, Now: w.clock.Now})
	assert.ErrorContains(t, err, "another issuer works in "+w.dir)
}
