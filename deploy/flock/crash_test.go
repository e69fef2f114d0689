package flock

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// remains copies a data directory that a node is writing to, as a crash would leave
// it: each file at one instant, what is derived before what it is derived from. The
// node must have lost its network before, so that it tells nobody anything of later.
func remains(t testing.TB, data, to string) {
	// The log's entries and the state come of the outbox in the session store, and the
	// executors' spools of what it despatched: the store is last.
	order := []string{"state.db", "raft.db", "sessions.db"}
	var files []string
	require.NoError(t, filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return nil // it may have gone meanwhile
	}))
	slices.SortFunc(files, func(a, b string) int {
		return slices.Index(order, filepath.Base(a)) - slices.Index(order, filepath.Base(b))
	})
	for _, path := range files {
		relative, err := filepath.Rel(data, path)
		require.NoError(t, err)
		target := filepath.Join(to, relative)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o700))
		require.NoError(t, copyAtOnce(path, target), "copy %s", relative)
	}
}

// copyAtOnce copies a file as it was at one instant. A bolt file, however long it is,
// is as it was when no transaction was committed meanwhile: what one that is under
// way has written, nothing refers to.
func copyAtOnce(from, to string) error {
	for {
		before, err := metas(from)
		if err != nil {
			return err
		}
		if err := copyFile(from, to); err != nil {
			return err
		}
		after, err := metas(from)
		if err != nil || bytes.Equal(before, after) {
			return err
		}
	}
}

// metas are the two pages of a bolt file by which all others are found; of any other
// file, nothing.
func metas(path string) ([]byte, error) {
	if !strings.HasSuffix(path, ".db") {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pages := make([]byte, 2*os.Getpagesize())
	_, err = io.ReadFull(f, pages)
	return pages, err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return nil // it was there when the directory was listed
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, in)
	return err
}
