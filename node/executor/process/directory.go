package process

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
	"starling/node/executor/shim"
)

// Names within an attempt's directory, beside the shim's.
const (
	stateFile   = "state.json"
	settledFile = "settled.json"
	workDir     = "work"
	tmpDir      = "tmp"
)

// state is what must be known of an attempt to take it up again.
type state struct {
	Despatch despatch.Despatch `json:"despatch"`
	Began    time.Time         `json:"began"`
	// Run says that the shim was told to start the program, or is about to be.
	Run         bool     `json:"run,omitempty"`
	Staged      []string `json:"staged,omitempty"` // files, relative to work/
	BytesStaged int64    `json:"bytesStaged,omitempty"`

	saved bool // it has a file
}

// directory is an attempt's directory.
type directory string

func (d directory) join(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}
func (d directory) work() string { return d.join(workDir) }
func (d directory) tmp() string  { return d.join(tmpDir) }

var errBadSession = errors.New("the session's UUID is no name for a directory")

// maxSession bounds a session's UUID, in bytes.
const maxSession = 100

// directoryOf names an attempt's directory.
func directoryOf(root string, d *despatch.Despatch) (directory, error) {
	id := d.Session.UUID
	if id == "" || len(id) > maxSession || strings.ContainsFunc(id, notInUUID) {
		return "", fmt.Errorf("%w: %q", errBadSession, id)
	}
	return directory(filepath.Join(root, id+"."+strconv.Itoa(d.Attempt))), nil
}

func notInUUID(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-')
}

// create makes the directory.
func (d directory) create() error {
	for _, name := range []string{"", workDir, tmpDir} {
		if err := os.Mkdir(d.join(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// load reads the state; fs.ErrNotExist where there is none.
func (d directory) load() (*state, error) {
	text, err := os.ReadFile(d.join(stateFile))
	if err != nil {
		return nil, err
	}
	s := &state{saved: true}
	return s, json.Unmarshal(text, s)
}

// save replaces the state, whole or not at all; the first is simply written,
// since before it nothing was done. It isn't synced: a machine that crashes
// takes the program with it, and the attempt is lost either way.
func (d directory) save(s *state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := d.join(stateFile)
	if !s.saved {
		s.saved = true
		return os.WriteFile(path, text, 0o600)
	}
	if err := os.WriteFile(path+".part", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// exit reads how the program ended; nil while it hasn't.
func (d directory) exit() *shim.Exit {
	text, err := os.ReadFile(d.join(shim.ExitFile))
	if err != nil {
		return nil
	}
	exit := &shim.Exit{}
	if json.Unmarshal(text, exit) != nil {
		return nil
	}
	return exit
}

// settle marks the attempt as done with. Its directory's age counts from now.
func (d directory) settle() error {
	return os.Rename(d.join(stateFile), d.join(settledFile))
}
