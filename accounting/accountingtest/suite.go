package accountingtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/accounting"
)

// TestTx holds an implementation to what accounting.Tx says. The function
// given runs a body in a fresh, empty transaction.
func TestTx(t *testing.T, in func(t *testing.T, body func(accounting.Tx))) {
	t.Run("an absent key is nil and an empty value is not", func(t *testing.T) {
		in(t, func(tx accounting.Tx) {
			require.NoError(t, tx.Put([]byte("k"), []byte{}))
			assert.NotNil(t, tx.Get([]byte("k")))
			assert.Empty(t, tx.Get([]byte("k")))
			assert.Nil(t, tx.Get([]byte("j")))
			assert.Nil(t, tx.Get([]byte("kk")))
		})
	})
	t.Run("the last put counts and deleting twice is no error", func(t *testing.T) {
		in(t, func(tx accounting.Tx) {
			require.NoError(t, tx.Put([]byte("k"), []byte("1")))
			require.NoError(t, tx.Put([]byte("k"), []byte("2")))
			assert.Equal(t, "2", string(tx.Get([]byte("k"))))
			require.NoError(t, tx.Delete([]byte("k")))
			require.NoError(t, tx.Delete([]byte("k")))
			assert.Nil(t, tx.Get([]byte("k")))
		})
	})
	t.Run("scans are ordered, half open, both ways, and can stop", func(t *testing.T) {
		in(t, func(tx accounting.Tx) {
			for _, k := range []string{"b", "a\x00", "c", "a", "ab", "\xff\xff", "d"} {
				require.NoError(t, tx.Put([]byte(k), []byte(k)))
			}
			cases := []struct {
				name string
				in   accounting.Range
				want []string
			}{
				{"all", accounting.Range{}, []string{"a", "a\x00", "ab", "b", "c", "d", "\xff\xff"}},
				{"all back", accounting.Range{Reverse: true}, []string{"\xff\xff", "d", "c", "b", "ab", "a\x00", "a"}},
				{"prefix", accounting.Prefix([]byte("a")), []string{"a", "a\x00", "ab"}},
				{"prefix of the last", accounting.Prefix([]byte("\xff")), []string{"\xff\xff"}},
				{"half open", span("b", "d", false), []string{"b", "c"}},
				{"half open back", span("b", "d", true), []string{"c", "b"}},
				{"bounds that are no keys", span("aa", "cc", true), []string{"c", "b", "ab"}},
				{"past the end", span("e", "f", true), nil},
				{"before the beginning", span("A", "B", true), nil},
				{"reversed bounds", span("d", "b", false), nil},
				{"reversed bounds back", span("d", "b", true), nil},
			}
			for _, c := range cases {
				assert.Equal(t, c.want, scan(tx, c.in), c.name)
			}
			for k := range tx.Scan(accounting.Range{}) {
				assert.Equal(t, "a", string(k))
				break
			}
		})
	})
	t.Run("it agrees with a map whatever is done", func(t *testing.T) {
		in(t, func(tx accounting.Tx) {
			model := NewMap()
			rapid.Check(t, func(rt *rapid.T) {
				key := rapid.SliceOfN(rapid.ByteRange('a', 'd'), 1, 3)
				rt.Repeat(map[string]func(*rapid.T){
					"put": func(rt *rapid.T) {
						k, v := key.Draw(rt, "key"), rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(rt, "value")
						require.NoError(rt, model.Put(k, v))
						require.NoError(rt, tx.Put(k, v))
					},
					"delete": func(rt *rapid.T) {
						k := key.Draw(rt, "key")
						require.NoError(rt, model.Delete(k))
						require.NoError(rt, tx.Delete(k))
					},
					"scan": func(rt *rapid.T) {
						r := accounting.Range{
							From: key.Draw(rt, "from"), To: key.Draw(rt, "to"), Reverse: rapid.Bool().Draw(rt, "reverse"),
						}
						require.Equal(rt, scan(model, r), scan(tx, r))
					},
					"": func(rt *rapid.T) { require.Equal(rt, string(Dump(model)), string(Dump(tx))) },
				})
			})
		})
	})
}

func span(from, to string, reverse bool) accounting.Range {
	return accounting.Range{From: []byte(from), To: []byte(to), Reverse: reverse}
}

func scan(view accounting.View, r accounting.Range) (keys []string) {
	for k := range view.Scan(r) {
		keys = append(keys, string(k))
	}
	return keys
}
