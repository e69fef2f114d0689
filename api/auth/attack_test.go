package auth

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/jwks"
	"starling/federation/identity"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestTokensOfAllThreeAlgorithmsAreRead(t *testing.T) {
	issuer := newIAM(t, "https://iam.example.org/")
	for algorithm := range issuer.keys {
		for _, kind := range []any{nil, "JWT", "at+jwt", "application/at+jwt"} {
			token := issuer.sign(algorithm, issuer.claimed("scope", "openid compute.create", "groups", []string{"ska"}, "wlcg.groups", []string{"/ska/pulsars"}), "typ", kind)
			subject, err := issuer.verifier().Verify(t.Context(), token)
			require.NoError(t, err, algorithm)
			assert.Equal(t, identity.Subject{
				Issuer: issuer.url, Name: "alice", Groups: []string{"ska", "/ska/pulsars"}, Capabilities: []string{"openid", "compute.create"},
				Expires: subject.Expires,
			}, subject)
			assert.True(t, noon.Add(time.Hour).Equal(subject.Expires))
		}
	}
	delete(issuer.keys, jwks.RS256)
	issuer.publish()
	_, err := issuer.verifier().Verify(t.Context(), issuer.sign(jwks.ES256, issuer.claimed(), "kid", nil))
	assert.NoError(t, err, "a token without kid, of an issuer with one key of that kind")
}

// The table of attacks, as far as they are made with a token. Each of them is
// refused by one check; who removes it sees it here.
func TestPromise8TokensThatAreNotToBeBelieved(t *testing.T) {
	const name = "https://iam.example.org/"
	issuer, other := newIAM(t, name), newIAM(t, "https://other.example.org")
	impostor := newIAM(t, name) // says that it is the issuer, and has keys of its own
	verifier := issuer.verifier(other)
	good := issuer.sign(jwks.EdDSA, issuer.claimed())
	_, err := verifier.Verify(t.Context(), good)
	require.NoError(t, err)
	parts := strings.Split(good, ".")

	der, err := x509.MarshalPKIXPublicKey(issuer.keys[jwks.RS256].Public())
	require.NoError(t, err)
	hs256 := func(key []byte, kid string) string {
		return issuer.signWith(jwt.SigningMethodHS256, key, kid, issuer.claimed())
	}
	claim := func(pairs ...any) string { return issuer.sign(jwks.EdDSA, issuer.claimed(pairs...)) }
	head := func(pairs ...any) string { return issuer.sign(jwks.EdDSA, issuer.claimed(), pairs...) }
	soon, late := noon.Add(2*leeway).Unix(), noon.Add(-2*leeway).Unix()
	payload, err := json.Marshal(issuer.claimed())
	require.NoError(t, err)
	eddsa := `{"alg":"EdDSA","kid":"EdDSA"}`

	for attack, token := range map[string]string{
		"alg none":                        issuer.signWith(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "EdDSA", issuer.claimed()),
		"alg None, no signature":          encode(`{"alg":"None","kid":"EdDSA"}`) + "." + parts[1] + ".",
		"no alg":                          head("alg", nil),
		"HS256 with the public key":       hs256(der, "RS256"),
		"HS256 with the Ed25519 key":      hs256(issuer.keys[jwks.EdDSA].Public().(ed25519.PublicKey), "EdDSA"),
		"HS256 with no key":               hs256([]byte{}, ""),
		"RS384 with the right key":        issuer.signWith(jwt.SigningMethodRS384, issuer.keys[jwks.RS256], "RS256", issuer.claimed()),
		"PS256 with the right key":        issuer.signWith(jwt.SigningMethodPS256, issuer.keys[jwks.RS256], "RS256", issuer.claimed()),
		"another algorithm's key id":      issuer.signWith(jwt.SigningMethodES256, issuer.keys[jwks.ES256], "EdDSA", issuer.claimed()),
		"EdDSA said, RS256 signed":        relabelled(issuer, "RS256"),
		"an issuer's name, its own keys":  impostor.sign(jwks.EdDSA, impostor.claimed()),
		"issuer A with the key of B":      other.sign(jwks.EdDSA, issuer.claimed()),
		"issuer B with the key of A":      issuer.sign(jwks.EdDSA, other.claimed()),
		"an unknown issuer":               claim("iss", "https://evil.example.org"),
		"an issuer but for its slash":     claim("iss", strings.TrimSuffix(name, "/")),
		"an issuer in capitals":           claim("iss", strings.ToUpper(name)),
		"a list of issuers":               claim("iss", []string{name}),
		"no issuer":                       claim("iss", nil),
		"another key id":                  head("kid", "unknown"),
		"a key id that is no text":        head("kid", 7),
		"a key id that leads elsewhere":   head("kid", "../../../dev/null"),
		"another audience":                claim("aud", "https://other-broker.example.org"),
		"stolen from another service":     claim("aud", []string{"https://storm.example.org", here + "/"}),
		"any audience of WLCG":            claim("aud", "https://wlcg.cern.ch/jwt/v1/any"),
		"no audience":                     claim("aud", nil),
		"an empty audience":               claim("aud", []string{}),
		"expired":                         claim("exp", late),
		"no expiry":                       claim("exp", nil),
		"an expiry that is null":          issuer.signText(eddsa, strings.Replace(string(payload), `"exp":`, `"exp":null,"exp2":`, 1)),
		"an expiry that is no number":     claim("exp", "tomorrow"),
		"beyond all years":                claim("exp", 1e300),
		"in the year 10000":               claim("exp", 253402300800),
		"not yet valid":                   claim("nbf", soon),
		"issued in the future":            claim("iat", soon),
		"no subject":                      claim("sub", nil),
		"an empty subject":                claim("sub", ""),
		"a subject that is no text":       claim("sub", 7),
		"a subject of two lines":          claim("sub", "alice\nrole=operator"),
		"a subject that turns around":     claim("sub", "alice\u202e"),
		"a subject with a null":           claim("sub", "alice\x00"),
		"an endless subject":              claim("sub", strings.Repeat("a", maxName+1)),
		"too many groups":                 claim("groups", repeated("g", maxGroups+1)),
		"too many groups, of two claims":  claim("groups", repeated("g", maxGroups), "wlcg.groups", []string{"g"}),
		"an endless group":                claim("groups", []string{strings.Repeat("a", maxName+1)}),
		"a group that rings":              claim("groups", []string{"\a"}),
		"groups that are numbers":         claim("groups", []int{1}),
		"a table of groups":               claim("groups", map[string]string{"a": "b"}),
		"too many capabilities":           claim("scope", strings.Repeat("a ", maxGroups+1)),
		"a scope that is a list":          claim("scope", []string{"openid"}),
		"a member twice":                  issuer.signText(eddsa, `{"sub":"root",`+string(payload[1:])),
		"a member twice, inside":          issuer.signText(eddsa, `{"x":{"a":1,"a":2},`+string(payload[1:])),
		"a header's member twice":         issuer.signText(`{"alg":"none","alg":"EdDSA","kid":"EdDSA"}`, string(payload)),
		"members in capitals":             issuer.signText(eddsa, strings.Replace(string(payload), `"aud"`, `"AUD"`, 1)),
		"no UTF-8":                        issuer.signText(eddsa, `{"x":"`+"\xff"+`",`+string(payload[1:])),
		"more behind the payload":         issuer.signText(eddsa, string(payload)+"{}"),
		"something critical":              head("crit", []string{"exp"}),
		"critical nothing":                head("crit", []string{}),
		"critical null":                   issuer.signText(`{"alg":"EdDSA","kid":"EdDSA","crit":null}`, string(payload)),
		"an unencoded payload (RFC 7797)": head("b64", false, "crit", []string{"b64"}),
		"a logout token":                  head("typ", "logout+jwt"),
		"another node's assertion":        head("typ", "starling-hop+jwt"),
		"a key in its header":             impostor.sign(jwks.EdDSA, impostor.claimed(), "kid", nil, "jwk", jwkOf(impostor)),
		"a JWE's five parts":              good + ".YQ.YQ",
		"five parts of nothing":           "....",
		"two parts":                       parts[0] + "." + parts[1],
		"no signature":                    parts[0] + "." + parts[1] + ".",
		"another payload":                 parts[0] + "." + encode(strings.Replace(string(payload), "alice", "carol", 1)) + "." + parts[2],
		"another header":                  encode(`{"alg":"EdDSA","kid":"EdDSA","x":1}`) + "." + parts[1] + "." + parts[2],
		"padding":                         good + "=",
		"the end of a line":               good + "\n",
		"another spelling of the same":    respelt(t, good),
		"a blank":                         " " + good,
		"oversized":                       claim("x", strings.Repeat("a", maxToken)),
		"nothing":                         "",
	} {
		_, err := verifier.Verify(t.Context(), token)
		assert.ErrorIs(t, err, ErrBadToken, attack)
		if err != nil && len(token) > 40 {
			assert.NotContains(t, err.Error(), token[len(token)-40:], attack)
			assert.NotContains(t, err.Error(), "\n", attack)
		}
	}
}

// Clocks may differ by the leeway and no more, and it is never more than a minute.
func TestTheLeewayIsWhatIsStated(t *testing.T) {
	issuer := newIAM(t, "https://iam.example.org")
	for _, lenient := range []time.Duration{0, 30 * time.Second, time.Hour} {
		verifier := NewVerifier(at(noon), lenient, issuer.trusted())
		real := min(lenient, time.Minute)
		for name, sign := range map[string]int64{"exp": -1, "nbf": 1, "iat": 1} {
			within, beyond := noon.Unix()+sign*int64(real/time.Second), noon.Unix()+sign*int64(real/time.Second+1)
			if name == "exp" {
				within++ // a token is over at the second of exp
			}
			_, err := verifier.Verify(t.Context(), issuer.sign(jwks.EdDSA, issuer.claimed(name, within)))
			assert.NoError(t, err, "%s, leeway %s", name, lenient)
			_, err = verifier.Verify(t.Context(), issuer.sign(jwks.EdDSA, issuer.claimed(name, beyond)))
			assert.ErrorIs(t, err, ErrBadToken, "%s, leeway %s", name, lenient)
		}
	}
}

func TestATokenThatWasGoodIsForgottenWhenTheKeysChange(t *testing.T) {
	issuer := newIAM(t, "https://iam.example.org")
	verifier := issuer.verifier()
	token := issuer.sign(jwks.RS256, issuer.claimed())
	_, err := verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	delete(issuer.keys, jwks.RS256) // withdrawn: somebody has stolen it
	issuer.publish()
	_, err = verifier.Verify(t.Context(), token)
	assert.ErrorIs(t, err, ErrBadToken)
	assert.ErrorContains(t, err, "not among those that its issuer publishes")
}

func TestATokenWithoutKeyIDIsForOneKeyOnly(t *testing.T) {
	issuer, second := newIAM(t, "https://iam.example.org"), newIAM(t, "https://iam.example.org")
	set, _ := jwks.Of(
		jwks.Key{ID: "a", Algorithm: jwks.EdDSA, Public: issuer.keys[jwks.EdDSA].Public().(jwks.PublicKey)},
		jwks.Key{ID: "b", Algorithm: jwks.EdDSA, Public: second.keys[jwks.EdDSA].Public().(jwks.PublicKey)},
	)
	issuer.known.set = set
	_, err := issuer.verifier().Verify(t.Context(), issuer.sign(jwks.EdDSA, issuer.claimed(), "kid", nil))
	assert.ErrorIs(t, err, ErrBadToken)
	assert.ErrorContains(t, err, "it names no key (kid)")
}

// An issuer that never answered is no reason to call its token bad.
func TestAnIssuerThatWasNeverSeenIsAnotherErrorThanABadToken(t *testing.T) {
	issuer := newIAM(t, "https://iam.example.org")
	issuer.known.down = true
	_, err := issuer.verifier().Verify(t.Context(), issuer.sign(jwks.EdDSA, issuer.claimed()))
	assert.ErrorIs(t, err, ErrUnavailable)
	assert.NotErrorIs(t, err, ErrBadToken)
}

// Only development issuers' tokens say of themselves what their bearers may do.
func TestPromise8AnIssuersTokenCantClaimARole(t *testing.T) {
	issuer := newIAM(t, "https://iam.example.org")
	token := issuer.sign(jwks.EdDSA, issuer.claimed("roles", []string{"operator"}, "proposal", "P-1"))
	subject, err := issuer.verifier().Verify(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, identity.Claims{}, subject.Claims)
}

func TestGroupsAreReadAsIssuersWriteThem(t *testing.T) {
	issuer := newIAM(t, "https://iam.example.org")
	for name, tt := range map[string]struct {
		claims []any
		want   []string
	}{
		"a list":       {[]any{"groups", []string{"a", "b"}}, []string{"a", "b"}},
		"one":          {[]any{"groups", "a"}, []string{"a"}},
		"objects":      {[]any{"groups", []any{map[string]string{"value": "id", "display": "a"}, map[string]string{"value": "b"}, "c"}}, []string{"a", "b", "c"}},
		"entitlements": {[]any{"eduperson_entitlement", []string{"urn:x:group:a#b"}}, []string{"urn:x:group:a#b"}},
		"none":         {nil, nil},
		"null":         {[]any{"groups", json.RawMessage("null")}, nil},
		"elsewhere":    {[]any{"roles", []string{"a"}, "entitlements", []string{"a"}}, nil},
	} {
		subject, err := issuer.verifier().Verify(t.Context(), issuer.sign(jwks.EdDSA, issuer.claimed(tt.claims...)))
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, subject.Groups, name)
	}
	of := issuer.trusted()
	of.Groups = []string{"entitlements"}
	subject, err := NewVerifier(at(noon), leeway, of).Verify(t.Context(),
		issuer.sign(jwks.EdDSA, issuer.claimed("entitlements", []string{"a"}, "groups", []string{"b"})))
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, subject.Groups, "as configured")
}

// No text is a token but those that an issuer signed.
func FuzzVerifyOfAnIssuer(f *testing.F) {
	issuer := newIAM(f, "https://iam.example.org")
	for algorithm := range issuer.keys {
		f.Add(issuer.sign(algorithm, issuer.claimed("groups", []string{"a"}, "scope", "a b")))
	}
	f.Add("....")
	f.Add(encode(`{"alg":"none"}`) + "." + encode(`{}`) + ".")
	verifier := issuer.verifier()
	f.Fuzz(func(t *testing.T, text string) {
		subject, err := verifier.Verify(t.Context(), text)
		if err != nil {
			assert.ErrorIs(t, err, ErrBadToken)
			return
		}
		assert.Equal(t, "alice", subject.Name, "nothing else was ever signed")
	})
}

// FuzzRead reads what nobody has signed: whatever is in it, that ends, and within
// bounds.
func FuzzRead(f *testing.F) {
	f.Add(`{"alg":"RS256","kid":"a","crit":["b"]}`, `{"iss":"a","aud":["b"],"exp":1e9,"groups":[{"value":"a"},"b"],"scope":"a b"}`)
	f.Add(`{}`, `{"groups":"a","wlcg.groups":["b"],"eduperson_entitlement":[{}],"exp":1}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		read, err := read(encode(header) + "." + encode(payload) + ".AA")
		if err != nil || read.claims.ExpiresAt == nil {
			return
		}
		subject, err := read.claims.subject(Trusted{Development: true})
		if err != nil {
			return
		}
		assert.LessOrEqual(t, len(subject.Groups), maxGroups)
		assert.LessOrEqual(t, len(subject.Name), maxName)
		assert.NotContains(t, fmt.Sprint(subject.Groups), "\n")
	})
}

// relabelled is a token whose header says another algorithm than it is signed
// with.
func relabelled(issuer *iam, algorithm string) string {
	text := encode(`{"alg":"EdDSA","kid":"`+algorithm+`"}`) + "." + strings.Split(issuer.sign(algorithm, issuer.claimed()), ".")[1]
	signature, err := jwt.SigningMethodRS256.Sign(text, issuer.keys[algorithm])
	require.NoError(issuer.t, err)
	return text + "." + encode(string(signature))
}

// respelt is the same token with other unused bits at its end.
func respelt(t *testing.T, token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	other := token[:len(token)-1] + string(alphabet[last^1])
	decoded := func(text string) []byte {
		bytes, err := base64.RawURLEncoding.DecodeString(text[strings.LastIndexByte(text, '.')+1:])
		require.NoError(t, err)
		return bytes
	}
	require.Equal(t, decoded(token), decoded(other), "to those who don't look closely")
	return other
}

func jwkOf(i *iam) map[string]string {
	return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(string(i.keys[jwks.EdDSA].Public().(ed25519.PublicKey)))}
}

func repeated(text string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = text
	}
	return all
}
