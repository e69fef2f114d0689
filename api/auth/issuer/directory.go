package issuer

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What lies in an issuer's directory.
const (
	stateFile = "issuer.json" // its URL and keys
	lockFile  = "issuer.lock"
	storeFile = "grants.db" // what refresh tokens stand for, and what was revoked
	// SecretFile holds the secret of the client [AdminClient], which may have a
	// token for any name.
	SecretFile = "admin.secret"
)

// Profile is how tokens are worded.
type Profile string

// The profiles: how INDIGO IAM tells groups.
const (
	ProfileWLCG Profile = "wlcg" // "wlcg.ver", and "wlcg.groups" with slashes before
	ProfileIAM  Profile = "iam"  // "groups", without
)

// Validate returns nil for a profile that there is.
func (p Profile) Validate() error {
	if p != ProfileWLCG && p != ProfileIAM {
		return fmt.Errorf("there is no profile %.20q: want %s or %s", string(p), ProfileWLCG, ProfileIAM)
	}
	return nil
}

// state is what issuer.json holds.
type state struct {
	Version int     `json:"version"`
	URL     string  `json:"url"` // "iss"
	Profile Profile `json:"profile"`
	Keys    []*key  `json:"keys"` // the newest first
}

const stateVersion = 1

// Directory is what an issuer is known by. It is safe for concurrent use, by
// several processes too.
type Directory struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	file fs.FileInfo // what was read
	last state
}

// ErrNoIssuer says that a directory is no issuer's.
var ErrNoIssuer = errors.New("no issuer has its data there")

// OpenDirectory returns the directory of an issuer that has been started before.
// The error wraps ErrNoIssuer where that is not so.
func OpenDirectory(path string, now func() time.Time) (*Directory, error) {
	d := &Directory{path: path, now: now}
	if _, err := d.read(); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w: `starling issuer --data %s` makes one", path, ErrNoIssuer, path)
		}
		return nil, err
	}
	return d, nil
}

// Identity is what tokens of an issuer say of it.
type Identity struct {
	URL     string // "iss"
	Profile Profile
}

// MakeDirectory returns the directory of an issuer with this identity. What is
// missing is made: the directory, a key of the algorithm, the administrator's
// secret. Keys that are there stay, whatever their algorithm.
func MakeDirectory(path string, id Identity, algorithm Algorithm, now func() time.Time) (*Directory, error) {
	if err := errors.Join(id.Profile.Validate(), algorithm.Validate(), checkURL(id.URL)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the issuer's directory: %w", err)
	}
	d := &Directory{path: path, now: now}
	if err := d.makeSecret(); err != nil {
		return nil, fmt.Errorf("make the administrator's secret: %w", err)
	}
	return d, d.change(func(s *state) error {
		s.Version, s.URL, s.Profile = stateVersion, id.URL, id.Profile
		if len(s.Keys) > 0 {
			return nil
		}
		first, err := newKey(algorithm, now(), now())
		s.Keys = []*key{first}
		return err
	})
}

// Identity returns what tokens say of the issuer.
func (d *Directory) Identity() (Identity, error) {
	s, err := d.read()
	return Identity{URL: s.URL, Profile: s.Profile}, err
}

// Secret returns the secret of the client AdminClient.
func (d *Directory) Secret() (string, error) { return ReadSecret(filepath.Join(d.path, SecretFile)) }

func (d *Directory) makeSecret() error {
	path := filepath.Join(d.path, SecretFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(path, []byte(rand.Text()+"\n"))
}

// read returns what the file says, and reads it again only where it has changed:
// it is replaced as a whole, so that another file is another content.
func (d *Directory) read() (state, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := filepath.Join(d.path, stateFile)
	info, err := os.Stat(path)
	if err != nil {
		return state{}, fmt.Errorf("read the issuer's keys: %w", err)
	}
	if d.file != nil && os.SameFile(info, d.file) && info.ModTime().Equal(d.file.ModTime()) && info.Size() == d.file.Size() {
		return d.last, nil
	}
	text, err := readPrivate(path)
	if err != nil {
		return state{}, fmt.Errorf("read the issuer's keys: %w", err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return state{}, fmt.Errorf("read %s: %w", path, err)
	}
	if s.Version != stateVersion {
		return state{}, fmt.Errorf("read %s: version %d, and this program knows %d", path, s.Version, stateVersion)
	}
	if len(s.Keys) == 0 {
		return state{}, fmt.Errorf("read %s: there is no key in it", path)
	}
	d.file, d.last = info, s
	return s, nil
}

// change rewrites the file, one at a time.
func (d *Directory) change(edit func(*state) error) error {
	lock, err := os.OpenFile(filepath.Join(d.path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock the issuer's keys: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the issuer's keys: %w", err)
	}
	s, err := d.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := edit(&s); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(d.path, stateFile), append(text, '\n'))
}
