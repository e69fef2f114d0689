package consensus

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// Opening a file of gigabytes that doesn't tell which of its pages are free takes a
// minute.
func TestAStateThatWasClosedTellsItsFreePages(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(0)...)
	w.log.Start(t.Context())
	w.barrier()
	path := filepath.Join(w.dir, StateFile)
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	require.NoError(t, os.Chtimes(path, old, old))
	w.close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, info.ModTime().Equal(old), "what is in it is no younger: %s", info.ModTime())

	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		for page := 0; ; page++ {
			info, err := tx.Page(page)
			require.NoError(t, err)
			require.NotNil(t, info, "no page lists the free ones")
			if info.Type == "freelist" {
				return nil
			}
		}
	}))
}
