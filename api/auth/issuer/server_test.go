package issuer

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDiscoveryNamesWhatIsThere(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{discoveryPath, discoveryPath2} {
		got := w.get(path)
		assert.Equal(t, 200, got.status)
		assert.Equal(t, w.url, got.Issuer)
		assert.Equal(t, w.url+"/token", got.TokenEndpoint)
		assert.Equal(t, w.url+"/devicecode", got.DeviceEndpoint)
		assert.Equal(t, w.url+"/revoke", got.RevokeEndpoint)
		assert.Equal(t, []string{"EdDSA", "ES256", "RS256"}, got.SigningSupported)
		assert.Contains(t, got.GrantTypes, grantExchange)
		assert.Equal(t, w.url+"/jwks", got.JWKS)
	}
	assert.Equal(t, 404, w.get("/nothing").status)
	assert.Equal(t, 405, w.get("/token").status)
}

// An issuer whose name ends in a slash has it in "iss", and once in its URLs.
func TestASlashAtTheEndOfTheNameStays(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.URL += "/" })
	got := w.get(discoveryPath)
	assert.Equal(t, w.url+"/", got.Issuer)
	assert.Equal(t, w.url+"/token", got.TokenEndpoint)
	assert.Equal(t, w.url+"/", w.claims(w.login("alice", "").Access).Issuer)
}

func TestTheDeviceFlow(t *testing.T) {
	w := newWorld(t)
	codes := w.post("/devicecode", "scope", "openid storage.read:/data offline_access", "audience", "https://jodrell.example.org")
	require.Equal(t, 200, codes.status, codes.body)
	assert.Regexp(t, `^[B-Z]{4}-[B-Z]{4}$`, codes.User)
	assert.Equal(t, w.url+"/device?user_code="+codes.User, codes.WholePage)
	assert.EqualValues(t, 5, codes.Interval)

	poll := func() answer { return w.post("/token", "grant_type", grantDevice, "device_code", codes.Device) }
	assert.Equal(t, "slow_down", poll().Error, "at once is too soon")
	w.clock.advance(5 * time.Second)
	assert.Equal(t, "slow_down", poll().Error, "the interval is ten seconds now, and fifteen from here")
	w.clock.advance(15 * time.Second)
	assert.Equal(t, "authorization_pending", poll().Error)

	page := w.post("/device", "user_code", strings.ToLower(codes.User), "user", "alice", "groups", "ska/pulsars /ska", "answer", "yes")
	require.Equal(t, 200, page.status, page.body)
	assert.Contains(t, page.body, "as alice")
	assert.Equal(t, 400, w.post("/device", "user_code", codes.User, "user", "eve", "answer", "yes").status, "one answer is enough")
	got := poll()
	require.Equal(t, 200, got.status, got.body)
	assert.Equal(t, "Bearer", got.Type)
	assert.EqualValues(t, 3600, got.ExpiresIn)
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
	assert.NotEmpty(t, got.Refresh)
	assert.NotEmpty(t, got.ID)

	claims := w.claims(got.Access)
	assert.Equal(t, "alice", claims.Subject)
	assert.Equal(t, []string{"/ska/pulsars", "/ska"}, claims.WLCGGroups)
	assert.Equal(t, jwt.ClaimStrings{"https://jodrell.example.org"}, claims.Audience)
	assert.Equal(t, "offline_access openid storage.read:/data", claims.Scope)
	assert.Equal(t, PublicClient, claims.Client)
	assert.Equal(t, w.clock.Now().Add(time.Hour), claims.ExpiresAt.UTC())

	assert.Equal(t, "expired_token", poll().Error, "a code works once")
	assert.True(t, w.verifies(got.ID))
	assert.Equal(t, "invalid_request", w.postAs("kth", secret, "/token", "grant_type", grantExchange,
		"subject_token", got.ID, "subject_token_type", tokenAccess).Error, "an ID token is no access token")
}

func TestTheClaimsAreWordedAsTheProfileHasThem(t *testing.T) {
	for profile, want := range map[Profile][]string{
		ProfileWLCG: {"wlcg.ver", "wlcg.groups"},
		ProfileIAM:  {"groups"},
	} {
		w := newWorld(t, func(o *Options) { o.Profile = profile })
		token := w.login("alice", "ska/pulsars", "audience", "a").Access
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		require.NoError(t, err)
		claims := map[string]any{}
		require.NoError(t, json.Unmarshal(text, &claims))
		for _, name := range append(want, "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id") {
			assert.Contains(t, claims, name, profile)
		}
		assert.Len(t, claims, 8+len(want), "%v", claims)
		assert.Equal(t, []string{"ska/pulsars"}, trimmed(w.claims(token).grant().Groups))
	}
}

func trimmed(groups []string) (bare []string) {
	for _, g := range groups {
		bare = append(bare, strings.Trim(g, "/"))
	}
	return bare
}

func TestAUserSaysNo(t *testing.T) {
	w := newWorld(t)
	codes := w.post("/devicecode")
	assert.Contains(t, w.post("/device", "user_code", codes.User, "answer", "no").body, "Refused")
	got := w.post("/token", "grant_type", grantDevice, "device_code", codes.Device)
	assert.Equal(t, "access_denied", got.Error)
	assert.Equal(t, 400, w.post("/device", "user_code", codes.User, "user", "alice", "answer", "yes").status, "that was it")
}

func TestWhoCanLogInIsChosenFromTheUsersThereAre(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Users = []User{{Name: "alice", Groups: []string{"ska"}}, {Name: "<b>ob"}} })
	codes := w.post("/devicecode")
	page := w.get("/device?user_code=" + codes.User)
	assert.Contains(t, page.body, `<option value="alice">alice · ska</option>`)
	assert.Contains(t, page.body, `&lt;b&gt;ob`)
	got := w.post("/device", "user_code", codes.User, "user", "mallory", "groups", "ska", "answer", "yes")
	assert.Equal(t, 400, got.status)
	assert.Contains(t, got.body, "no such user")
	w.post("/device", "user_code", codes.User, "user", "alice", "groups", "admins", "answer", "yes")
	token := w.post("/token", "grant_type", grantDevice, "device_code", codes.Device)
	assert.Equal(t, []string{"/ska"}, w.claims(token.Access).WLCGGroups, "not what was typed")
}

// Whatever is sent comes back as text, and nothing would run if it didn't.
func TestThePageEscapesWhatItIsSent(t *testing.T) {
	w := newWorld(t)
	nasty := `"><script>alert(1)</script>`
	page := w.get("/device?user_code=" + strings.ReplaceAll(nasty, " ", "+"))
	assert.Equal(t, 200, page.status)
	sent := w.post("/device", "user_code", nasty, "user", nasty, "groups", nasty, "answer", "yes")
	for _, p := range []answer{page, sent} {
		assert.NotContains(t, p.body, "<script")
		assert.Contains(t, p.body, "&lt;script&gt;")
		_, rest, _ := strings.Cut(p.body, "<style>")
		style, _, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(style))
		assert.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'", p.header.Get("Content-Security-Policy"))
	}
}

func TestARefreshTokenIsReplacedEachTime(t *testing.T) {
	w := newWorld(t)
	first := w.login("alice", "ska", "scope", "offline_access storage.read:/ openid", "audience", "a")
	w.clock.advance(2 * time.Hour)
	next := w.post("/token", "grant_type", "refresh_token", "refresh_token", first.Refresh, "scope", "storage.read:/data")
	require.Equal(t, 200, next.status, next.body)
	claims := w.claims(next.Access)
	assert.Equal(t, "storage.read:/data", claims.Scope)
	assert.Equal(t, jwt.ClaimStrings{"a"}, claims.Audience)
	assert.NotEqual(t, first.Refresh, next.Refresh)

	// Neither a restart nor an hour changes that.
	require.NoError(t, w.serves.Close())
	w.start()
	w.clock.advance(time.Hour)
	got := w.post("/token", "grant_type", "refresh_token", "refresh_token", next.Refresh)
	require.Equal(t, 200, got.status, got.body)
	assert.Equal(t, "offline_access openid storage.read:/", w.claims(got.Access).Scope, "the login's own")
	w.clock.advance(familyLife)
	assert.Equal(t, "invalid_grant", w.post("/token", "grant_type", "refresh_token", "refresh_token", got.Refresh).Error)
}

func TestAClientHasATokenOfItsOwn(t *testing.T) {
	w := newWorld(t)
	got := w.postAs("kth", secret, "/token", "grant_type", "client_credentials", "scope", "compute.read offline_access", "resource", "https://b.example.org/x")
	require.Equal(t, 200, got.status, got.body)
	claims := w.claims(got.Access)
	assert.Equal(t, "kth", claims.Subject)
	assert.Equal(t, "compute.read", claims.Scope)
	assert.Empty(t, got.Refresh)
	assert.Equal(t, "unauthorized_client", w.post("/token", "grant_type", "client_credentials").Error)
	got = w.post("/token", "grant_type", "client_credentials", "client_id", "kth", "client_secret", secret)
	assert.Equal(t, 200, got.status, "the secret in the form")
}

func TestAnExchangedTokenIsForAnotherAudienceAndNarrower(t *testing.T) {
	w := newWorld(t)
	shown := w.login("alice", "ska", "scope", "offline_access storage.read:/ compute.create", "audience", "a").Access
	w.clock.advance(50 * time.Minute)
	got := w.postAs("kth", secret, "/token", "grant_type", grantExchange, "subject_token", shown, "subject_token_type", tokenAccess,
		"audience", "b", "scope", "storage.read:/data/m31")
	require.Equal(t, 200, got.status, got.body)
	assert.Equal(t, tokenAccess, got.IssuedType)
	assert.EqualValues(t, 600, got.ExpiresIn, "no longer than the one that was shown")
	assert.Empty(t, got.Refresh)
	claims := w.claims(got.Access)
	assert.Equal(t, "alice", claims.Subject)
	assert.Equal(t, []string{"/ska"}, claims.WLCGGroups)
	assert.Equal(t, jwt.ClaimStrings{"b"}, claims.Audience)
	assert.Equal(t, "storage.read:/data/m31", claims.Scope)
	assert.Equal(t, "kth", claims.Client)

	got = w.postAs("kth", secret, "/token", "grant_type", grantExchange, "subject_token", shown, "subject_token_type", tokenAccess)
	assert.Equal(t, "compute.create storage.read:/", w.claims(got.Access).Scope, "the same, but for the login")
	got = w.postAs("kth", secret, "/token", "grant_type", grantExchange, "subject_token", shown, "subject_token_type", tokenAccess,
		"scope", "storage.read:/data offline_access", "audience", "b")
	require.NotEmpty(t, got.Refresh, got.body)
	w.clock.advance(24 * time.Hour)
	got = w.postAs("kth", secret, "/token", "grant_type", "refresh_token", "refresh_token", got.Refresh)
	assert.Equal(t, "offline_access storage.read:/data", w.claims(got.Access).Scope)
	assert.Equal(t, jwt.ClaimStrings{"b"}, w.claims(got.Access).Audience)
}

func TestTheAdministratorHasATokenForAnyName(t *testing.T) {
	w := newWorld(t)
	admin, err := w.serves.Directory().Secret()
	require.NoError(t, err)
	got := w.postAs(AdminClient, admin, "/token", "grant_type", GrantName, "user", "bob", "groups", "a b", "audience", "n", "lifetime", "60")
	require.Equal(t, 200, got.status, got.body)
	claims := w.claims(got.Access)
	assert.Equal(t, "bob", claims.Subject)
	assert.Equal(t, []string{"/a", "/b"}, claims.WLCGGroups)
	assert.Equal(t, w.clock.Now().Add(time.Minute), claims.ExpiresAt.UTC())
	assert.Equal(t, "unauthorized_client", w.postAs("kth", secret, "/token", "grant_type", GrantName, "user", "bob").Error)
}

func TestARevokedTokenCountsNoMore(t *testing.T) {
	w := newWorld(t)
	login := w.login("alice", "", "scope", "offline_access")
	look := func() bool {
		got := w.postAs("kth", secret, "/introspect", "token", login.Access)
		require.Equal(t, 200, got.status)
		return got.Active
	}
	assert.True(t, look())
	assert.Equal(t, 200, w.postAs("kth", secret, "/revoke", "token", login.Access).status)
	assert.True(t, look(), "it is another client's")
	assert.Equal(t, 200, w.post("/revoke", "token", login.Access).status)
	assert.False(t, look())
	assert.Equal(t, "invalid_request", w.postAs("kth", secret, "/token", "grant_type", grantExchange,
		"subject_token", login.Access, "subject_token_type", tokenAccess).Error)

	assert.Equal(t, 200, w.postAs("kth", secret, "/revoke", "token", login.Refresh).status)
	login = w.post("/token", "grant_type", "refresh_token", "refresh_token", login.Refresh)
	require.Equal(t, 200, login.status, "another client can't end it")
	assert.Equal(t, 200, w.post("/revoke", "token", login.Refresh).status)
	assert.Equal(t, "invalid_grant", w.post("/token", "grant_type", "refresh_token", "refresh_token", login.Refresh).Error)
	assert.Equal(t, 200, w.post("/revoke", "token", "nonsense").status)
	assert.Equal(t, http.StatusUnauthorized, w.post("/introspect", "token", login.Access).status, "a public client sees nothing")
}
