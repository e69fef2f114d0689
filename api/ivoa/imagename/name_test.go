package imagename

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var digest = "sha256:" + strings.Repeat("0a", 32)

func TestANameInItsParts(t *testing.T) {
	for location, want := range map[string]Name{
		"debian":                                     {Registry: "docker.io", Repository: "library/debian", Tag: "latest"},
		"debian:12":                                  {Registry: "docker.io", Repository: "library/debian", Tag: "12"},
		"index.docker.io/library/debian":             {Registry: "docker.io", Repository: "library/debian", Tag: "latest"},
		"docker://ghcr.io/ska/pulsars:1":             {Registry: "ghcr.io", Repository: "ska/pulsars", Tag: "1"},
		"GHCR.io/ska/pulsars:V1":                     {Registry: "ghcr.io", Repository: "ska/pulsars", Tag: "V1"},
		"registry:443/ska/pulsars":                   {Registry: "registry:443", Repository: "ska/pulsars", Tag: "latest"},
		"ghcr.io:443/ska/pulsars":                    {Registry: "ghcr.io", Repository: "ska/pulsars", Tag: "latest"},
		"localhost:5000/a/b@" + digest:               {Registry: "localhost:5000", Repository: "a/b", Digest: digest},
		"ghcr.io/a:1@" + digest:                      {Registry: "ghcr.io", Repository: "a", Tag: "1", Digest: digest},
		"evil.com/docker.io/library/debian":          {Registry: "evil.com", Repository: "docker.io/library/debian", Tag: "latest"},
		"docker.io/evil.com/debian":                  {Registry: "docker.io", Repository: "evil.com/debian", Tag: "latest"},
		"evil/debian":                                {Registry: "docker.io", Repository: "evil/debian", Tag: "latest"},
		"[::1]:5000/a":                               {Registry: "[::1]:5000", Repository: "a", Tag: "latest"},
		"library://docker.io/library/debian":         {Registry: "library://docker.io", Repository: "library/debian"},
		"HTTPS://Images.Example.org/a.sif?x=ghcr.io": {Registry: "https://images.example.org", Repository: "a.sif"},
	} {
		got, err := Of(location)
		require.NoError(t, err, location)
		want.Location = location
		assert.Equal(t, want, got)
	}
}

// What looks like an image of somewhere, and isn't.
func TestImageConfusionsAreNoNames(t *testing.T) {
	for _, location := range []string{
		"", "/", ":", "@", "a@", "a:", "ghcr.io/", "ghcr.io//a", "ghcr.io/../a", "ghcr.io/a/../../b",
		"a@sha256:abc", "a@sha256:" + strings.Repeat("0", 63), "a@sha256:" + strings.Repeat("0", 65), "a@sha256:" + strings.Repeat("G", 64),
		"a@md5:" + strings.Repeat("0", 32), "a@" + digest + "@" + digest, strings.Repeat("0", 64),
		"ghcr.io/Ska/Pulsars", "ghcr.io/ska/pulsärs", "ghcr.io∕ska/pulsars", "ɢhcr.io/ska", "ghcr.io/ska\u200b", "ghcr.io\x00/ska", "ghcr.io/ska\n", " ghcr.io/ska",
		"Evil/debian", "user@ghcr.io/ska", "ghcr.io./ska", "ghcr.io:/ska", "docker://docker://a", "https://user:pass@ghcr.io/a", "https:///a", "library:///a/b",
		strings.Repeat("a", MaxLocation+1), "https://a/" + strings.Repeat("a", MaxLocation),
	} {
		_, err := Of(location)
		assert.Error(t, err, "%q", location)
	}
}

// A name means the same when it is put together again, and the executor reads it
// as the policy does.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"debian", "ghcr.io:443/a/b:c@" + digest, "docker://a", "library://a/b", "evil.com/docker.io/a", "[::1]:1/a", "A.b/c", "ghcr.io/ä"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, location string) {
		name, err := Of(location)
		if err != nil {
			return
		}
		assert.Equal(t, strings.ToLower(name.Registry), name.Registry)
		assert.NotEmpty(t, name.Registry)
		if strings.Contains(name.Registry, "://") {
			return
		}
		named, err := Parse(location)
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(name.Registry, ":443"), strings.TrimSuffix(strings.ToLower(reference.Domain(named)), ":443"))
		again := name.Registry + "/" + name.Repository
		if name.Tag != "" {
			again += ":" + name.Tag
		}
		if name.Digest != "" {
			again += "@" + name.Digest
		}
		same, err := Of(again)
		require.NoError(t, err, again)
		same.Location = location
		assert.Equal(t, name, same)
	})
}
