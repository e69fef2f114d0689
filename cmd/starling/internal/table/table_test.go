package table

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestColumnsAreAsWideAsTheirContents(t *testing.T) {
	tab := New(Column{Name: "name"}, Column{Name: "gpus", Right: true, Optional: true}, Column{Name: "bytes", Right: true}, Column{Name: "about", Flexible: true})
	tab.Add("é.fits", "", "12", "short")
	tab.Add("long-name.fits", "", "123456", strings.Repeat("word ", 10))
	tab.Below("below the row, and as long as it likes to be")

	var b strings.Builder
	require.NoError(t, tab.Write(&b, 40))
	assert.Equal(t, `
NAME             BYTES  ABOUT
é.fits              12  short
long-name.fits  123456  word word word …
   below the row, and as long as it
   likes to be
`[1:], b.String())
}

func TestATableWithoutAScreenIsNotCut(t *testing.T) {
	tab := New(Column{Name: "about", Flexible: true})
	tab.Add(strings.Repeat("x", 200))
	var b strings.Builder
	require.NoError(t, tab.Write(&b, 0))
	assert.Contains(t, b.String(), strings.Repeat("x", 200))
	assert.Equal(t, 1, tab.Len())
}
