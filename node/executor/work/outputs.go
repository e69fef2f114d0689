//go:build linux

package work

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"starling/api/despatch"
)

const (
	// maxFiles is how many outputs are listed.
	maxFiles = 10_000
	// maxSyncs is how many files are synced one by one; beyond, the whole file
	// system is, which is faster.
	maxSyncs = 8
)

// save lists the outputs with size and checksum, and sees to it that they are
// on disk before the node is told that they are there.
func (a *Attempt) save(id string) {
	root, err := os.OpenRoot(a.Dir.Work())
	if err != nil {
		a.Report.Log(id, "the outputs can't be listed: "+err.Error())
		return
	}
	defer root.Close()
	for _, place := range a.places() {
		err := fs.WalkDir(root.FS(), place, func(name string, entry fs.DirEntry, err error) error {
			return a.visit(root, id, name, entry, err)
		})
		if err == errTooMany {
			a.Report.Log(id, fmt.Sprintf("there are more than %d files; the others are kept but not listed", maxFiles))
			break
		}
		if err != nil {
			a.Report.Log(id, "not all outputs can be listed: "+err.Error())
		}
	}
	if len(a.files) > maxSyncs {
		syncAll(a.Dir.Work())
	}
}

var errTooMany = fmt.Errorf("more than %d files", maxFiles)

// visit adds a regular file to the outputs. Links are not followed: what a
// program links to is not its output, and may not be its to see.
func (a *Attempt) visit(root *os.Root, id, name string, entry fs.DirEntry, err error) error {
	switch {
	case err != nil && entry != nil && entry.IsDir():
		a.Report.Log(id, "not listed: "+err.Error())
		return fs.SkipDir
	case err != nil:
		return err
	case entry.IsDir() && a.excluded(name):
		return fs.SkipDir
	case !entry.Type().IsRegular() || a.input(name):
		return nil
	case len(a.files) == maxFiles:
		return errTooMany
	}
	f, err := describe(root, name, len(a.files) < maxSyncs)
	if err != nil {
		a.Report.Log(id, "not listed: "+err.Error())
		return nil
	}
	file, storage := a.whereKept(name)
	f.Location, f.Storage = location(file), storage
	a.files = append(a.files, f)
	return nil
}

// describe reads a file for its checksum.
func describe(root *os.Root, name string, sync bool) (despatch.File, error) {
	in, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return despatch.File{}, err
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	if err == nil && sync && n > 0 {
		err = in.Sync()
	}
	if err != nil {
		return despatch.File{}, err
	}
	return despatch.File{
		Name:     strings.ToValidUTF8(name, "\uFFFD"),
		Location: location(filepath.Join(root.Name(), name)),
		Bytes:    n,
		SHA256:   hex.EncodeToString(sum.Sum(nil)),
		Role:     despatch.RoleOutput,
	}, nil
}

// places are where outputs are looked for, below the work directory.
func (a *Attempt) places() []string {
	var places []string
	for _, m := range a.Mounts {
		if m.Writable && !slices.ContainsFunc(places, func(p string) bool { return below(m.Path, p) }) {
			places = append(places, m.Path)
		}
	}
	if len(places) == 0 && a.Home {
		return []string{"."}
	}
	return places
}

// excluded reports whether a directory is a READONLY volume.
func (a *Attempt) excluded(name string) bool {
	return slices.ContainsFunc(a.Mounts, func(m Mount) bool {
		return m.Path == name && !m.Writable && !a.holdsWritable(m.Path)
	})
}

// input reports whether a file was staged for reading only.
func (a *Attempt) input(name string) bool {
	return slices.Contains(a.State.Staged, name) && !a.inWritable(name)
}

// syncAll writes a directory's whole file system to disk.
func syncAll(path string) {
	dir, err := os.Open(path)
	if err != nil {
		return
	}
	defer dir.Close()
	unix.Syncfs(int(dir.Fd()))
}
