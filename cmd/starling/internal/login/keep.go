package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"starling/federation/identity"
)

// Login is a token that is for one node, and how to get the next.
type Login struct {
	Node    string // its origin
	Issuer  string // "": somebody saved a token, and knows where from
	Client  string
	Access  identity.Secret
	Refresh identity.Secret // zero: there is none
	Since   time.Time       // when Access was given
	Expires time.Time       // when it ends; zero: nobody has said
}

// Lasts reports whether the login outlasts its token.
func (l Login) Lasts() bool { return !l.Refresh.IsZero() && l.Issuer != "" }

// kept is a login as it stands in its file.
type kept struct {
	Version int       `json:"version"`
	Node    string    `json:"node"`
	Issuer  string    `json:"issuer,omitempty"`
	Client  string    `json:"client_id,omitempty"`
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token,omitempty"`
	Since   time.Time `json:"since"`
	Expires time.Time `json:"expires,omitzero"`
}

const keptVersion = 1

// ErrNone says that there is no login for a node.
var ErrNone = errors.New("there is no login for this node")

// Store keeps logins, each in a file of its own.
type Store struct {
	// Dir is the directory. It is made when the first login is kept.
	Dir string
}

// path is the file of a node's login.
func (s Store) path(origin string) string {
	return filepath.Join(s.Dir, strings.NewReplacer("://", "_", "/", "_", ":", "_", "[", "", "]", "").Replace(origin)+".json")
}

// maxFile bounds a login's file, in bytes.
const maxFile = 64 << 10

// Find returns the login for a node, by its origin. The error is ErrNone where
// there is none. A file that names another node is not used, whatever it is
// called.
func (s Store) Find(origin string) (Login, error) {
	path := s.path(origin)
	text, err := ReadPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Login{}, ErrNone
	}
	if err != nil {
		return Login{}, fmt.Errorf("read the login: %w", err)
	}
	var k kept
	if json.Unmarshal(text, &k) != nil { // its error may show what is in the file
		return Login{}, fmt.Errorf("the login in %s can't be read; log in again: starling login", path)
	}
	if k.Version != keptVersion {
		return Login{}, fmt.Errorf("the login in %s has version %d, and this program knows %d; log in again: starling login", path, k.Version, keptVersion)
	}
	if k.Node != origin {
		return Login{}, fmt.Errorf("the login in %s is for %s, not for %s; log in again: starling login", path, k.Node, origin)
	}
	return Login{
		Node: k.Node, Issuer: k.Issuer, Client: k.Client, Since: k.Since, Expires: k.Expires,
		Access: identity.NewSecret(k.Access), Refresh: identity.NewSecret(k.Refresh),
	}, nil
}

// ReadPrivate reads a small file that nobody else can read.
func ReadPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read the token in %s: chmod 600 %s", path, path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes: it holds no token", path, maxFile)
	}
	return os.ReadFile(path)
}

// Keep replaces the login for a node, and returns where it is kept.
func (s Store) Keep(ctx context.Context, l Login) (string, error) {
	unlock, err := s.lock(ctx, l.Node)
	if err != nil {
		return "", err
	}
	defer unlock()
	return s.path(l.Node), s.write(l)
}

// Forget drops the login for a node.
func (s Store) Forget(ctx context.Context, origin string) error {
	unlock, err := s.lock(ctx, origin)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(s.path(origin)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the login: %w", err)
	}
	return nil
}

// write replaces a login's file as a whole, and is sure of it: what it holds may
// be there only once.
func (s Store) write(l Login) error {
	text, err := json.MarshalIndent(kept{
		Version: keptVersion, Node: l.Node, Issuer: l.Issuer, Client: l.Client, Since: l.Since.UTC(), Expires: l.Expires.UTC(),
		Access: l.Access.Reveal(), Refresh: l.Refresh.Reveal(),
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(s.path(l.Node), append(text, '\n')); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	return nil
}

func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// lockPause is the time between two tries to get the lock, which whoever has it
// keeps for one call to an issuer.
const lockPause = 20 * time.Millisecond

// lock keeps other processes of the user from changing the login for a node.
func (s Store) lock(ctx context.Context, origin string) (unlock func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the login: %w", err)
	}
	f, err := os.OpenFile(strings.TrimSuffix(s.path(origin), ".json")+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the login: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the login: %w", err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(lockPause):
		}
	}
}
