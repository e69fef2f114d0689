package work

import (
	"io/fs"
	"os"
	"path/filepath"
)

// setMode sets the mode of every directory and file of a tree. What may be
// executed stays so.
func setMode(root string, directories, files fs.FileMode) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.Chmod(path, directories)
		case entry.Type().IsRegular():
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return os.Chmod(path, files|info.Mode()&0o111)
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
