package consensus

import (
	"bytes"
	"io"

	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/consensus/consensustest"
)

// A connection is for one server of one federation. Any other's is closed, before
// raft sees anything of it.
func TestAConnectionMeantForAnotherServerIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		to, lineage, own string
		taken            bool
	}{
		"the right one":                         {"b.00000002", "f", "f", true},
		"one that has no record yet":            {"b.00000002", "f", "", true},
		"the one it was before it lost its log": {"b.00000001", "f", "", false},
		"another federation":                    {"b.00000002", "g", "f", false},
		"a majority that was given up":          {"b.00000002", "f", "f+1", false},
		"what went on without it":               {"b.00000002", "f+1", "f", false},
		"of no federation":                      {"b.00000002", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			n := consensustest.NewLoopback(1)
			lines := map[string]*line{}
			for server, lineage := range map[string]string{"a.00000001": test.lineage, "b.00000002": test.own} {
				stream, err := n.Listen(NodeOf(server))
				require.NoError(t, err)
				l := newLine(stream, server, func() string { return lineage }, func(_, joined string) string { return joined }, quiet())
				defer l.Close()
				lines[NodeOf(server)] = l
			}
			conn, err := lines["a"].Dial(destination(test.to, "b:1"), time.Minute)
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write([]byte("raft"))
			require.NoError(t, err)
			accepted, err := lines["b"].Accept()
			require.NoError(t, err)
			got := make([]byte, 4)
			_, err = io.ReadFull(accepted, got)
			if test.taken {
				require.NoError(t, err)
				assert.Equal(t, "raft", string(got))
			} else {
				require.Error(t, err)
			}
			require.NoError(t, accepted.Close())
		})
	}
}

func FuzzGreeting(f *testing.F) {
	data, _ := greeting{"a.00000001", "f"}.encode()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := readGreeting(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := g.encode()
		require.NoError(t, err)
		assert.Equal(t, again, data[:len(again)])
	})
}
