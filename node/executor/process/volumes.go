package process

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

// mount is a volume below the work directory.
type mount struct {
	path     string // relative to it
	writable bool
}

// mounts are a run's volumes, the outer before the inner.
func mounts(run *despatch.Run) ([]mount, error) {
	var all []mount
	for _, v := range run.Volumes {
		where, err := relative(v.Path)
		if err != nil {
			return nil, err
		}
		all = append(all, mount{path: where, writable: v.Mode == despatch.ReadWrite})
	}
	slices.SortStableFunc(all, func(a, b mount) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// makeMounts creates what isn't there yet and protects what may only be read.
// Mode bits don't bind root; there it is the sandbox that protects.
func makeMounts(work string, all []mount) error {
	for _, m := range all {
		if err := os.MkdirAll(filepath.Join(work, m.path), 0o755); err != nil {
			return fmt.Errorf("make volume /%s: %w", m.path, err)
		}
	}
	for _, m := range all {
		if m.writable {
			continue
		}
		if err := setMode(filepath.Join(work, m.path), 0o555, 0o444); err != nil {
			return fmt.Errorf("protect volume /%s: %w", m.path, err)
		}
	}
	for _, m := range all {
		if m.writable {
			os.Chmod(filepath.Join(work, m.path), 0o755)
		}
	}
	return nil
}

// setMode sets the mode of every directory and file of a tree.
func setMode(root string, directories, files fs.FileMode) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.Chmod(path, directories)
		case entry.Type().IsRegular():
			return os.Chmod(path, files)
		}
		return nil
	})
}

// removeAll removes a tree, also one whose directories are read-only.
func removeAll(path string) error {
	if os.RemoveAll(path) == nil {
		return nil
	}
	filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}

// empty removes everything in a directory.
func empty(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		removeAll(filepath.Join(dir, entry.Name()))
	}
}
