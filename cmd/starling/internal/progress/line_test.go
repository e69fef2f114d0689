package progress

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestATerminalHasOneLineThatChanges(t *testing.T) {
	var b strings.Builder
	l := NewLine(&b, true, 11)
	l.Show("RUNNING and more")
	l.Show("RUNNING and more")
	l.Show("DONE")
	assert.Equal(t, "\rRUNNING a…\rDONE      \b\b\b\b\b\b", b.String())

	b.Reset()
	above := l.Through(&b)
	for _, text := range []string{"ha", "lf\nthe other", " half"} {
		_, err := above.Write([]byte(text))
		require.NoError(t, err)
	}
	assert.Equal(t, "\r    \rhalf\n", b.String())
	require.NoError(t, above.Close())
	assert.Equal(t, "\r    \rhalf\nthe other half\n", b.String())
	l.Clear()
}

func TestElsewhereOnlyWhatIsSaidIsWritten(t *testing.T) {
	var b strings.Builder
	l := NewLine(&b, false, 0)
	l.Show("12 s")
	l.Say("RUNNING")
	l.Say("RUNNING")
	l.Clear()
	assert.Equal(t, "RUNNING\n", b.String())
}
