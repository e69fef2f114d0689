//go:build linux

package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// sweepEvery is how often what has been kept long enough is removed.
const sweepEvery = time.Hour

// sweep removes old attempts, at once and then every hour.
func (b *Backend) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		b.sweepOnce(ctx, time.Now().Add(-b.Retention))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweepOnce removes every attempt that was settled before a time, or died
// before it had a state.
func (b *Backend) sweepOnce(ctx context.Context, before time.Time) {
	attempts, err := os.ReadDir(b.Root)
	if err != nil {
		b.Logger.Error("outputs that have been kept long enough can't be found", "error", err)
		return
	}
	for _, attempt := range attempts {
		if ctx.Err() != nil {
			return
		}
		if !attempt.IsDir() || !b.due(attempt, before) {
			continue
		}
		if err := removeAll(filepath.Join(b.Root, attempt.Name())); err != nil {
			b.Logger.Error("outputs that have been kept long enough can't be removed", "error", err)
		}
	}
}

// due reports whether an attempt is to be removed. Settling renames a file, and
// so is the last thing that changes the directory.
func (b *Backend) due(attempt os.DirEntry, before time.Time) bool {
	info, err := attempt.Info()
	if err != nil || !info.ModTime().Before(before) {
		return false
	}
	_, err = os.Stat(filepath.Join(b.Root, attempt.Name(), stateFile))
	return errors.Is(err, fs.ErrNotExist)
}
