package work

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/despatch"
	"starling/node/executor"
)

// Storage that outlives its session lies in ROOT/storage/<id>/ until its time is
// up: data/ is what it holds, storage.json says until when. While a session has
// it, data/ lies in the attempt's directory instead, moved there whole: nothing
// is copied, and no two sessions have it at a time.
const (
	storageDir  = "storage"
	storageData = "data"
	storageFile = "storage.json"
)

// kept is what is known of storage that is kept.
type kept struct {
	Session string    `json:"session"` // that had it last
	Expires time.Time `json:"expires"`
}

// storagePath is where storage of an id is kept.
func (a *Area) storagePath(id string) string { return filepath.Join(a.Root, storageDir, id) }

func (a *Area) loadKept(id string) (k kept, err error) {
	text, err := os.ReadFile(filepath.Join(a.storagePath(id), storageFile))
	if err != nil {
		return k, err
	}
	return k, json.Unmarshal(text, &k)
}

// mounted finds a storage's mount.
func (a *Attempt) mounted(s despatch.Storage) (Mount, bool) {
	for _, m := range a.Mounts {
		if s.ID != "" && m.Storage == s.ID {
			return m, true
		}
	}
	return Mount{}, false
}

// keeping lists the storage that outlives the session, with its mounts.
func (a *Attempt) keeping(visit func(despatch.Storage, Mount) error) error {
	for _, s := range a.Despatch.Storage {
		m, ok := a.mounted(s)
		if !ok || !s.Kept() {
			continue
		}
		if strings.ContainsFunc(s.ID, notInUUID) || len(s.ID) > maxSession {
			return fmt.Errorf("%q is no id of storage", s.ID)
		}
		if err := visit(s, m); err != nil {
			return err
		}
	}
	return nil
}

// takeStorage moves what earlier sessions have left into the attempt's
// directory, unless an earlier life has done so.
func (a *Attempt) takeStorage() *despatch.Completion {
	err := a.keeping(func(s despatch.Storage, m Mount) error {
		from, to := filepath.Join(a.storagePath(s.ID), storageData), filepath.Join(a.Dir.Work(), m.Path)
		switch _, err := os.Lstat(from); {
		case err == nil && !s.Existing && !a.State.Run: // an earlier attempt at this session has left it
			return removeAll(a.storagePath(s.ID))
		case err == nil: // or an earlier life of this attempt, which had it released but not settled
			if err := a.Dir.save(a.State); err != nil { // who finds it there must know whose it is
				return err
			}
			return move(from, to)
		case !s.Existing:
			return nil
		}
		if _, err := os.Lstat(to); err == nil {
			return nil
		}
		return fmt.Errorf("storage %s is not kept here any more: %w", nameOf(s), fs.ErrNotExist)
	})
	return Failure(executor.CodeStaging, false, err)
}

// keepStorage moves storage that outlives the session to where it is kept. It
// may be called again.
func (a *Attempt) keepStorage() error {
	return a.keeping(func(s despatch.Storage, m Mount) error {
		from, to := filepath.Join(a.Dir.Work(), m.Path), a.storagePath(s.ID)
		if _, err := os.Lstat(from); err != nil {
			return nil // it was moved before, or never made
		}
		k := kept{Session: a.Despatch.Session.UUID, Expires: time.Now().Add(time.Duration(s.KeepSeconds) * time.Second).UTC()}
		if s.KeepUntil.After(k.Expires) {
			k.Expires = s.KeepUntil
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			return err
		}
		if err := Dir(to).Write(storageFile, k); err != nil {
			return err
		}
		if err := move(from, filepath.Join(to, storageData)); err != nil {
			return err
		}
		a.sweepSoon()
		return nil
	})
}

// move moves a directory to where nothing is, or an empty directory. A directory
// that can't be written can't be moved.
func move(from, to string) error {
	if err := os.Chmod(from, 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// whereKept is where a file of the work directory lies once storage is kept, and
// in which storage that is; "" if in none.
func (a *Attempt) whereKept(name string) (file, id string) {
	file = filepath.Join(a.Dir.Work(), name)
	_ = a.keeping(func(s despatch.Storage, m Mount) error {
		if below(name, m.Path) {
			file, id = filepath.Join(a.storagePath(s.ID), storageData, strings.TrimPrefix(name, m.Path)), s.ID
		}
		return nil
	})
	return file, id
}

// overrun says which storage holds more than its size; nil: none does.
func (a *Attempt) overrun(ctx context.Context) error {
	for _, s := range a.Despatch.Storage {
		m, ok := a.mounted(s)
		if !ok {
			continue
		}
		used := usage(ctx, filepath.Join(a.Dir.Work(), m.Path))
		if limit := s.Size << 30; used > limit && ctx.Err() == nil {
			return fmt.Errorf("storage %s has %d GiB, and %d bytes (%.2f GiB) were written to it; ask for more", nameOf(s), s.Size, used, float64(used)/(1<<30))
		}
	}
	return nil
}

// nameOf is what people call a storage.
func nameOf(s despatch.Storage) string {
	if s.Name != "" {
		return s.Name
	}
	return s.ID
}

// sweepStorage removes storage whose time is up, and returns when the next one's
// will be; zero if there is none.
func (a *Area) sweepStorage(ctx context.Context, now time.Time) (next time.Time) {
	entries, err := os.ReadDir(filepath.Join(a.Root, storageDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.Logger.Error("storage that has been kept long enough can't be found", "error", err)
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return next
		}
		k, err := a.loadKept(entry.Name())
		if err != nil {
			a.Logger.Error("it can't be read until when storage is kept; it stays", "storage", entry.Name(), "error", err)
			continue
		}
		data := filepath.Join(a.storagePath(entry.Name()), storageData)
		if _, err := os.Lstat(data); err != nil { // a session has it
			continue
		}
		if k.Expires.After(now) {
			if next.IsZero() || k.Expires.Before(next) {
				next = k.Expires
			}
			continue
		}
		if err := removeAll(a.storagePath(entry.Name())); err != nil {
			a.Logger.Error("storage that has been kept long enough can't be removed", "storage", entry.Name(), "error", err)
		}
	}
	return next
}

// rescue keeps the storage of an attempt whose directory is about to be removed.
func (a *Area) rescue(dir Dir, s *State) {
	attempt := &Attempt{Area: a, Despatch: &s.Despatch, Dir: dir, State: s}
	for _, action := range s.Despatch.Sequence {
		if action.Run == nil {
			continue
		}
		if mounts, err := mounts(action.Run); err == nil {
			attempt.Mounts = mounts
		}
	}
	if err := attempt.keepStorage(); err != nil {
		a.Logger.Error("storage of an attempt that is given up can't be kept", "directory", path.Base(string(dir)), "error", err)
	}
}
