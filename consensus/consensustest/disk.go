package consensustest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// ErrPower is what a write says once the power is off.
var ErrPower = errors.New("the power is off")

// Disk is a node's disk, as far as it goes wrong: its Write stands before every
// write of the node's files. The zero value works, and does nothing. Its methods
// may be called by any goroutine.
type Disk struct {
	mu     sync.Mutex
	delay  time.Duration
	mended chan struct{} // closed when the disk is; nil while nobody waits
	full   bool
	only   string // the one file that there is no room for; "" for all
	off    bool
	power  *power
}

// Write does one write of a file, after its delay, or fails as a disk does.
func (d *Disk) Write(file string, write func() error) error {
	d.wait()
	d.mu.Lock()
	full, off, p := d.full && (d.only == "" || d.only == file), d.off, d.power
	d.mu.Unlock()
	switch {
	case off:
		return ErrPower
	case full:
		return &os.PathError{Op: "write", Path: file, Err: syscall.ENOSPC}
	case p != nil:
		return p.write(file, write)
	}
	return write()
}

// wait takes the time that a slow disk takes, unless it is mended meanwhile.
func (d *Disk) wait() {
	d.mu.Lock()
	delay := d.delay
	if d.mended == nil {
		d.mended = make(chan struct{})
	}
	mended := d.mended
	d.mu.Unlock()
	if delay <= 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-mended:
	}
}

// Slow makes every write take so much longer.
func (d *Disk) Slow(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay = delay
}

// Fill leaves no room: for one file, or for any if it is "".
func (d *Disk) Fill(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full, d.only = true, file
}

// Mend ends all faults.
func (d *Disk) Mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay, d.full, d.only = 0, false, ""
	if d.mended != nil {
		close(d.mended)
		d.mended = nil
	}
}

// Watch has the disk know what of a directory's files is flushed, from now on.
// flushed is asked of files by their path, right after a write; the kernel's own
// word (Flushed) if nil.
func (d *Disk) Watch(dir string, flushed func(path string) (bool, error)) error {
	if flushed == nil {
		flushed = Flushed
	}
	p := &power{dir: dir, flushed: flushed, files: map[string]*keptFile{}}
	if err := p.begin(); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.power = p
	return nil
}

// PowerCut fails every write from now on. The node is to be ended next, and
// Restore called before it is started again.
func (d *Disk) PowerCut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// Restore makes the files of a directory that is watched what they were when
// they were last flushed, and turns the power on.
func (d *Disk) Restore() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = false
	return d.power.restore()
}
