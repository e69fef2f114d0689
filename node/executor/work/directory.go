package work

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/despatch"
)

// Names within an attempt's directory.
const (
	StdoutFile  = "stdout"
	StderrFile  = "stderr"
	stateFile   = "state.json"
	settledFile = "settled.json"
	workDir     = "work"
	tmpDir      = "tmp"
)

// State is what must be known of an attempt to take it up again.
type State struct {
	Despatch despatch.Despatch `json:"despatch"`
	Began    time.Time         `json:"began"`
	// Run says that the program was started, or is about to be.
	Run         bool     `json:"run,omitempty"`
	Staged      []string `json:"staged,omitempty"` // files, relative to work/
	BytesStaged int64    `json:"bytesStaged,omitempty"`

	saved bool // it has a file
}

func newState(d *despatch.Despatch) *State {
	return &State{Despatch: *d, Began: time.Now().UTC()}
}

// Dir is an attempt's directory.
type Dir string

// Join is a path within the directory.
func (d Dir) Join(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}

// Work is where volumes and data lie.
func (d Dir) Work() string { return d.Join(workDir) }

// Tmp is where what is not kept lies.
func (d Dir) Tmp() string { return d.Join(tmpDir) }

// Open reports whether the attempt has begun and is not settled.
func (d Dir) Open() bool {
	_, err := os.Lstat(d.Join(stateFile))
	return err == nil
}

// Remove removes the directory.
func (d Dir) Remove() error { return removeAll(string(d)) }

var errBadSession = errors.New("the session's UUID is no name for a directory")

// maxSession bounds a session's UUID, in bytes.
const maxSession = 100

// directory names an attempt's directory.
func (a *Area) directory(d *despatch.Despatch) (Dir, error) {
	id := d.Session.UUID
	if id == "" || len(id) > maxSession || strings.ContainsFunc(id, notInUUID) {
		return "", fmt.Errorf("%w: %q", errBadSession, id)
	}
	return Dir(filepath.Join(a.Root, id+"."+strconv.Itoa(d.Attempt))), nil
}

func notInUUID(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-')
}

// create makes the directory.
func (d Dir) create() error {
	for _, name := range []string{"", workDir, tmpDir} {
		if err := os.Mkdir(d.Join(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// load reads the state; fs.ErrNotExist where there is none.
func (d Dir) load() (*State, error) {
	s := &State{saved: true}
	return s, d.Read(stateFile, s)
}

// save replaces the state, whole or not at all; the first is simply written,
// since before it nothing was done. It isn't synced: a machine that crashes
// takes the program with it, and the attempt is lost either way.
func (d Dir) save(s *State) error {
	if s.saved {
		return d.Write(stateFile, s)
	}
	s.saved = true
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(d.Join(stateFile), text, 0o600)
}

// Read reads a JSON file of the directory.
func (d Dir) Read(name string, into any) error {
	text, err := os.ReadFile(d.Join(name))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Write replaces a JSON file of the directory, whole or not at all.
func (d Dir) Write(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	path := d.Join(name)
	if err := os.WriteFile(path+".part", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// settle marks the attempt as done with. Its directory's age counts from now.
func (d Dir) settle() error {
	return os.Rename(d.Join(stateFile), d.Join(settledFile))
}
