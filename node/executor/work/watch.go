package work

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// lookEvery is how often an attempt's storage is measured, and lookShare how
	// many times longer than a look the pause after it is at least: a tree of a
	// million files isn't walked all the time.
	lookEvery = time.Second
	lookShare = 20
	// entryBytes is what each directory entry counts beside its content, so that
	// empty files are not free.
	entryBytes = 512
)

// Watch measures now and then how much storage the attempt takes: its directory,
// and what extra, if not nil, measures elsewhere. The channel gets an error, once,
// when that is more than the session may use. Call end when the program has
// ended; it waits for the last look.
func (a *Attempt) Watch(ctx context.Context, extra func(context.Context) int64) (full <-chan error, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan error, 1)
	var looking sync.WaitGroup
	looking.Go(func() {
		for pause := lookEvery; ; {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			began := time.Now()
			used := usage(ctx, string(a.Dir))
			if extra != nil {
				used += extra(ctx)
			}
			if used > a.Storage() {
				over <- fmt.Errorf("the session takes %.2f GiB of the %d GiB of storage that it may use; book more", float64(used)/(1<<30), a.Storage()>>30)
				return
			}
			if err := a.overrun(ctx); err != nil {
				over <- err
				return
			}
			pause = max(lookEvery, lookShare*time.Since(began))
		}
	})
	return over, func() { cancel(); looking.Wait() }
}

// usage is how many bytes of disk a tree takes. It doesn't leave the tree,
// whatever a program does to it meanwhile.
func usage(ctx context.Context, dir string) (bytes int64) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0
	}
	defer root.Close()
	fs.WalkDir(root.FS(), ".", func(_ string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil {
			return nil // it is gone, or can't be read: what can't be counted is not
		}
		bytes += entryBytes
		if info, err := entry.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				bytes += stat.Blocks * 512
			}
		}
		return nil
	})
	return bytes
}
