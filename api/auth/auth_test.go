package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/federation/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// at is a clock that stands.
func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// newVerifier trusts development issuers.
func newVerifier(now func() time.Time, issuers ...*Issuer) *Verifier {
	var trusted []Trusted
	for _, issuer := range issuers {
		trusted = append(trusted, issuer.Trusted())
	}
	return NewVerifier(now, leeway, trusted...)
}

// leeway is what clocks may differ here.
const leeway = 30 * time.Second

// mapped is what a node whose own key the issuer's is makes of a subject.
func mapped(t *testing.T, issuer *Issuer, subject identity.Subject) identity.Caller {
	t.Helper()
	caller, err := NewMapping(MappingOptions{Own: issuer.Name()}).Caller(subject)
	require.NoError(t, err)
	return caller
}

func newIssuer(t *testing.T) *Issuer {
	t.Helper()
	issuer, err := LoadIssuer(t.TempDir())
	require.NoError(t, err)
	return issuer
}

var alice = Grant{User: "alice", Groups: []string{"lofar"}, Roles: []identity.Role{identity.RoleUser, identity.RoleAuditor}, Proposal: "p1"}

func TestATokenSaysWhoItsBearerIs(t *testing.T) {
	issuer := newIssuer(t)
	token, err := issuer.Issue(alice, noon, time.Hour)
	require.NoError(t, err)
	verifier := newVerifier(at(noon.Add(time.Minute)), issuer)
	for range 2 { // the second time from memory
		subject, err := verifier.Verify(t.Context(), token)
		require.NoError(t, err)
		assert.Equal(t, identity.Subject{
			Issuer: issuer.Name(), Name: "alice", Groups: []string{"lofar"}, Expires: noon.Add(time.Hour), Capabilities: []string{},
			Claims: identity.Claims{Roles: alice.Roles, Proposal: "p1"},
		}, subject)
		caller := mapped(t, issuer, subject)
		assert.Equal(t, identity.Caller{
			User: "alice", Groups: []string{"lofar"}, Roles: alice.Roles, Proposal: "p1", Proposals: []string{"p1"}, Subject: subject,
		}, caller)
	}
	token, err = issuer.Issue(Grant{User: "bob"}, noon, time.Hour)
	require.NoError(t, err)
	subject, err := verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, []identity.Role{identity.RoleUser}, mapped(t, issuer, subject).Roles)
}

func TestATokenExpiresFromMemoryToo(t *testing.T) {
	issuer := newIssuer(t)
	now := noon
	verifier := newVerifier(func() time.Time { return now }, issuer)
	token, err := issuer.Issue(alice, noon, time.Hour)
	require.NoError(t, err)
	_, err = verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	now = noon.Add(time.Hour + 2*leeway)
	_, err = verifier.Verify(t.Context(), token)
	assert.ErrorIs(t, err, ErrBadToken)
	assert.ErrorContains(t, err, "expired")
}

// forge signs any claims and header with the issuer's own key.
func forge(t *testing.T, issuer *Issuer, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{
		"iss": issuer.Name(), "sub": "alice", "aud": Audience, "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
	}
	change(claims)
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return token
}

func TestTokensThatAreNotToBeBelieved(t *testing.T) {
	issuer, stranger := newIssuer(t), newIssuer(t)
	verifier := newVerifier(at(noon), issuer)
	same := func(jwt.MapClaims) {}
	good := forge(t, issuer, jwt.SigningMethodEdDSA, issuer.key, same)
	_, err := verifier.Verify(t.Context(), good)
	require.NoError(t, err)

	set := func(name string, value any) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = value }
	}
	without := func(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }
	byUs := func(change func(jwt.MapClaims)) string {
		return forge(t, issuer, jwt.SigningMethodEdDSA, issuer.key, change)
	}
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty":                    "",
		"nonsense":                 "a.b.c",
		"no signature":             parts[0] + "." + parts[1] + ".",
		"another payload":          parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root"}`)) + "." + parts[2],
		"stranger's key":           forge(t, issuer, jwt.SigningMethodEdDSA, stranger.key, same),
		"stranger":                 forge(t, stranger, jwt.SigningMethodEdDSA, stranger.key, same),
		"alg none":                 forge(t, issuer, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"our public key as HMAC's": forge(t, issuer, jwt.SigningMethodHS256, []byte(issuer.Public()), same),
		"no expiry":                byUs(without("exp")),
		"expired":                  byUs(set("exp", noon.Add(-2*leeway).Unix())),
		"not yet valid":            byUs(set("nbf", noon.Add(2*leeway).Unix())),
		"from the future":          byUs(set("iat", noon.Add(2*leeway).Unix())),
		"another audience":         byUs(set("aud", "elsewhere")),
		"no audience":              byUs(without("aud")),
		"no issuer":                byUs(without("iss")),
		"no subject":               byUs(without("sub")),
		"unprintable subject":      byUs(set("sub", "alice\n")),
		"long subject":             byUs(set("sub", strings.Repeat("a", 300))),
		"built-in":                 byUs(set("roles", []string{"user", "built-in"})),
		"unknown role":             byUs(set("roles", []string{"emperor"})),
		"roles of another type":    byUs(set("roles", "operator")),
		"too many groups":          byUs(set("groups", make([]string, 300))),
		"too long":                 good + strings.Repeat("a", maxToken),
	} {
		_, err := verifier.Verify(t.Context(), token)
		assert.ErrorIs(t, err, ErrBadToken, name)
		if err != nil && len(token) > 40 {
			assert.NotContains(t, err.Error(), token[len(token)-40:], name)
		}
	}
}

// Where a header says to fetch a key from somewhere, nobody goes there.
func TestKeysThatATokenBringsAlongAreIgnored(t *testing.T) {
	issuer, stranger := newIssuer(t), newIssuer(t)
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": issuer.Name(), "sub": "root", "aud": Audience, "exp": noon.Add(time.Hour).Unix(),
	})
	for _, name := range []string{"jku", "x5u"} {
		token.Header[name] = server.URL
	}
	token.Header["jwk"] = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(stranger.Public())}
	signed, err := token.SignedString(stranger.key)
	require.NoError(t, err)
	_, err = newVerifier(at(noon), issuer).Verify(t.Context(), signed)
	assert.ErrorIs(t, err, ErrBadToken)
	assert.False(t, asked)
}

func TestIssueRefusesWhatVerifyWould(t *testing.T) {
	issuer := newIssuer(t)
	for name, try := range map[string]struct {
		grant    Grant
		lifetime time.Duration
	}{
		"nobody":    {Grant{}, time.Hour},
		"built-in":  {Grant{User: "a", Roles: []identity.Role{identity.RoleBuiltIn}}, time.Hour},
		"for ever":  {Grant{User: "a"}, MaxLifetime + 1},
		"no time":   {Grant{User: "a"}, 0},
		"two lines": {Grant{User: "a", Proposal: "x\ny"}, time.Hour},
	} {
		_, err := issuer.Issue(try.grant, noon, try.lifetime)
		assert.Error(t, err, name)
	}
}

func TestTheKeyIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	names := make([]string, 8)
	for i := range names {
		group.Go(func() {
			if issuer, err := LoadIssuer(dir); assert.NoError(t, err) {
				names[i] = issuer.Name()
			}
		})
	}
	group.Wait()
	for _, name := range names {
		assert.Equal(t, names[0], name)
	}
	path := filepath.Join(dir, KeyFile)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing else is left behind")

	require.NoError(t, os.Chmod(path, 0o644))
	_, err = LoadIssuer(dir)
	assert.ErrorContains(t, err, "can be read by others")
	require.NoError(t, os.WriteFile(path, []byte("no key"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = LoadIssuer(dir)
	assert.ErrorContains(t, err, "no PEM block")
	_, err = LoadIssuer(filepath.Join(dir, "nowhere"))
	assert.Error(t, err)
}

func TestBearerReadsTheAuthorizationHeader(t *testing.T) {
	issuer := newIssuer(t)
	token, err := issuer.Issue(alice, noon, time.Hour)
	require.NoError(t, err)
	verifier := newVerifier(at(noon), issuer)
	ask := func(dev bool, headers ...string) (identity.Caller, error) {
		r := httptest.NewRequest("GET", "/", nil)
		for _, h := range headers {
			r.Header.Add("Authorization", h)
		}
		return Bearer{Verifier: verifier, Mapping: NewMapping(MappingOptions{Own: issuer.Name()}), Dev: dev}.Authenticate(r)
	}
	for _, dev := range []bool{false, true} {
		for _, header := range []string{"Bearer " + token, "bearer  " + token} {
			caller, err := ask(dev, header)
			require.NoError(t, err)
			assert.Equal(t, "alice", caller.User)
			assert.Equal(t, token, caller.Token.Reveal())
		}
		for _, bad := range [][]string{{""}, {"Bearer"}, {"Bearer x"}, {"Basic YTpi"}, {token}, {"Bearer " + token, "Bearer " + token}} {
			caller, err := ask(dev, bad...)
			assert.ErrorIs(t, err, ErrBadToken, bad)
			assert.Equal(t, identity.Caller{}, caller)
		}
	}
	_, err = ask(false)
	assert.ErrorIs(t, err, ErrNoToken)
	caller, err := ask(true)
	require.NoError(t, err)
	assert.Equal(t, DevUser, caller.User)
	assert.ElementsMatch(t, EveryRole(), caller.Roles)
	assert.False(t, caller.Has(identity.RoleBuiltIn))
}

func TestFewTokensAreRemembered(t *testing.T) {
	s := newSeen()
	for i := range 3 * maxSeen {
		s.add(strings.Repeat("t", i), identity.Subject{}, 0)
	}
	assert.Len(t, s.subjects, maxSeen)
}

// No text is a token but those that the issuer signed.
func FuzzVerify(f *testing.F) {
	seed := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	issuer := &Issuer{key: seed}
	token, err := issuer.Issue(alice, noon, time.Hour)
	require.NoError(f, err)
	f.Add(token)
	f.Add("a.b.c")
	verifier := newVerifier(at(noon), issuer)
	f.Fuzz(func(t *testing.T, text string) {
		subject, err := verifier.Verify(t.Context(), text)
		if err != nil {
			assert.ErrorIs(t, err, ErrBadToken)
			return
		}
		parts := strings.Split(text, ".")
		var claims struct{ Sub string }
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, json.Unmarshal(payload, &claims))
		assert.Equal(t, claims.Sub, subject.Name)
	})
}
