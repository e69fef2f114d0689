package store

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// open opens the file, and says what is wrong with one that is damaged: bbolt itself
// finds a part of that by a panic, or by reading what isn't there.
func open(path string) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("open %s: %v: %w", path, reason, ErrDamaged)
		}
	}()
	if err := whole(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Second,
		// The free list is written at the end only, or rebuilt at the start: writing
		// it with every commit costs more the more has been deleted.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		// Room to grow before the file is mapped anew, which waits for readers.
		InitialMmapSize: 256 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(err))
	}
	return db, nil
}

// whole refuses a file that ends before its last page: what reads there is ended by the
// operating system.
func whole(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return nil // it is about to be made
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return explain(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("it has %d of %d bytes: %w", info.Size(), tx.Size(), ErrDamaged)
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

func explain(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return errors.New("another process has it open")
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	return err
}
