package issuer

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADeviceCodeWorksOnceAndForItsClientAlone(t *testing.T) {
	w := newWorld(t)
	codes := w.post("/devicecode", "scope", "offline_access")
	w.post("/device", "user_code", codes.User, "user", "alice", "answer", "yes")
	got := w.postAs("kth", secret, "/token", "grant_type", grantDevice, "device_code", codes.Device)
	assert.Equal(t, "expired_token", got.Error, "another client")
	got = w.post("/token", "grant_type", grantDevice, "device_code", codes.Device)
	assert.Equal(t, 200, got.status, got.body)
	got = w.post("/token", "grant_type", grantDevice, "device_code", codes.Device)
	assert.Equal(t, "expired_token", got.Error, "again")

	codes = w.post("/devicecode")
	w.clock.advance(deviceLife)
	assert.Equal(t, 400, w.post("/device", "user_code", codes.User, "user", "alice", "answer", "yes").status, "too late")
	assert.Equal(t, "expired_token", w.post("/token", "grant_type", grantDevice, "device_code", codes.Device).Error)
}

// Whoever shows a refresh token for the second time ends the login, of the thief
// and of the user.
func TestARefreshTokenThatIsUsedTwiceEndsItsFamily(t *testing.T) {
	w := newWorld(t)
	refresh := func(token string) answer {
		return w.post("/token", "grant_type", "refresh_token", "refresh_token", token)
	}
	first := w.login("alice", "", "scope", "offline_access").Refresh
	second := refresh(first).Refresh
	require.NotEmpty(t, second)
	assert.Equal(t, "invalid_grant", refresh(first).Error)
	assert.Equal(t, "invalid_grant", refresh(second).Error, "the one that was good until then")

	// A guess ends nothing, nor does another client.
	kept := w.login("alice", "", "scope", "offline_access").Refresh
	parts := strings.Split(kept, ".")
	for _, forged := range []string{
		parts[0] + ".7." + parts[2], parts[0] + ".0.AAAA", parts[0], "", "a.b.c", kept + "A", strings.Repeat("x", 100_000),
	} {
		assert.NotEqual(t, 200, refresh(forged).status)
	}
	got := w.postAs("kth", secret, "/token", "grant_type", "refresh_token", "refresh_token", kept)
	assert.Equal(t, "invalid_grant", got.Error)
	assert.Equal(t, "invalid_scope", w.post("/token", "grant_type", "refresh_token", "refresh_token", kept, "scope", "storage.read:/").Error)
	assert.Equal(t, 200, refresh(kept).status)
}

func TestAnExchangeNeverWidens(t *testing.T) {
	w := newWorld(t)
	shown := w.login("alice", "", "scope", "storage.read:/data openid", "audience", "a").Access
	exchange := func(client, secret string, pairs ...string) answer {
		return w.postAs(client, secret, "/token", append([]string{"grant_type", grantExchange, "subject_token_type", tokenAccess}, pairs...)...)
	}
	for _, scope := range []string{
		"storage.read:/", "storage.read:/database", "storage.read:/data/../home", "storage.read:/data/", "storage.read:",
		"storage.modify:/data", "compute.create", "offline_access", "storage.read:/data compute.create", "storage.read",
	} {
		assert.Equal(t, "invalid_scope", exchange("kth", secret, "subject_token", shown, "scope", scope).Error, scope)
	}
	assert.Equal(t, 200, exchange("kth", secret, "subject_token", shown, "scope", "storage.read:/data/x").status)

	assert.Equal(t, http.StatusUnauthorized, exchange("kth", "another "+secret, "subject_token", shown).status, "another's secret")
	assert.Equal(t, "unauthorized_client", w.post("/token", "grant_type", grantExchange, "subject_token", shown, "subject_token_type", tokenAccess).Error)
	assert.Equal(t, "invalid_request", exchange("kth", secret, "subject_token", shown, "actor_token", shown).Error)
	assert.Equal(t, "invalid_request", exchange("kth", secret, "subject_token", shown, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token").Error)
	assert.Equal(t, "invalid_target", exchange("kth", secret, "subject_token", shown, "resource", "not-a-url").Error)
	assert.Equal(t, "invalid_target", exchange("kth", secret, "subject_token", shown, "audience", "a\nb").Error)

	stranger := newWorld(t)
	for name, token := range map[string]string{
		"of another issuer": stranger.login("alice", "").Access, "none": "", "nonsense": "a.b.c", "too large": strings.Repeat("x", maxToken+1),
		"cut": shown[:len(shown)-4],
	} {
		assert.Equal(t, "invalid_request", exchange("kth", secret, "subject_token", token).Error, name)
	}
	w.clock.advance(time.Hour)
	assert.Equal(t, "invalid_request", exchange("kth", secret, "subject_token", shown).Error, "expired")
}

func TestAWrongSecretIsRefusedAsAnUnknownClientIs(t *testing.T) {
	w := newWorld(t)
	wrong := w.postAs("kth", "not the secret", "/token", "grant_type", "client_credentials")
	unknown := w.postAs("nobody", secret, "/token", "grant_type", "client_credentials")
	none := w.post("/token", "grant_type", "client_credentials", "client_id", "kth")
	for _, got := range []answer{wrong, unknown, none} {
		assert.Equal(t, http.StatusUnauthorized, got.status)
		assert.Equal(t, wrong.body, got.body)
		assert.Contains(t, got.header.Get("WWW-Authenticate"), "Basic")
	}
	got := w.postAs("kth", secret, "/token", "grant_type", "client_credentials", "client_secret", secret)
	assert.Equal(t, "invalid_request", got.Error, "two ways at once")
	got = w.postAs("kth", secret, "/token", "grant_type", "client_credentials", "client_id", "jodrell")
	assert.Equal(t, "invalid_client", got.Error)
	for _, path := range []string{"/devicecode", "/revoke", "/introspect"} {
		assert.Equal(t, http.StatusUnauthorized, w.post(path, "client_id", "nobody").status, path)
	}
}

// Once too many user codes were wrong, right ones aren't looked at either, until
// some time has passed.
func TestUserCodesCantBeGuessed(t *testing.T) {
	w := newWorld(t)
	codes := w.post("/devicecode")
	for i := range guessesAtOnce {
		assert.Equal(t, 400, w.post("/device", "user_code", fmt.Sprintf("BBBB-BBB%c", userAlphabet[i%20]), "user", "eve", "answer", "yes").status)
	}
	got := w.post("/device", "user_code", codes.User, "user", "alice", "answer", "yes")
	assert.Equal(t, http.StatusTooManyRequests, got.status)
	w.clock.advance(10 * time.Second)
	assert.Equal(t, 200, w.post("/device", "user_code", codes.User, "user", "alice", "answer", "yes").status)
}

func TestWhatWaitsIsBounded(t *testing.T) {
	w := newWorld(t)
	for range maxDevices {
		_, _, err := w.serves.devices.begin(Grant{Client: PublicClient})
		require.NoError(t, err)
	}
	assert.Equal(t, http.StatusTooManyRequests, w.post("/devicecode").status)
	w.clock.advance(deviceLife)
	assert.Equal(t, 200, w.post("/devicecode").status, "the others have expired")
	assert.Len(t, w.serves.devices.byCode, 1)
	assert.Len(t, w.serves.devices.byUser, 1)
}

func TestCallsAreBounded(t *testing.T) {
	w := newWorld(t)
	for range callsAtOnce {
		require.True(t, w.serves.calls.AllowN(w.clock.Now(), 1))
	}
	got := w.post("/devicecode")
	assert.Equal(t, http.StatusTooManyRequests, got.status)
	assert.Equal(t, "1", got.header.Get("Retry-After"))
	assert.Equal(t, 200, w.get(keysPath).status, "keys are always there")
	w.clock.advance(time.Second)
	assert.Equal(t, 200, w.post("/devicecode").status)
}

func TestFormsThatAreNotAsTheyShouldBe(t *testing.T) {
	w := newWorld(t)
	r := w.request("/token", form("grant_type", "client_credentials"))
	r.Header.Set("Content-Type", "application/json")
	assert.Equal(t, "invalid_request", w.do(r).Error)
	for want, f := range map[string]url.Values{
		"grant_type is missing":            form("client_id", PublicClient),
		"there is no grant \"password\"":   form("client_id", PublicClient, "grant_type", "password"),
		"is there more than once":          form("client_id", PublicClient, "grant_type", "a", "grant_type", "b"),
		"has more than 65536 bytes":        form("client_id", PublicClient, "x", strings.Repeat("x", maxBody)),
		"\"nonsense\" is more than there":  form("grant_type", grantClient, "scope", "nonsense"),
		"the scope has 65 words; at most ": form("grant_type", grantClient, "scope", manyWords(65)),
	} {
		r := w.request("/token", f)
		if !f.Has("client_id") {
			r.SetBasicAuth("kth", url.QueryEscape(secret))
		}
		got := w.do(r)
		assert.Equal(t, 400, got.status, want)
		assert.Contains(t, got.Description, want)
	}
}

func manyWords(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("storage.read:/%d", i))
	}
	return strings.Join(all, " ")
}

// A page of another site, or of a name that was made to lead here, gets nothing.
func TestPagesOfOtherSitesGetNothing(t *testing.T) {
	w := newWorld(t)
	codes := w.post("/devicecode")
	r := w.request("/device", form("user_code", codes.User, "user", "eve", "answer", "yes"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, w.do(r).status)
	r = w.request("/device", form("user_code", codes.User, "user", "eve", "answer", "yes"))
	r.Header.Set("Origin", "https://evil.example.org")
	assert.Equal(t, http.StatusForbidden, w.do(r).status)
	r = w.request("/devicecode", form("client_id", PublicClient))
	r.Host = "evil.example.org"
	assert.Equal(t, http.StatusMisdirectedRequest, w.do(r).status)
	got := w.get("/jwks")
	assert.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
}
