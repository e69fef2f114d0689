package consensus

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/accounting"
	"starling/accounting/accountingtest"
)

// A layer over a state reads as the state with the layer's rows written to it, in
// any range and both directions.
func TestALayerReadsAsIfItWereWritten(t *testing.T) {
	keys := rapid.StringMatching("[a-c]{1,3}")
	rapid.Check(t, func(t *rapid.T) {
		under, want := accountingtest.NewMap(), accountingtest.NewMap()
		for _, k := range rapid.SliceOf(keys).Draw(t, "below") {
			require.NoError(t, under.Put([]byte(k), []byte("below")))
			require.NoError(t, want.Put([]byte(k), []byte("below")))
		}
		var over layer
		written := map[string]bool{}
		for i, list := range rapid.SliceOfN(rapid.SliceOfN(keys, 1, 5), 0, 12).Draw(t, "above") {
			rows := map[string]bool{}
			for _, k := range list {
				rows[k], written[k] = true, true
			}
			var one tier
			for _, k := range slices.Sorted(maps.Keys(rows)) {
				value := []byte(fmt.Sprint("above ", i))
				one.add([]byte(k), value)
				require.NoError(t, want.Put([]byte(k), value))
			}
			over = over.with(one)
		}
		view := layered{under, over}
		require.Equal(t, string(accountingtest.Dump(want)), string(accountingtest.Dump(view)))
		for k := range written {
			require.True(t, view.Pending([]byte(k)))
		}
		k := []byte(keys.Draw(t, "key"))
		require.Equal(t, want.Get(k), view.Get(k))
		require.Equal(t, written[string(k)], view.Pending(k))
		r := accounting.Range{From: []byte(keys.Draw(t, "from")), Reverse: rapid.Bool().Draw(t, "reverse")}
		if rapid.Bool().Draw(t, "bounded") {
			r.To = []byte(keys.Draw(t, "to"))
		}
		most := rapid.IntRange(1, 40).Draw(t, "most")
		require.Equal(t, scanned(want, r, most), scanned(view, r, most))
	})
}

// scanned is the beginning of a range.
func scanned(view accounting.View, r accounting.Range, most int) (rows []string) {
	for k, v := range view.Scan(r) {
		if rows = append(rows, fmt.Sprintf("%s=%s", k, v)); len(rows) == most {
			break
		}
	}
	return rows
}

// Who reads a layer is not disturbed by those who put more over it, and many
// small additions don't make many tiers.
func TestALayerNeverChanges(t *testing.T) {
	var layers []layer
	var now layer
	for n := range 300 {
		var one tier
		one.add([]byte(fmt.Sprintf("%03d", n)), []byte("x"))
		one.add([]byte("last"), []byte(fmt.Sprint(n)))
		now = now.with(one)
		layers = append(layers, now)
		require.LessOrEqual(t, len(now.tiers), 10)
	}
	for n, l := range layers {
		view := layered{accountingtest.NewMap(), l}
		require.Len(t, scanned(view, accounting.Range{}, 1000), n+2)
		require.Equal(t, fmt.Sprint(n), string(view.Get([]byte("last"))))
	}
	require.Greater(t, now.size(), 300*rowOverhead)
	require.Less(t, now.size(), 302*(rowOverhead+16), "what was replaced takes no room")
}
