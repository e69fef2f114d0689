//go:build docker

package containers

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/issuer"
	"starling/deploy/launch"
)

// Whoever doesn't name the sites' authority refuses them, and they answer nobody in
// clear.
func TestSitesSpeakTLSAndNothingElse(t *testing.T) {
	for _, s := range federation.Sites {
		stranger := s.Transport()
		stranger.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		_, err := (&http.Client{Transport: stranger}).Get(s.URL + "/readyz")
		stranger.CloseIdleConnections()
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, err, &unknown, s.Name)

		old := s.Transport()
		old.TLSClientConfig.MinVersion, old.TLSClientConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		_, err = (&http.Client{Transport: old}).Get(s.URL + "/readyz")
		old.CloseIdleConnections()
		require.ErrorContains(t, err, "protocol version", s.Name)

		client := s.Client()
		got, err := client.Get("http" + strings.TrimPrefix(s.URL, "https") + "/readyz")
		require.NoError(t, err)
		got.Body.Close()
		client.CloseIdleConnections()
		assert.Equal(t, http.StatusBadRequest, got.StatusCode, "in clear at %s", s.Name)
	}
}

// A token is somebody's, of an issuer that the site believes, for this site; what it lets
// its bearer do, the site says.
func TestSitesWantTokens(t *testing.T) {
	other, err := issuer.MakeDirectory(t.TempDir(), issuer.Identity{URL: federation.IssuerURL(), Profile: issuer.ProfileWLCG}, issuer.ES256, time.Now)
	require.NoError(t, err)
	own, err := issuer.OpenDirectory(federation.IssuerDir(), time.Now)
	require.NoError(t, err)
	issue := func(by *issuer.Directory, audience string, lifetime time.Duration) string {
		token, err := by.Issue(issuer.Grant{User: "mallory", Audience: []string{audience}, Client: issuer.PublicClient}, lifetime)
		require.NoError(t, err)
		return token
	}
	for name, c := range map[string]struct {
		token  string
		status int
	}{
		"none":                         {"", 401},
		"of another key":               {issue(other, launch.Audience, time.Hour), 401},
		"for somebody else":            {issue(own, "https://elsewhere.example.org", time.Hour), 401},
		"an executor's, who asks":      {tokenOf(t, "uksrc-executor"), 200},
		"of who is no operator at all": {issue(own, launch.Audience, time.Hour), 200},
	} {
		p := at(t, "uksrc", "alice")
		p.token = c.token
		assert.Equal(t, c.status, p.do("GET", "/sessions", nil).Status, name)
	}
	mallory := at(t, "uksrc", "mallory")
	assert.Equal(t, 403, mallory.do("GET", "/metrics", nil).Status, "an operator's")
	assert.Equal(t, 403, mallory.do("POST", "/executors", object{"name": "mine", "kinds": list{kindProcess}, "capacity": object{"cores": 1000}}).Status, "an executor's")
	robot := at(t, "espsrc", "uksrc-executor")
	assert.Equal(t, 403, robot.do("POST", "/executors", object{"name": "mine", "kinds": list{kindProcess}, "capacity": object{"cores": 1000}}).Status, "uksrc's executor is none of espsrc's")
}
