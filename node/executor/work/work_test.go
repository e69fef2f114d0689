package work

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/despatch"
	"starling/node/executor/executortest"
	"starling/node/executor/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newArea is an area that is closed with its test.
func newArea(t *testing.T, change ...func(*Options)) *Area {
	t.Helper()
	o := Options{Root: t.TempDir(), Stager: stage.New(stage.Options{}), Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	a, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	t.Cleanup(o.Stager.Close)
	return a
}

// perform performs a despatch with a program that is a function.
func perform(t *testing.T, a *Area, d *despatch.Despatch, program func(*Attempt)) despatch.Completion {
	t.Helper()
	attempt, err := a.Attempt(d, func(despatch.Update) {})
	require.NoError(t, err)
	done, err := attempt.Perform(t.Context(), func(context.Context, string, *despatch.Run) (*despatch.Completion, error) {
		require.NoError(t, attempt.Begin())
		program(attempt)
		return nil, nil
	})
	require.NoError(t, err)
	return done
}

func names(done despatch.Completion) []string {
	all := []string{}
	for _, f := range done.Files {
		all = append(all, f.Name)
	}
	return all
}

func TestPathsThatLeadOutsideAreRefused(t *testing.T) {
	for _, path := range []string{"/../etc", "/a/../../b", "relative", "", "/", "/a/\x00"} {
		_, err := relative(path)
		assert.Error(t, err, path)
	}
}

func TestOutputIsWhatLiesInWritableVolumes(t *testing.T) {
	for name, c := range map[string]struct {
		home    bool
		volumes []despatch.Volume
		want    []string
	}{
		"writable":                  {false, []despatch.Volume{{Path: "/out", Mode: despatch.ReadWrite}}, []string{"out/a", "out/deep/a"}},
		"writable in a read-only":   {false, []despatch.Volume{{Path: "/out/deep", Mode: despatch.ReadWrite}, {Path: "/out", Mode: despatch.ReadOnly}}, []string{"out/deep/a"}},
		"read-only in a writable":   {false, []despatch.Volume{{Path: "/out", Mode: despatch.ReadWrite}, {Path: "/out/deep", Mode: despatch.ReadOnly}}, []string{"out/a"}},
		"none, away from home":      {false, nil, []string{}},
		"none, at home":             {true, nil, []string{"a", "out/a", "out/deep/a"}},
		"only read-only, at home":   {true, []despatch.Volume{{Path: "/out", Mode: despatch.ReadOnly}}, []string{"a"}},
		"writable at home: no more": {true, []despatch.Volume{{Path: "/out/deep", Mode: despatch.ReadWrite}}, []string{"out/deep/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArea(t, func(o *Options) { o.Home = c.home })
			d := executortest.Despatch("a", nil)
			d.Sequence[0].Run.Volumes = c.volumes
			done := perform(t, a, d, func(attempt *Attempt) {
				for _, dir := range []string{".", "out", "out/deep"} {
					place := filepath.Join(attempt.Dir.Work(), dir)
					require.NoError(t, os.MkdirAll(place, 0o700))
					os.Chmod(place, 0o700) // to write where the program could not
					require.NoError(t, os.WriteFile(filepath.Join(place, "a"), []byte("x"), 0o600))
				}
			})
			assert.Equal(t, c.want, names(done))
			for _, name := range []string{"a", "out/a", "out/deep/a"} {
				_, err := os.Stat(filepath.Join(a.Root, "session-of-a.1", "work", name))
				assert.Equal(t, slices.Contains(c.want, name), err == nil, "what is output is kept, and nothing else: %s", name)
			}
		})
	}
}

func TestOutputsAreSweptWhenTheirTimeIsUp(t *testing.T) {
	tidied := make(chan struct{}, 1)
	a := newArea(t, func(o *Options) { o.Tidy = func(context.Context) { tidied <- struct{}{} } })
	<-tidied
	kept, old, open := executortest.Despatch("kept", nil), executortest.Despatch("old", nil), executortest.Despatch("open", nil)
	for _, d := range []*despatch.Despatch{kept, old, open} {
		perform(t, a, d, func(*Attempt) {})
	}
	a.Settle(kept)
	a.Settle(old)
	ago := time.Now().Add(-8 * 24 * time.Hour)
	for _, name := range []string{"session-of-old.1", "session-of-open.1"} {
		require.NoError(t, os.Chtimes(filepath.Join(a.Root, name), ago, ago))
	}
	a.sweepOnce(t.Context(), time.Now().Add(-a.Retention))
	assert.DirExists(t, filepath.Join(a.Root, "session-of-kept.1"))
	assert.NoDirExists(t, filepath.Join(a.Root, "session-of-old.1"))
	assert.DirExists(t, filepath.Join(a.Root, "session-of-open.1"), "not settled: the node hasn't heard of it")
}

func TestAttemptIsFoundAgainUntilItIsSettled(t *testing.T) {
	a := newArea(t)
	d := executortest.Despatch("a", nil)
	perform(t, a, d, func(*Attempt) {})
	found, err := a.Adopt(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, d.HistoryRef, found[0].HistoryRef)
	again, err := a.Attempt(found[0], nil)
	require.NoError(t, err)
	assert.True(t, again.State.Run)
	a.Settle(d)
	found, err = a.Adopt(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestAnotherLifeOfASessionFindsNothingOfTheLast(t *testing.T) {
	a := newArea(t)
	d := executortest.Despatch("a", nil)
	perform(t, a, d, func(*Attempt) {})
	d.Fence++
	again, err := a.Attempt(d, nil)
	require.NoError(t, err)
	assert.False(t, again.State.Run)
}

func TestStorageIsMeasuredWithEverythingInIt(t *testing.T) {
	a := newArea(t)
	d := executortest.Despatch("a", nil)
	perform(t, a, d, func(attempt *Attempt) {
		full, end := attempt.Watch(t.Context(), func(context.Context) int64 { return 1 << 30 })
		defer end()
		require.NoError(t, os.WriteFile(attempt.Dir.Join(StdoutFile), []byte("said"), 0o600))
		select {
		case err := <-full:
			assert.ErrorContains(t, err, "of the 1 GiB")
		case <-time.After(time.Minute):
			t.Error("it was not noticed")
		}
	})
}

func TestUsageCountsEmptyFilesAndDoesNotFollowLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "big"), make([]byte, 1<<20), 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "link")))
	before := usage(t.Context(), dir)
	assert.Less(t, before, int64(1<<20))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	assert.Equal(t, before+entryBytes, usage(t.Context(), dir))
}

func TestTheLastLineOfStderrIsFound(t *testing.T) {
	a := newArea(t)
	attempt, err := a.Attempt(executortest.Despatch("a", nil), nil)
	require.NoError(t, err)
	assert.Empty(t, attempt.LastLine())
	for text, want := range map[string]string{
		"":                          "",
		"one\ntwo\n\n":              "two",
		"only":                      "only",
		strings.Repeat("x", 10_000): strings.Repeat("x", maxLine),
		"bad \xff\n":                "bad \uFFFD",
	} {
		require.NoError(t, os.WriteFile(attempt.Dir.Join(StderrFile), []byte(text), 0o600))
		assert.Equal(t, want, attempt.LastLine())
	}
}
