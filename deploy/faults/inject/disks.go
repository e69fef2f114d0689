package inject

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A disk that is full or slow. A full one is a file system of its own, so small that
// its filling up hurts nobody else; what makes a disk slow is the kernel's bound on the
// bytes and operations of one container.
func disks() []Fault {
	return []Fault{
		{Name: "disk-full", Title: "a node's disk is full", Runs: 6, Short: true, Expects: majority, Inject: fillDisk},
		{Name: "disk-slow", Title: "a node's disk is slow", Runs: 5, Expects: majority, Inject: slowDisk},
	}
}

// fillDisk gives a node a small disk, with all that it has, and fills that while it
// works. The node must say so, acknowledge nothing that it can't keep, and go on when
// there is room.
func fillDisk(ctx context.Context, scene *Scene) (*Wound, error) {
	site, err := leaderOrNot(ctx, scene)
	if err != nil {
		return nil, err
	}
	room := int64(32+scene.Random.IntN(64)) << 20
	lasts := scene.Between(10*time.Second, 25*time.Second)
	disk := &disk{site: site}
	wound := &Wound{
		Says: fmt.Sprintf("filled the disk of %s for %s, after %d MiB of room", site.Name(), lasts.Round(time.Second), room>>20),
		Heal: func(ctx context.Context) error {
			if err := disk.free(); err != nil {
				return err
			}
			if err := Ready(ctx, site); err != nil { // by itself, once there is room
				return err
			}
			return disk.remove(ctx)
		},
	}
	if err := disk.make(ctx, room); err != nil {
		return wound, err
	}
	wound.Meanwhile = func(ctx context.Context) error {
		if err := disk.fill(); err != nil {
			return err
		}
		if err := Eventually(ctx, time.Minute, func(ctx context.Context) error { return saysFull(ctx, site) }); err != nil {
			return err
		}
		return Wait(ctx, lasts)
	}
	return wound, nil
}

// saysFull wants the node to say at /readyz that there is no room.
func saysFull(ctx context.Context, site Site) error {
	status, said, err := readiness(ctx, site)
	if err != nil {
		return err
	}
	if status/100 == 2 || !strings.Contains(said, "no space left") {
		return fmt.Errorf("%s has no room, and its /readyz says %d: %s", site.Name(), status, said)
	}
	return nil
}

// disk is a small file system where a node's data are.
type disk struct {
	site    Site
	mounted bool
}

func (d *disk) image() string   { return d.site.Data() + ".disk" }
func (d *disk) copy() string    { return d.site.Data() + ".copy" }
func (d *disk) ballast() string { return filepath.Join(d.site.Data(), "ballast") }

// make stops the node, moves what it has to a disk with so much room to spare, and
// starts it again.
func (d *disk) make(ctx context.Context, room int64) error {
	if err := d.site.Stop(ctx); err != nil {
		return err
	}
	used, err := usedIn(d.site.Data())
	if err != nil {
		return err
	}
	file, err := os.Create(d.image())
	if err != nil {
		return err
	}
	const least = 16 << 20 // what the file system needs for itself
	if err := errors.Join(file.Truncate(used*5/4+room+least), file.Close()); err != nil {
		return err
	}
	if err := run(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image()); err != nil {
		return err
	}
	if err := os.Mkdir(d.copy(), 0o700); err != nil {
		return err
	}
	if err := run(ctx, "mount", "-o", "loop", d.image(), d.copy()); err != nil {
		return err
	}
	err = run(ctx, "cp", "-a", d.site.Data()+"/.", d.copy())
	if err := errors.Join(err, syscall.Unmount(d.copy(), 0)); err != nil {
		return err
	}
	if err := run(ctx, "mount", "-o", "loop", d.image(), d.site.Data()); err != nil {
		return err
	}
	d.mounted = true
	return start(ctx, d.site)
}

// fill leaves no byte of room.
func (d *disk) fill() error {
	file, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer file.Close()
	for size := 1 << 20; size >= 512; size /= 2 { // the last bytes, too
		for block := make([]byte, size); ; {
			if _, err := file.Write(block); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return file.Sync()
}

func (d *disk) free() error {
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// remove moves all back to where it was. Of half a disk it leaves nothing, either.
func (d *disk) remove(ctx context.Context) error {
	if d.mounted {
		if err := d.site.Stop(ctx); err != nil {
			return err
		}
		if err := syscall.Unmount(d.site.Data(), 0); err != nil {
			return fmt.Errorf("unmount %s: %w", d.site.Data(), err)
		}
		d.mounted = false
		if err := run(ctx, "mount", "-o", "loop", d.image(), d.copy()); err != nil {
			return err
		}
		err := empty(d.site.Data())
		err = errors.Join(err, run(ctx, "cp", "-a", d.copy()+"/.", d.site.Data()))
		_ = os.Remove(filepath.Join(d.site.Data(), "lost+found"))
		if err := errors.Join(err, syscall.Unmount(d.copy(), 0)); err != nil {
			return err
		}
	}
	for _, path := range []string{d.copy(), d.image()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return start(ctx, d.site)
}

// slowDisk gives a node a disk of its own and lets its container write so little there
// that an fsync takes a while. On a disk that others have, too, they would wait for its
// turn in the file system's journal.
func slowDisk(ctx context.Context, scene *Scene) (*Wound, error) {
	site, err := leaderOrNot(ctx, scene)
	if err != nil {
		return nil, err
	}
	operations := 10 + scene.Random.IntN(40)
	lasts := scene.Between(15*time.Second, 30*time.Second)
	disk := &disk{site: site}
	wound := &Wound{
		Says: fmt.Sprintf("let %s write %d times a second for %s", site.Name(), operations, lasts.Round(time.Second)),
		Heal: disk.remove, // its container ends, and the limit with it
	}
	const room = 256 << 20
	if err := disk.make(ctx, room); err != nil {
		return wound, err
	}
	group, device, err := throttle(ctx, site)
	if err != nil {
		return wound, err
	}
	limit := func(operations int) error {
		return errors.Join(
			os.WriteFile(filepath.Join(group, "blkio.throttle.write_iops_device"), fmt.Appendf(nil, "%s %d", device, operations), 0),
			os.WriteFile(filepath.Join(group, "blkio.throttle.write_bps_device"), fmt.Appendf(nil, "%s %d", device, operations*16<<10), 0))
	}
	wound.Meanwhile = func(ctx context.Context) error {
		quick, err := flushes(ctx, site)
		if err != nil {
			return err
		}
		if err := limit(operations); err != nil {
			return err
		}
		if err := Wait(ctx, lasts); err != nil {
			return err
		}
		slow, err := flushes(ctx, site)
		scene.Log("a commit of %s took %s in the mean before, and %s since", site.Name(), quick.mean(), slow.minus(quick).mean())
		return errors.Join(err, limit(0))
	}
	return wound, nil
}

// flushed is how many commits of a node's sessions there were, and what they took.
type flushed struct{ commits, seconds float64 }

func (f flushed) minus(before flushed) flushed {
	return flushed{f.commits - before.commits, f.seconds - before.seconds}
}

func (f flushed) mean() time.Duration {
	return time.Duration(f.seconds / max(1, f.commits) * float64(time.Second)).Round(100 * time.Microsecond)
}

// flushes reads that in a node's metrics.
func flushes(ctx context.Context, site Site) (f flushed, err error) {
	text, err := ask(ctx, site, http.MethodGet, "/metrics", 30*time.Second)
	if err != nil {
		return f, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch number, _ := strconv.ParseFloat(value, 64); name {
		case "starling_store_commit_seconds_sum":
			f.seconds = number
		case "starling_store_commit_seconds_count":
			f.commits = number
		}
	}
	return f, nil
}

// throttle is the control group of a node's process, and the device on which its data
// are.
func throttle(ctx context.Context, site Site) (group, device string, err error) {
	pid, err := site.PID(ctx)
	if err != nil {
		return "", "", err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && parts[1] == "blkio" && parts[2] != "/" {
			group = filepath.Join("/sys/fs/cgroup/blkio", parts[2])
		}
	}
	if group == "" {
		return "", "", fmt.Errorf("%s is in no control group of its own for blkio (cgroup v1)", site.Name())
	}
	var at syscall.Stat_t
	if err := syscall.Stat(site.Data(), &at); err != nil {
		return "", "", err
	}
	const minorBits = 8
	return group, strconv.FormatUint(at.Dev>>minorBits&0xfff, 10) + ":" + strconv.FormatUint(at.Dev&0xff, 10), nil
}

// leaderOrNot is the leader, every other time.
func leaderOrNot(ctx context.Context, scene *Scene) (Site, error) {
	leader, followers, err := scene.Leader(ctx)
	if err != nil {
		return nil, err
	}
	if scene.Random.IntN(2) == 0 {
		return leader, nil
	}
	return scene.One(followers), nil
}

// usedIn is what the files below a directory take.
func usedIn(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		bytes += info.Size()
		return nil
	})
	return bytes, err
}

// empty removes all that is in a directory, and leaves the directory: a container has
// it.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	return err
}

// run runs a program of this machine.
func run(ctx context.Context, name string, arguments ...string) error {
	said, err := exec.CommandContext(ctx, name, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, said)
	}
	return nil
}
