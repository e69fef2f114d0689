package work

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"starling/api/despatch"
)

// Mount is a volume of the session.
type Mount struct {
	Path     string // below the work directory; with a slash before it, where the session sees it
	Writable bool
	Storage  string // the id of the storage that is mounted; "": data
}

// relative is where an absolute path of a session lies below the work
// directory: /input/a is input/a.
func relative(volume string) (string, error) {
	if !strings.HasPrefix(volume, "/") || strings.ContainsRune(volume, 0) {
		return "", fmt.Errorf("the path %q of a volume is not absolute", volume)
	}
	if slices.Contains(strings.Split(volume, "/"), "..") {
		return "", fmt.Errorf("the path %q of a volume leads upwards", volume)
	}
	clean := strings.TrimPrefix(path.Clean(volume), "/")
	if clean == "" {
		return "", fmt.Errorf("a volume can't be mounted at /")
	}
	return clean, nil
}

// mounts are a run's volumes, the outer before the inner.
func mounts(run *despatch.Run) ([]Mount, error) {
	var all []Mount
	for _, v := range run.Volumes {
		where, err := relative(v.Path)
		if err != nil {
			return nil, err
		}
		all = append(all, Mount{Path: where, Writable: v.Mode == despatch.ReadWrite, Storage: v.Storage})
	}
	slices.SortStableFunc(all, func(a, b Mount) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// makeMounts creates what isn't there yet, protects what may only be read, and
// lets everybody write where the session may, since its program may be of
// another user; nobody else comes past the attempt's own directory. Mode bits
// don't bind root; there it is the sandbox that protects.
func makeMounts(work string, all []Mount) error {
	for _, m := range all {
		if err := os.MkdirAll(filepath.Join(work, m.Path), 0o755); err != nil {
			return fmt.Errorf("make volume /%s: %w", m.Path, err)
		}
	}
	for _, m := range all { // the outer before the inner
		directories, files := fs.FileMode(0o555), fs.FileMode(0o444)
		if m.Writable {
			directories, files = 0o777, 0o666
		}
		if err := setMode(filepath.Join(work, m.Path), directories, files); err != nil {
			return fmt.Errorf("set the mode of volume /%s: %w", m.Path, err)
		}
	}
	return nil
}

func (a *Attempt) hasWritable() bool {
	return slices.ContainsFunc(a.Mounts, func(m Mount) bool { return m.Writable })
}

// inWritable reports whether the innermost volume around a path is READWRITE.
func (a *Attempt) inWritable(name string) bool {
	writable := false
	for _, m := range a.Mounts { // the outer before the inner
		if below(name, m.Path) {
			writable = m.Writable
		}
	}
	return writable
}

// holdsWritable reports whether a READWRITE volume lies within a volume.
func (a *Attempt) holdsWritable(outer string) bool {
	return slices.ContainsFunc(a.Mounts, func(m Mount) bool { return m.Writable && below(m.Path, outer) })
}

// removeInputs removes staged data and READONLY volumes.
func (a *Attempt) removeInputs() {
	for _, name := range a.State.Staged {
		if !a.inWritable(name) {
			os.Remove(filepath.Join(a.Dir.Work(), name))
		}
	}
	for _, m := range a.Mounts {
		if !m.Writable && !a.holdsWritable(m.Path) {
			removeAll(filepath.Join(a.Dir.Work(), m.Path))
		}
	}
}

// removeScratch removes what lies in a directory of the work directory, beside
// the READWRITE volumes.
func (a *Attempt) removeScratch(dir string) {
	entries, err := os.ReadDir(filepath.Join(a.Dir.Work(), dir))
	if err != nil {
		return
	}
	os.Chmod(filepath.Join(a.Dir.Work(), dir), 0o700)
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case a.inWritable(name):
		case entry.IsDir() && a.holdsWritable(name):
			a.removeScratch(name)
		default:
			removeAll(filepath.Join(a.Dir.Work(), name))
		}
	}
}

// below reports whether a path is another or lies within it.
func below(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, path.Clean(dir)+"/")
}
