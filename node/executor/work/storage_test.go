package work

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

// keeping is a despatch with storage of a GiB, mounted at /keep/it.
func keeping(ref string, storage despatch.Storage) *despatch.Despatch {
	d := executortest.Despatch(ref, nil)
	storage.ID = "019a-storage"
	storage.Size = 1
	d.Storage = []despatch.Storage{storage}
	d.Sequence[0].Run.Volumes = []despatch.Volume{{Path: "/keep/it", Mode: despatch.ReadWrite, Storage: storage.ID}}
	return d
}

func write(t *testing.T, text string) func(*Attempt) {
	return func(a *Attempt) {
		require.NoError(t, os.WriteFile(filepath.Join(a.Dir.Work(), "keep/it/a"), []byte(text), 0o755))
	}
}

func outcome(done despatch.Completion) string {
	if done.Failure == nil {
		return string(done.Outcome)
	}
	return done.Failure.Message
}

func TestStorageIsKeptForItsTimeAndThenRemoved(t *testing.T) {
	a := newArea(t)
	began := time.Now()
	done := perform(t, a, keeping("first", despatch.Storage{KeepSeconds: 3600}), write(t, "x"))
	require.Equal(t, "COMPLETED", outcome(done))
	file := filepath.Join(a.Root, "storage/019a-storage/data/a")
	require.Len(t, done.Files, 1)
	assert.Equal(t, "keep/it/a", done.Files[0].Name)
	assert.Equal(t, location(file), done.Files[0].Location, "where it is kept")
	assert.Equal(t, "019a-storage", done.Files[0].Storage)
	assert.FileExists(t, file)
	k, err := a.loadKept("019a-storage")
	require.NoError(t, err)
	assert.WithinRange(t, k.Expires, began.Add(time.Hour), time.Now().Add(time.Hour))

	a.sweepOnce(t.Context(), time.Now().Add(time.Hour))
	assert.FileExists(t, file, "the storage has a time of its own")
	assert.Equal(t, k.Expires, a.sweepStorage(t.Context(), k.Expires.Add(-time.Second)))
	assert.FileExists(t, file)
	assert.Zero(t, a.sweepStorage(t.Context(), k.Expires))
	assert.NoDirExists(t, a.storagePath("019a-storage"))
}

func TestTheSweeperRemovesStorageByItself(t *testing.T) {
	a := newArea(t)
	perform(t, a, keeping("first", despatch.Storage{KeepSeconds: 1}), write(t, "x"))
	require.Eventually(t, func() bool {
		_, err := os.Stat(a.storagePath("019a-storage"))
		return os.IsNotExist(err)
	}, time.Minute, 10*time.Millisecond)
}

func TestALaterSessionFindsWhatAnEarlierHasLeft(t *testing.T) {
	a := newArea(t)
	perform(t, a, keeping("first", despatch.Storage{KeepSeconds: 3600}), write(t, "x"))
	k, err := a.loadKept("019a-storage")
	require.NoError(t, err)
	done := perform(t, a, keeping("second", despatch.Storage{Existing: true, KeepSeconds: 1, KeepUntil: k.Expires}), func(attempt *Attempt) {
		info, err := os.Stat(filepath.Join(attempt.Dir.Work(), "keep/it/a"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o777), info.Mode().Perm(), "a program stays one")
		assert.Zero(t, a.sweepStorage(t.Context(), time.Now().Add(24*time.Hour)), "in use, nobody removes it")
		require.NoError(t, os.WriteFile(filepath.Join(attempt.Dir.Work(), "keep/it/b"), []byte("y"), 0o600))
	})
	assert.Equal(t, []string{"keep/it/a", "keep/it/b"}, names(done))
	after, err := a.loadKept("019a-storage")
	require.NoError(t, err)
	assert.Equal(t, k.Expires, after.Expires, "it is kept no shorter than it was to be")
	assert.Equal(t, "session-of-second", after.Session)

	require.NoError(t, removeAll(a.storagePath("019a-storage")))
	attempt, err := a.Attempt(keeping("third", despatch.Storage{Existing: true}), func(despatch.Update) {})
	require.NoError(t, err)
	done, err = attempt.Perform(t.Context(), func(context.Context, string, *despatch.Run) (*despatch.Completion, error) {
		t.Error("nothing is run without its data")
		return nil, nil
	})
	require.NoError(t, err)
	assert.Equal(t, executor.CodeStaging, done.Failure.Code)
	assert.Contains(t, done.Failure.Message, "storage 019a-storage is not kept here any more")
}

// The executor may die at any time and be asked again.
func TestAReleasedAttemptThatIsTakenUpAgainKeepsItsStorage(t *testing.T) {
	a := newArea(t)
	d := keeping("first", despatch.Storage{KeepSeconds: 3600})
	first := perform(t, a, d, write(t, "x"))
	attempt, err := a.Attempt(d, func(despatch.Update) {})
	require.NoError(t, err)
	again, err := attempt.Perform(t.Context(), func(context.Context, string, *despatch.Run) (*despatch.Completion, error) { return nil, nil })
	require.NoError(t, err)
	assert.Equal(t, first.Files, again.Files)
	assert.FileExists(t, filepath.Join(a.storagePath("019a-storage"), "data/a"))

	// Another attempt at the session begins anew.
	d = keeping("first", despatch.Storage{KeepSeconds: 3600})
	d.Attempt = 2
	perform(t, a, d, func(attempt *Attempt) {
		assert.NoFileExists(t, filepath.Join(attempt.Dir.Work(), "keep/it/a"))
	})
}

// What others have left is not lost with an attempt that is given up.
func TestStorageOfAnAttemptThatIsGivenUpIsKept(t *testing.T) {
	a := newArea(t)
	perform(t, a, keeping("first", despatch.Storage{KeepSeconds: 3600}), write(t, "x"))
	d := keeping("second", despatch.Storage{Existing: true, KeepSeconds: 3600})
	attempt, err := a.Attempt(d, func(despatch.Update) {})
	require.NoError(t, err)
	require.Nil(t, attempt.prepare())
	assert.NoFileExists(t, filepath.Join(a.storagePath("019a-storage"), "data/a"))
	d = keeping("second", despatch.Storage{Existing: true, KeepSeconds: 3600})
	d.Fence = 2 // the same directory, another holder
	perform(t, a, d, func(attempt *Attempt) {
		assert.FileExists(t, filepath.Join(attempt.Dir.Work(), "keep/it/a"))
	})
	assert.FileExists(t, filepath.Join(a.storagePath("019a-storage"), "data/a"))
}

func TestMoreThanItsSizeInAStorageIsAFailureThatNamesIt(t *testing.T) {
	a := newArea(t)
	d := keeping("first", despatch.Storage{Name: "results"})
	d.Storage[0].Size = 0
	done := perform(t, a, d, write(t, "more than nothing"))
	require.NotNil(t, done.Failure)
	assert.Equal(t, executor.CodeSpace, done.Failure.Code)
	assert.Regexp(t, `^storage results has 0 GiB, and \d+ bytes \(0.00 GiB\) were written to it; ask for more$`, done.Failure.Message)
	assert.Equal(t, []string{"keep/it/a"}, names(done), "what there is can be seen")
}
