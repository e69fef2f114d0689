package credentials

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	storm = Source{URL: "https://storm.example.org:8443/ska", Issuer: "https://iam.example.org", Audience: "storm", Scope: "storage.read:{path}"}
	inner = Source{URL: "https://storm.example.org:8443/ska/inner/", Issuer: "https://iam.example.org", Audience: "inner", Scope: "storage.read:{path} storage.stage:{path}"}
	cache = Source{URL: "https://cache.example.org", Issuer: "https://other.example.org", Audience: "cache", Scope: "cache.read"}
	all   = []Source{storm, inner, cache}
)

func TestASessionNeedsTheSmallestTokens(t *testing.T) {
	needs, err := needsOf(all, []string{
		"https://storm.example.org:8443/ska/a.fits", "https://STORM.example.org:8443/ska/b%20c.fits?x=1", "https://storm.example.org:8443/ska/a.fits",
		"https://storm.example.org:8443/ska/inner/d", "https://cache.example.org:443/x", "https://cache.example.org/y",
		"https://storm.example.org:8443/skate/e", "https://storm.example.org/ska/f", "http://storm.example.org:8443/ska/g", "https://example.org/h", "s3://x", "::",
	})
	require.NoError(t, err)
	assert.Equal(t, []Need{
		{storm, []string{"storage.read:/a.fits", "storage.read:/b%20c.fits"}},
		{inner, []string{"storage.read:/d", "storage.stage:/d"}},
		{cache, []string{"cache.read"}},
	}, needs)
}

// Promise 8: a path is one path, so that nobody's token is for more than was
// asked for.
func TestPromise8AnAmbiguousPathNeedsNoToken(t *testing.T) {
	for _, path := range []string{
		"/", "", "/dir/", "/a/../../etc/passwd", "/a/./b", "/..", "/a//b", "/%2e%2e/b", "/a%2fb", "/a%2Fb", "/a%252fb", `/a\b`, "/a%5cb", "/a%00b",
	} {
		needs, err := needsOf(all, []string{storm.URL + path})
		assert.Error(t, err, path)
		assert.Empty(t, needs, path)
	}
	_, err := needsOf(all, []string{"https://alice@storm.example.org:8443/ska/a"})
	assert.ErrorContains(t, err, "user name")
	// Where no token is needed it is the storage's business.
	_, err = needsOf(all, []string{"https://example.org/a/../b"})
	assert.NoError(t, err)
}

func TestMorePathsThanATokenHasRoomForAreRefused(t *testing.T) {
	var locations []string
	for n := range 200 {
		locations = append(locations, fmt.Sprintf("%s/%s/%d", storm.URL, strings.Repeat("x", 20), n))
	}
	_, err := needsOf(all, locations)
	assert.ErrorContains(t, err, "fewer data")
	_, err = needsOf(all, locations[:50])
	assert.NoError(t, err)
}

// Whatever a location is, the words that come of it are single words, of a path
// that names one thing.
func FuzzNeeds(f *testing.F) {
	for _, seed := range []string{storm.URL + "/a", storm.URL + "/a b", storm.URL + "/{path}", storm.URL + "/é", "https://storm.example.org:8443/ska/../x", inner.URL + "q"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, location string) {
		needs, err := needsOf(all, []string{location})
		if err != nil {
			assert.Empty(t, needs)
			return
		}
		for _, n := range needs {
			for _, word := range n.Words {
				assert.False(t, strings.ContainsAny(word, " \t\r\n\"\\"), word)
				_, path, found := strings.Cut(word, ":")
				if !found {
					continue
				}
				assert.True(t, strings.HasPrefix(path, "/") && !strings.HasSuffix(path, "/"), word)
				assert.NotContains(t, path+"/", "/../")
				assert.NotContains(t, path, "//")
			}
		}
	})
}
