package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/store"
	"starling/node/uploads"
)

// File is something that a session has written.
type File struct {
	despatch.File
	Modified time.Time `json:"modified,omitzero"`
	Open     bool      `json:"open,omitempty"` // it may still grow
}

// Files lists the files that a session has written, as far as its executor has
// said. What its program prints is no file: OpenOutput has it.
func (b *Broker) Files(ctx context.Context, caller identity.Caller, id identity.UUID) ([]File, error) {
	s, err := b.stored(caller, toRead, id)
	if err != nil {
		return nil, err
	}
	files, gone := []File{}, b.goneStorage(s)
	err = b.store.View(func(tx *store.Tx) error {
		return tx.Files(s.ID, func(f despatch.File) bool {
			if isOutput(f) && !gone[f.Storage] {
				files = append(files, File{File: f, Open: !s.Attempt.Ended && f.SHA256 == ""})
			}
			return true
		})
	})
	return files, err
}

func isOutput(f despatch.File) bool { return f.Role == "" || f.Role == despatch.RoleOutput }

// OpenFile opens a session's output file by the name that Files gives it.
func (b *Broker) OpenFile(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (io.ReadSeekCloser, File, error) {
	return b.openOf(caller, id, func(f despatch.File) bool {
		return f.Name == name && isOutput(f)
	}, name)
}

// OpenOutput opens what a session's program has printed: stdout or stderr, by
// its role. As long as there is nothing, it is empty.
func (b *Broker) OpenOutput(ctx context.Context, caller identity.Caller, id identity.UUID, role string) (io.ReadSeekCloser, File, error) {
	content, f, err := b.openOf(caller, id, func(f despatch.File) bool { return f.Role == role }, role)
	var p *Problem
	if !errors.As(err, &p) || p.Code != CodeNotFound || f.Name == "" {
		return content, f, err
	}
	return emptyFile{bytes.NewReader(nil)}, f, nil
}

// openOf opens the file of a session that is meant. Where the session is there
// but not the file, what is known of the file is returned with the error.
func (b *Broker) openOf(caller identity.Caller, id identity.UUID, meant func(despatch.File) bool, name string) (io.ReadSeekCloser, File, error) {
	s, err := b.stored(caller, toOpen, id)
	if err != nil {
		return nil, File{}, err
	}
	running := !store.Terminal(s.Phase) || !s.Attempt.Ref.IsZero() && !s.Attempt.Ended
	var f despatch.File
	found := false
	if err := b.store.View(func(tx *store.Tx) error {
		return tx.Files(s.ID, func(of despatch.File) bool {
			if found = meant(of); found {
				f = of
			}
			return !found
		})
	}); err != nil {
		return nil, File{}, err
	}
	if !found {
		absent := File{File: despatch.File{Name: name, Role: name}, Open: running}
		return nil, absent, problem(CodeNotFound, "session %s has no file %q", s.ID, name)
	}
	if b.goneStorage(s)[f.Storage] {
		return nil, File{}, problem(CodeGone, "file %q lay in storage that was kept for a while after the session's end, and has been released since or used by a later session", f.Name)
	}
	content, modified, err := b.openKept(s, f)
	if err != nil {
		return nil, File{}, err
	}
	return content, File{File: f, Modified: modified, Open: running && f.SHA256 == ""}, nil
}

// openKept opens a file of a session where it is kept. Locations are believed of
// built-in executors alone: another's might be those of somebody else's files.
func (b *Broker) openKept(s *store.Session, f despatch.File) (io.ReadSeekCloser, time.Time, error) {
	var by store.AttemptRef
	if err := b.store.View(func(tx *store.Tx) (err error) {
		by, _, err = tx.Attempt(s.Attempt.Ref)
		return err
	}); err != nil {
		return nil, time.Time{}, err
	}
	if by.BuiltIn {
		file, info, err := b.openLocation(f.Location)
		if err != nil {
			return nil, time.Time{}, err
		}
		return file, info.ModTime(), nil
	}
	file, err := b.openSent(s.Attempt.Ref, f)
	switch {
	case err == nil:
		info, err := file.Stat()
		if err != nil {
			return nil, time.Time{}, errors.Join(err, file.Close())
		}
		return file, info.ModTime(), nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, time.Time{}, err
	case f.Location != "":
		return nil, time.Time{}, elsewhere()
	case f.SHA256 == "" && !s.Attempt.Ended:
		return emptyFile{bytes.NewReader(nil)}, wall(s.Modified), nil // nothing has come yet
	}
	return nil, time.Time{}, problem(CodeGone, "the executor has not sent this file to this node, or it is not kept any more")
}

// openSent opens a file that an executor has sent.
func (b *Broker) openSent(ref identity.UUID, f despatch.File) (*os.File, error) {
	if b.options.Uploads == nil {
		return nil, fs.ErrNotExist
	}
	return b.options.Uploads.Open(uploads.File{Attempt: ref, Role: cmp.Or(f.Role, despatch.RoleOutput), Name: f.Name}, f.SHA256)
}

func elsewhere() error {
	return problem(CodeNotFound, "this file is not kept at this node: its executor says that it is elsewhere")
}

// openLocation opens a file of one of the areas that this node serves from.
// Links that lead out of an area are not followed.
func (b *Broker) openLocation(location string) (*os.File, fs.FileInfo, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "file" || u.Host != "" {
		return nil, nil, elsewhere()
	}
	for _, area := range b.options.Areas {
		inside, ok := strings.CutPrefix(filepath.Clean(u.Path), filepath.Clean(area)+string(filepath.Separator))
		if !ok {
			continue
		}
		file, err := openInside(area, inside)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, problem(CodeGone, "this file is not kept any more")
		}
		if err != nil { // it leads out of the area, say
			return nil, nil, problem(CodeNotFound, "this file can't be read")
		}
		info, err := file.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return nil, nil, errors.Join(problem(CodeNotFound, "this is no regular file"), err, file.Close())
		}
		return file, info, nil
	}
	return nil, nil, elsewhere()
}

func openInside(area, name string) (*os.File, error) {
	root, err := os.OpenRoot(area)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// Not to wait for who writes into a named pipe that a program has put there.
	return root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// emptyFile is output of which there is nothing yet.
type emptyFile struct{ *bytes.Reader }

func (emptyFile) Close() error { return nil }
