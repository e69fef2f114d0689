package work

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// sweepEvery is how often what has been kept long enough is removed.
const sweepEvery = time.Hour

// sweep removes old attempts, at once and then every hour, and storage when its
// time is up.
func (a *Area) sweep(ctx context.Context) {
	for {
		a.sweepOnce(ctx, time.Now().Add(-a.Retention))
		pause := sweepEvery
		if next := a.sweepStorage(ctx, time.Now()); !next.IsZero() {
			pause = min(pause, max(0, time.Until(next)))
		}
		if a.Tidy != nil {
			a.Tidy(ctx)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-a.soon:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// sweepSoon has the sweeper look again: something is to be removed earlier than
// it knew.
func (a *Area) sweepSoon() {
	select {
	case a.soon <- struct{}{}:
	default:
	}
}

// sweepOnce removes every attempt that was settled before a time, or died
// before it had a state.
func (a *Area) sweepOnce(ctx context.Context, before time.Time) {
	attempts, err := os.ReadDir(a.Root)
	if err != nil {
		a.Logger.Error("outputs that have been kept long enough can't be found", "error", err)
		return
	}
	for _, attempt := range attempts {
		if ctx.Err() != nil {
			return
		}
		if !attempt.IsDir() || attempt.Name() == storageDir || !a.due(attempt, before) {
			continue
		}
		if err := removeAll(filepath.Join(a.Root, attempt.Name())); err != nil {
			a.Logger.Error("outputs that have been kept long enough can't be removed", "error", err)
		}
	}
}

// due reports whether an attempt is to be removed. Settling renames a file, and
// so is the last thing that changes the directory.
func (a *Area) due(attempt os.DirEntry, before time.Time) bool {
	info, err := attempt.Info()
	return err == nil && info.ModTime().Before(before) && !Dir(filepath.Join(a.Root, attempt.Name())).Open()
}
