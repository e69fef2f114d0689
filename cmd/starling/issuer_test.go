package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/issuer"
)

// running runs `starling issuer` until the test is over, and returns its URL and
// what it says.
func running(t *testing.T, args ...string) (url string, out, errs *syncBuffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a, out, errs := testApp(t, "")
	a.now = time.Now
	done := make(chan int, 1)
	go func() { done <- execute(ctx, a, append([]string{"issuer", "--listen", "127.0.0.1:0"}, args...)) }()
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, 0, <-done, errs.String())
	})
	said := regexp.MustCompile(`it is (\S+), with`)
	require.Eventually(t, func() bool { return said.MatchString(out.String()) }, 20*time.Second, 5*time.Millisecond, "%s", errs)
	return said.FindStringSubmatch(out.String())[1], out, errs
}

func TestAnIssuerSaysWhatItIsAndIssues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "issuer")
	secret := filepath.Join(t.TempDir(), "jodrell.secret")
	require.NoError(t, os.WriteFile(secret, []byte("a secret of 24 characters\n"), 0o600))
	url, out, errs := running(t, "--data", dir, "--key", "eddsa", "--client", "jodrell:"+secret)
	assert.Contains(t, out.String(), "THIS ISSUER BELIEVES WHOEVER ASKS: it is for development and tests only\n===")
	assert.Contains(t, errs.String(), "level=WARN msg=\"this issuer believes whoever asks: it is for development and tests only\"")

	// By its directory, and by its administrator's secret.
	byDir := starling(t, "https://broker.example.org/", "token", "--user", "alice", "--groups", "ska/pulsars", "--issuer", dir)
	require.Equal(t, 0, byDir.status, byDir.err)
	byURL := starling(t, "", "token", "--user", "alice", "--groups", "ska/pulsars", "--issuer", url,
		"--issuer-secret-file", filepath.Join(dir, issuer.SecretFile), "--audience", "https://broker.example.org", "--for", "1m", "--scope", "storage.read:/data")
	require.Equal(t, 0, byURL.status, byURL.err)
	for _, token := range []string{byDir.out, byURL.out} {
		claims := claimsOf(t, strings.TrimSpace(token))
		assert.Equal(t, url, claims["iss"])
		assert.Equal(t, "alice", claims["sub"])
		assert.Equal(t, "https://broker.example.org", claims["aud"])
		assert.Equal(t, []any{"/ska/pulsars"}, claims["wlcg.groups"])
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	require.NoError(t, os.WriteFile(wrong, []byte("not the administrator's"), 0o600))
	got := starling(t, "", "token", "--user", "alice", "--issuer", url, "--issuer-secret-file", wrong)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "invalid_client")
	assert.NotContains(t, got.err, "not the administrator's")
	got = starling(t, "", "token", "--user", "alice", "--issuer", url)
	assert.Equal(t, 2, got.status)
	assert.Contains(t, got.err, "--issuer-secret-file: an issuer's URL isn't enough")
}

// What the commands do in the directory, the running issuer publishes.
func TestARunningIssuerNoticesThatItsKeysAreChanged(t *testing.T) {
	dir := t.TempDir()
	url, _, _ := running(t, "--data", dir)
	published := func() (ids []string) {
		resp, err := http.Get(url + "/jwks")
		require.NoError(t, err)
		defer http.DefaultClient.CloseIdleConnections()
		defer resp.Body.Close()
		var set struct {
			Keys []struct{ Kid string }
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&set))
		for _, k := range set.Keys {
			ids = append(ids, k.Kid)
		}
		return ids
	}
	first := published()
	require.Len(t, first, 1)
	got := starling(t, "", "issuer", "rotate", "--data", dir, "--key", "rs256", "--ahead", "0s")
	require.Equal(t, 0, got.status, got.err)
	assert.Regexp(t, `(?m)^KEY +ALGORITHM +MADE\n\S{43} +RS256 +12:00:00 +signs\n`+first[0]+` +ES256 +.* verifies until `, got.out)
	rotated := published()
	require.Len(t, rotated, 2)
	assert.Equal(t, first[0], rotated[1])
	got = starling(t, "", "issuer", "withdraw", first[0], "--data", dir)
	require.Equal(t, 0, got.status, got.err)
	assert.Equal(t, rotated[:1], published())
	got = starling(t, "", "issuer", "keys", "--data", dir, "-o", "json")
	assert.Contains(t, got.out, rotated[0])
	assert.NotContains(t, got.out, "pkcs8")
}

func TestAnIssuerIsReachedByItsMachineAlone(t *testing.T) {
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"--listen: others can reach 0.0.0.0:7780, and this issuer believes whoever asks": {"--listen", "0.0.0.0:7780"},
		"--listen: others can reach :7780, and":                                          {"--listen", ":7780"},
		"--listen: \"7780\" is not HOST:PORT":                                            {"--listen", "7780"},
		"--url: at which URL is an issuer reached that listens on :":                     {"--listen", ":7780", "--insecure-development"},
		"--key: \"none\" is none of es256, rs256 and eddsa":                              {"--key", "none"},
		"--client jodrell: read a client's secret":                                       {"--client", "jodrell:" + dir + "/none"},
		"--users: open ":                                         {"--users", dir + "/none"},
		"is not the URL of an issuer":                            {"--url", "https://a/realm", "--listen", "127.0.0.1:0"},
		"there is no profile \"x\"":                              {"--profile", "x", "--listen", "127.0.0.1:0"},
		"which key? `starling issuer keys` lists them":           {"withdraw"},
		"no issuer has its data there: `starling issuer --data ": {"keys"},
		"if any flags in the group [tls-cert tls-key] are set":   {"--tls-cert", "x"},
	} {
		got := starling(t, "", append([]string{"issuer", "--data", filepath.Join(dir, "data")}, args...)...)
		assert.NotEqual(t, 0, got.status, args)
		assert.Contains(t, got.err, want)
	}
	for want, users := range map[string]string{
		"is not a list of users": "alice: {}", "there is nobody in": "[]", "user \"\": the user's name is missing": "- {groups: [a]}",
	} {
		path := filepath.Join(dir, "users.yaml")
		require.NoError(t, os.WriteFile(path, []byte(users), 0o600))
		got := starling(t, "", "issuer", "--data", dir, "--listen", "127.0.0.1:0", "--users", path)
		assert.Equal(t, 1, got.status)
		assert.Contains(t, got.err, want)
	}
}

func TestFlagsOfATokenThatMakeNoSense(t *testing.T) {
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"--roles: an issuer says who somebody is; what roles that gives": {"--issuer", dir, "--roles", "operator"},
		"--audience is for tokens of --issuer":                           {"--data", dir, "--audience", "x"},
		"--scope is for tokens of --issuer":                              {"--data", dir, "--scope", "x"},
		"none of the others can be":                                      {"--data", dir, "--issuer", dir},
		"there is no directory " + dir + "/none":                         {"--data", dir + "/none"},
	} {
		got := starling(t, "", append([]string{"token", "--user", "a"}, args...)...)
		assert.Equal(t, 2, got.status, args)
		assert.Contains(t, got.err, want)
	}
}
