package consensustest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADiskIsSlowOrFullWhereItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d Disk
		written := 0
		write := func(file string) error {
			return d.Write(file, func() error { written++; return nil })
		}
		d.Fill("one.db")
		require.ErrorIs(t, write("one.db"), syscall.ENOSPC)
		require.NoError(t, write("other.db"))
		d.Fill("")
		require.ErrorIs(t, write("other.db"), syscall.ENOSPC)
		d.Mend()
		d.Slow(time.Minute)
		began := time.Now()
		require.NoError(t, write("one.db"))
		assert.Equal(t, time.Minute, time.Since(began))
		assert.Equal(t, 2, written)
	})
}

func TestWhatWasNotFlushedIsGoneWithThePower(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("old.db"), []byte("before"), 0o600))
	flush := true
	var d Disk
	require.NoError(t, d.Watch(dir, func(string) (bool, error) { return flush, nil }))
	write := func(name, content string) error {
		return d.Write(name, func() error { return os.WriteFile(path(name), []byte(content), 0o600) })
	}
	require.NoError(t, write("flushed.db", "kept"))
	flush = false
	require.NoError(t, write("flushed.db", "forgotten"))
	require.NoError(t, write("never.db", "forgotten"))
	require.NoError(t, write("old.db", "forgotten"))
	d.PowerCut()
	require.ErrorIs(t, write("flushed.db", "too late"), ErrPower)
	require.NoError(t, d.Restore())
	for name, want := range map[string]string{"flushed.db": "kept", "old.db": "before"} {
		found, err := os.ReadFile(path(name))
		require.NoError(t, err)
		assert.Equal(t, want, string(found), name)
	}
	assert.NoFileExists(t, path("never.db"))
	flush = true
	require.NoError(t, write("flushed.db", "on again"))
}
