//go:build linux

package process

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"starling/api/despatch"
	"starling/node/executor/shim"
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
func (w *work) save(id string) {
	root, err := os.OpenRoot(w.dir.work())
	if err != nil {
		w.report.Log(id, "the outputs can't be listed: "+err.Error())
		return
	}
	defer root.Close()
	for _, place := range w.places() {
		err := fs.WalkDir(root.FS(), place, func(name string, entry fs.DirEntry, err error) error {
			return w.visit(root, id, name, entry, err)
		})
		if err == errTooMany {
			w.report.Log(id, fmt.Sprintf("there are more than %d files; the others are kept but not listed", maxFiles))
			break
		}
		if err != nil {
			w.report.Log(id, "not all outputs can be listed: "+err.Error())
		}
	}
	if len(w.files) > maxSyncs {
		syncAll(w.dir.work())
	}
}

var errTooMany = fmt.Errorf("more than %d files", maxFiles)

// visit adds a regular file to the outputs. Links are not followed: what a
// program links to is not its output, and may not be its to see.
func (w *work) visit(root *os.Root, id, name string, entry fs.DirEntry, err error) error {
	switch {
	case err != nil && entry != nil && entry.IsDir():
		w.report.Log(id, "not listed: "+err.Error())
		return fs.SkipDir
	case err != nil:
		return err
	case entry.IsDir() && w.excluded(name):
		return fs.SkipDir
	case !entry.Type().IsRegular() || w.input(name):
		return nil
	case len(w.files) == maxFiles:
		return errTooMany
	}
	f, err := w.describe(root, name, len(w.files) < maxSyncs)
	if err != nil {
		w.report.Log(id, "not listed: "+err.Error())
		return nil
	}
	w.files = append(w.files, f)
	return nil
}

// describe reads a file for its checksum.
func (w *work) describe(root *os.Root, name string, sync bool) (despatch.File, error) {
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

// streams are stdout and stderr as they are now.
func (w *work) streams() []despatch.File {
	var files []despatch.File
	for name, role := range map[string]string{shim.StdoutFile: despatch.RoleStdout, shim.StderrFile: despatch.RoleStderr} {
		info, err := os.Stat(w.dir.join(name))
		if err != nil {
			continue
		}
		files = append(files, despatch.File{Name: name, Location: location(w.dir.join(name)), Bytes: info.Size(), Role: role})
	}
	slices.SortFunc(files, func(a, b despatch.File) int { return -strings.Compare(a.Role, b.Role) })
	return files
}

// finalStreams are stdout and stderr with their checksums.
func (w *work) finalStreams() []despatch.File {
	root, err := os.OpenRoot(string(w.dir))
	if err != nil {
		return nil
	}
	defer root.Close()
	files := w.streams()
	for n := range files {
		if whole, err := w.describe(root, files[n].Name, true); err == nil {
			whole.Role = files[n].Role
			files[n] = whole
		}
	}
	return files
}

// places are where outputs are looked for, below the work directory.
func (w *work) places() []string {
	var places []string
	for _, m := range w.mounts {
		if m.writable && !slices.ContainsFunc(places, func(p string) bool { return below(m.path, p) }) {
			places = append(places, m.path)
		}
	}
	if len(places) == 0 {
		return []string{"."}
	}
	return places
}

// excluded reports whether a directory is a READONLY volume.
func (w *work) excluded(name string) bool {
	return slices.ContainsFunc(w.mounts, func(m mount) bool {
		return m.path == name && !m.writable && !w.holdsWritable(m)
	})
}

// input reports whether a file was staged for reading only.
func (w *work) input(name string) bool {
	return slices.Contains(w.state.Staged, name) && !w.inWritable(name)
}

func (w *work) hasWritable() bool {
	return slices.ContainsFunc(w.mounts, func(m mount) bool { return m.writable })
}

// inWritable reports whether the innermost volume around a path is READWRITE.
func (w *work) inWritable(name string) bool {
	writable := false
	for _, m := range w.mounts { // the outer before the inner
		if below(name, m.path) {
			writable = m.writable
		}
	}
	return writable
}

// holdsWritable reports whether a READWRITE volume lies within a volume.
func (w *work) holdsWritable(outer mount) bool {
	return slices.ContainsFunc(w.mounts, func(m mount) bool { return m.writable && below(m.path, outer.path) })
}

// removeScratch removes what lies beside the READWRITE volumes.
func (w *work) removeScratch() {
	entries, err := os.ReadDir(w.dir.work())
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !w.holdsWritable(mount{path: entry.Name()}) {
			removeAll(filepath.Join(w.dir.work(), entry.Name()))
		}
	}
}

// below reports whether a path is another or lies within it.
func below(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, path.Clean(dir)+"/")
}

func location(file string) string {
	return (&url.URL{Scheme: "file", Path: file}).String()
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
