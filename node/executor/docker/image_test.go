package docker

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

// pulls lets a backend pull.
func pulls(o *Options) { o.NoPull = false }

// find looks for an image as a job does, without running it.
func find(t *testing.T, b *Backend, image Image) (*picture, *despatch.Completion) {
	t.Helper()
	attempt, err := b.Attempt(does(), func(despatch.Update) {})
	require.NoError(t, err)
	t.Cleanup(func() { attempt.Dir.Remove() })
	return (&job{Backend: b, Attempt: attempt, log: b.Logger}).find(t.Context(), "run", image)
}

// idOf is the digest of an image itself.
func idOf(t *testing.T, name string) string {
	t.Helper()
	got, err := engineOf(t).ImageInspect(t.Context(), name)
	require.NoError(t, err)
	return got.ID
}

// zeros is the digest of no image.
const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

func TestImageThatIsThereIsTakenWithItsDigest(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	found, failure := find(t, b, Image{Locations: []string{theImage()}, Digest: idOf(t, theImage())})
	require.Nil(t, failure)
	assert.Equal(t, idOf(t, theImage()), found.ID)
}

func TestAttemptWithoutAnImageFailsBeforeItRuns(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	d := executortest.Despatch("a", executable("", map[string]any{"image": map[string]any{"locations": []string{theImage()}, "digest": zeros}}))
	done := perform(t, b, d)
	require.NotNil(t, done.Failure)
	assert.True(t, strings.HasPrefix(done.Failure.Message, "urn:image-digest-mismatch"), done.Failure.Message)
	assert.Contains(t, done.Failure.Message, idOf(t, theImage()))
	assert.False(t, done.Failure.Retry)
	assert.Nil(t, done.ExitCode)
}

func TestLocationsAreTriedInOrderAndEachSaysWhyNot(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	found, failure := find(t, b, Image{Locations: []string{"starling-test/no-such:1", theImage(), "starling-test/nor-this:1"}})
	require.Nil(t, failure)
	assert.Equal(t, theImage(), found.location)

	_, failure = find(t, b, Image{Locations: []string{"starling-test/no-such:1", "starling-test/nor-this:1"}})
	require.NotNil(t, failure)
	assert.Equal(t, executor.CodeStaging, failure.Failure.Code)
	for _, want := range []string{"starling-test/no-such:1: the engine doesn't have it, and this site pulls none", "starling-test/nor-this:1: "} {
		assert.Contains(t, failure.Failure.Message, want)
	}
	assert.False(t, failure.Failure.Retry)
}

func TestImageForAnotherPlatformIsRefused(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	_, failure := find(t, b, Image{Locations: []string{theImage()}, Platform: Platform{Architecture: "s390x", OS: "linux"}})
	require.NotNil(t, failure)
	assert.Contains(t, failure.Failure.Message, "not linux on s390x")
}

func TestImageIsPulledFromARegistryAndRuns(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	b := newBackend(t, t.TempDir(), pulls)
	d := executortest.Despatch("a", executable(r.location(t), nil, "print:it runs"))
	assert.Equal(t, "it runs\n", content(t, perform(t, b, d), "stdout"))
}

func TestImageIsPulledByWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	b := newBackend(t, t.TempDir(), pulls)
	location := r.location(t)
	for name, c := range map[string]struct {
		location, digest string
		byTag            bool
	}{
		"tag":                      {location, "", true},
		"manifest":                 {location, r.manifest, false},
		"manifest-in-the-location": {location + "@" + r.manifest, "", false},
		"image":                    {location, r.image, true},
	} {
		t.Run(name, func(t *testing.T) {
			theLab.forget(t, location)
			r.since()
			_, failure := find(t, b, Image{Locations: []string{c.location}, Digest: c.digest})
			require.Nil(t, failure)
			assert.Equal(t, c.byTag, slices.Contains(r.since(), "latest"), "a tag may have moved: it is asked for last")

			_, failure = find(t, b, Image{Locations: []string{c.location}, Digest: c.digest})
			require.Nil(t, failure)
			assert.Empty(t, r.since(), "it is there")
		})
	}
}

func TestPulledImageThatIsAnotherIsRefused(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	b := newBackend(t, t.TempDir(), pulls)
	_, failure := find(t, b, Image{Locations: []string{r.location(t)}, Digest: zeros})
	require.NotNil(t, failure)
	assert.True(t, strings.HasPrefix(failure.Failure.Message, "urn:image-digest-mismatch"), failure.Failure.Message)
	assert.False(t, failure.Failure.Retry)
}

func TestOnlyARegistryThatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	b := newBackend(t, t.TempDir(), pulls)
	location := r.location(t)
	_, failure := find(t, b, Image{Locations: []string{location + ":none"}})
	require.NotNil(t, failure)
	assert.False(t, failure.Failure.Retry, failure.Failure.Message)
	r.Close()
	_, failure = find(t, b, Image{Locations: []string{location}})
	require.NotNil(t, failure)
	assert.True(t, failure.Failure.Retry, failure.Failure.Message)
}

func TestSitePullsFromItsRegistriesOnly(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir(), pulls, func(o *Options) { o.Registries = []string{"registry.example"} })
	_, failure := find(t, b, Image{Locations: []string{"127.0.0.1:1/images"}})
	require.NotNil(t, failure)
	assert.Contains(t, failure.Failure.Message, "doesn't pull from 127.0.0.1:1")
	assert.False(t, failure.Failure.Retry)
}
