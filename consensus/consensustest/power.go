package consensustest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// power remembers the files of a directory as they were last flushed. bbolt
// flushes at the end of each transaction or not at all, so that it is enough to
// look then.
type power struct {
	dir     string
	flushed func(path string) (bool, error)

	mu    sync.Mutex
	files map[string]*keptFile
}

// keptFile is one file's copy, and who writes the file now.
type keptFile struct {
	writing sync.Mutex
	path    string
}

// suffix marks the copies.
const suffix = ".flushed"

// begin takes the directory as it is for flushed: nobody has written to it lately.
func (p *power) begin() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".db") {
			if err := p.keep(p.file(entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *power) file(name string) *keptFile {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[name]
	if f == nil {
		f = &keptFile{path: filepath.Join(p.dir, name)}
		p.files[name] = f
	}
	return f
}

// write does a write, and keeps the file if it is flushed then.
func (p *power) write(name string, write func() error) error {
	f := p.file(name)
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := write(); err != nil {
		return err
	}
	flushed, err := p.flushed(f.path)
	if err != nil || !flushed {
		return err
	}
	return p.keep(f)
}

func (p *power) keep(f *keptFile) error {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	return os.WriteFile(f.path+suffix, data, 0o600)
}

// restore removes files of which nothing was ever flushed.
func (p *power) restore() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, f := range p.files {
		data, err := os.ReadFile(f.path + suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = os.Remove(f.path)
		case err == nil:
			err = os.WriteFile(f.path, data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("restore %s: %w", name, err)
		}
	}
	return nil
}
