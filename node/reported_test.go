package node

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
)

// A session with thousands of files is not written anew, with all of them, for
// each of its reports; and a crash forgets none.
func TestFilesAreNoPartOfASessionsRecord(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		d := w.takeWork()
		size := func() int {
			stored, err := w.stored(alice, toRead, id(t, s))
			require.NoError(t, err)
			text, err := json.Marshal(stored)
			require.NoError(t, err)
			return len(text)
		}
		before := size()
		const reports, each = 5, 500
		for r := range reports {
			var updates []despatch.Update
			for i := range each {
				updates = append(updates, despatch.Update{Key: fmt.Sprintf("%d-%d", r, i), Type: despatch.FileSeen,
					File: &despatch.File{Name: fmt.Sprintf("f%d-%d", r, i), Bytes: 1}})
			}
			_, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: updates}, 0)
			require.NoError(t, err)
		}
		assert.Equal(t, before, size())
		w.crash()
		files, err := w.Files(context.Background(), alice, id(t, s))
		require.NoError(t, err)
		assert.Len(t, files, reports*each)

		// What is known of a file is replaced, not added, and of another attempt's
		// files nothing is left.
		done := abandoned(d, 0)
		done.Files = []despatch.File{{Name: "f0-0", Bytes: 7, Role: despatch.RoleOutput}}
		_, err = w.complete(d, done)
		require.NoError(t, err)
		files, err = w.Files(context.Background(), alice, id(t, s))
		require.NoError(t, err)
		require.Len(t, files, reports*each)
		assert.EqualValues(t, 7, files[0].Bytes)
		w.register()
		w.takeWork()
		files, err = w.Files(context.Background(), alice, id(t, s))
		require.NoError(t, err)
		assert.Empty(t, files)
	})
}
