package consensus

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/accounting/accountingtest"
)

func TestABucketIsAnOrderedTransaction(t *testing.T) {
	accountingtest.TestTx(t, func(t *testing.T, body func(accounting.Tx)) {
		db, err := bbolt.Open(filepath.Join(t.TempDir(), "b.db"), 0o600, boltOptions())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucket([]byte("b"))
			require.NoError(t, err)
			body(boltTx{bucket})
			return nil
		}))
	})
}
