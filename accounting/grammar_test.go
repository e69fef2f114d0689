package accounting

import (
	"fmt"
	"maps"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sequel is a command of a later version; with a note, of one later still.
type sequel struct {
	Text string `json:"text"`
	Note string `json:"note,omitempty"`
}

func (sequel) Validate() error              { return nil }
func (sequel) commandType() string          { return "sequel" }
func (sequel) apply(*state) (Result, error) { return Result{}, nil }
func (s sequel) needs() int {
	if s.Note != "" {
		return Version + 2
	}
	return Version + 1
}

// later is a program that knows more than this one.
func later(newest int) grammar {
	types := maps.Clone(ours.types)
	types["sequel"] = commandType{Version + 1, decodeAs[sequel]}
	return grammar{newest, types}
}

// Programs of several versions share a log: a newer one reads all that older ones
// wrote, writes for them what they can read, and what they can't read they refuse as
// too new, not as nonsense.
func TestEachVersionReadsThoseBeforeIt(t *testing.T) {
	old, err := Encode(VoidHold{Hold: "019a0000-0000-8000-8000-000000000001", Time: 1})
	require.NoError(t, err)
	now, err := later(Version + 2).encode(VoidHold{Hold: "019a0000-0000-8000-8000-000000000001", Time: 1})
	require.NoError(t, err)
	assert.Equal(t, string(old), string(now), "what version 1 can say is said in it")
	c, err := later(Version + 2).decode(old)
	require.NoError(t, err)
	assert.IsType(t, VoidHold{}, c)

	for command, version := range map[sequel]int{{Text: "a"}: Version + 1, {Text: "a", Note: "b"}: Version + 2} {
		data, err := later(Version + 2).encode(command)
		require.NoError(t, err)
		assert.Equal(t, version, VersionOf(data))
		c, err := later(Version + 2).decode(data)
		require.NoError(t, err)
		assert.Equal(t, command, c)
		for newest := Version; newest < version; newest++ {
			_, err = later(newest).decode(data)
			require.ErrorIs(t, err, ErrUnknownVersion, "version %d in a program of %d", version, newest)
		}
		_, err = Decode(data)
		require.ErrorIs(t, err, ErrUnknownVersion)
	}
	_, err = later(Version + 2).decode([]byte(`{"v":1,"type":"sequel","body":{"text":"a"}}`))
	require.ErrorIs(t, err, ErrUnknownType, "programs of version 1 would not take it")
	_, err = later(Version + 2).decode(fmt.Appendf(nil, `{"v":%d,"type":"sequel","body":{"text":"a","note":"b"}}`, Version+1))
	require.ErrorIs(t, err, ErrInvalid)
	for _, version := range []string{"0", "-1", strconv.Itoa(Version + 3)} {
		_, err = later(Version + 2).decode([]byte(`{"v":` + version + `,"type":"sequel","body":{"text":"a"}}`))
		require.ErrorIs(t, err, ErrUnknownVersion)
	}
}
