package inject

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// A disk that tears the end off a file, or flips bits in it, while the node is down.
// The node must be unharmed by it, or say so and serve nothing; then the operator goes
// the way that it names. A value of state.db that was changed must not be served.
func stores() (all []Fault) {
	for _, harm := range []harm{
		{name: "torn-sessions", title: "the end of sessions.db torn off", file: "sessions.db", do: tear},
		{name: "flipped-sessions", title: "flipped bits in sessions.db", file: "sessions.db", do: flip},
		{name: "torn-state", title: "the end of state.db torn off", file: "state.db", do: tear},
		{name: "flipped-state", title: "flipped bits in values of state.db", file: "state.db", do: flipValues, fatal: true},
		{name: "torn-raft", title: "the end of raft.db torn off", file: "raft.db", do: tear},
		{name: "flipped-raft", title: "flipped bits in raft.db", file: "raft.db", do: flip},
	} {
		all = append(all, Fault{Name: harm.name, Title: harm.title, Runs: 1, Expects: majority, Inject: harm.inject})
	}
	return all
}

// harm is what a disk does to a file.
type harm struct {
	name, title, file string
	do                func(path string, random *rand.Rand) (says string, err error)
	fatal             bool // the node must refuse to start
}

func (h harm) inject(ctx context.Context, scene *Scene) (*Wound, error) {
	site, err := leaderOrNot(ctx, scene)
	if err != nil {
		return nil, err
	}
	if err := site.Stop(ctx); err != nil {
		return nil, err
	}
	damaged := &damaged{scene: scene, site: site, harm: h}
	wound := &Wound{Heal: damaged.heal, Meanwhile: damaged.starts}
	if h.file == "sessions.db" {
		wound.Lost = []string{site.Name()}
	}
	says, err := h.do(filepath.Join(site.Data(), h.file), scene.Random)
	wound.Says = fmt.Sprintf("at %s, which was down: %s", site.Name(), says)
	return wound, err
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

// flipValues flips a bit in each of some values that are in use: those of history and
// ledger. What a file holds twice, of which one is no longer in use, is flipped twice.
func flipValues(path string, random *rand.Rand) (string, error) {
	const values = 8
	rows, err := rowsOf(path, "state")
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", fmt.Errorf("%s holds no history", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	for range values {
		row := rows[random.IntN(len(rows))]
		at, bit := len(row.key)+random.IntN(len(row.value)), byte(1)<<random.IntN(8)
		whole := append(row.key, row.value...)
		for from := bytes.Index(data, whole); from >= 0; from = bytes.Index(data, whole) {
			data[from+at] ^= bit
			if _, err := file.WriteAt(data[from+at:from+at+1], int64(from+at)); err != nil {
				return "", errors.Join(err, file.Close())
			}
		}
	}
	return fmt.Sprintf("bits flipped in up to %d of %d values of %s", values, len(rows), filepath.Base(path)), file.Close()
}

type row struct{ key, value []byte }

// rowsOf are the rows of a bucket that have a value.
func rowsOf(path, bucket string) (rows []row, err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return fmt.Errorf("%s has no bucket %q", path, bucket)
		}
		return b.ForEach(func(k, v []byte) error {
			if len(v) > 0 {
				rows = append(rows, row{bytes.Clone(k), bytes.Clone(v)})
			}
			return nil
		})
	})
	return rows, errors.Join(err, db.Close())
}

// damaged is a node with a damaged store.
type damaged struct {
	scene *Scene
	site  Site
	harm  harm
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
	if d.harm.fatal {
		return fmt.Errorf("%s takes work with %s damaged", d.site.Name(), d.harm.file)
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
	if d.harm.file == "sessions.db" {
		path := filepath.Join(d.site.Data(), d.harm.file)
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
