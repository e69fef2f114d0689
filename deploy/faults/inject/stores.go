package inject

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// A disk that tears the end off a file, or flips bits in it, while the node is down.
// The node must be unharmed by it, or say so and serve nothing; then the operator goes
// the way that it names.
func stores() []Fault {
	var all []Fault
	for _, file := range []string{"sessions.db", "state.db", "raft.db"} {
		name := strings.TrimSuffix(file, ".db")
		for _, harm := range []struct {
			name, title string
			do          func(path string, random *rand.Rand) (string, error)
		}{{"torn", "the end of %s torn off", tear}, {"flipped", "flipped bits in %s", flip}} {
			all = append(all, Fault{
				Name: harm.name + "-" + name, Title: fmt.Sprintf(harm.title, file), Runs: 1, Expects: majority,
				Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
					site, err := leaderOrNot(ctx, scene)
					if err != nil {
						return nil, err
					}
					if err := site.Stop(ctx); err != nil {
						return nil, err
					}
					damaged := &damaged{scene: scene, site: site, file: file}
					wound := &Wound{
						Heal:      damaged.heal,
						Meanwhile: damaged.starts,
					}
					if file == "sessions.db" {
						wound.Lost = []string{site.Name()}
					}
					says, err := harm.do(filepath.Join(site.Data(), file), scene.Random)
					wound.Says = fmt.Sprintf("at %s, which was down: %s", site.Name(), says)
					return wound, err
				},
			})
		}
	}
	return all
}

// page is what bbolt writes at a time here.
const page = 4096

// tear ends a file somewhere before the end of what is used of it, as a disk does that
// lost its last writes; bbolt makes room in great steps, and nothing misses that.
func tear(path string, random *rand.Rand) (string, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return "", err
	}
	var size int64
	err = db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil })
	if err := errors.Join(err, db.Close()); err != nil {
		return "", err
	}
	left := max(3*page, size-1-random.Int64N(size/2))
	return fmt.Sprintf("%s ends after %d of %d bytes", filepath.Base(path), left, size), os.Truncate(path, left)
}

// flip flips single bits in pages that hold records: there it can be mistaken for the
// truth. Which of them are in use still, nobody knows.
func flip(path string, random *rand.Rand) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var leaves []int
	for at := 2 * page; at+page <= len(data); at += page {
		const leaf, header = 0x02, 16 // of a page: its number, 8 bytes; flags, 2; count, 2; overflow, 4
		if flags, count := binary.LittleEndian.Uint16(data[at+8:]), binary.LittleEndian.Uint16(data[at+10:]); flags == leaf && count > 0 {
			leaves = append(leaves, at+header)
		}
	}
	if len(leaves) == 0 {
		return "", fmt.Errorf("%s holds no records", path)
	}
	const bits = 8
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	for range bits {
		at := leaves[random.IntN(len(leaves))] + random.IntN(page-16)
		data[at] ^= 1 << random.IntN(8)
		if _, err := file.WriteAt(data[at:at+1], int64(at)); err != nil {
			return "", errors.Join(err, file.Close())
		}
	}
	return fmt.Sprintf("%d bits of %s flipped, of %d pages with records", bits, filepath.Base(path), len(leaves)), file.Close()
}

// damaged is a node with a damaged store.
type damaged struct {
	scene *Scene
	site  Site
	file  string
}

// starts starts the node, which takes work or doesn't.
func (d *damaged) starts(ctx context.Context) error {
	if err := d.site.Start(ctx); err != nil {
		return err
	}
	const patience = 20 * time.Second
	status := 0
	err := Eventually(ctx, patience, func(ctx context.Context) (err error) {
		if status, _, err = readiness(ctx, d.site); err == nil && status/100 != 2 {
			err = fmt.Errorf("/readyz says %d", status)
		}
		return err
	})
	if err != nil {
		d.scene.Log("%s doesn't take work with that: %v", d.site.Name(), err)
		return nil
	}
	d.scene.Log("%s takes work with that", d.site.Name())
	return Wait(ctx, d.scene.Between(5*time.Second, 15*time.Second))
}

// heal goes the operator's way, whether the node has found the damage or not: a disk
// that did that is not to be trusted with the rest of the file.
func (d *damaged) heal(ctx context.Context) error {
	if err := d.site.Stop(ctx); err != nil {
		return err
	}
	if d.file == "sessions.db" {
		path := filepath.Join(d.site.Data(), d.file)
		if err := os.Rename(path, fmt.Sprintf("%s.damaged-%d", path, time.Now().UnixMilli())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return start(ctx, d.site)
	}
	if _, err := d.site.Command(ctx, "debug", "recover", "--rejoin", "--yes", "--data", dataInside); err != nil {
		return err
	}
	if err := d.scene.rejoins(d.site); err != nil {
		return err
	}
	return start(ctx, d.site)
}

// dataInside is where a node sees its data directory.
const dataInside = "/var/lib/starling"
