package prometheus

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the operators' page leads to is there: its own parts, and files beside it.
func TestTheOperatorsPageLeadsSomewhere(t *testing.T) {
	text, err := os.ReadFile("../OPERATORS.md")
	require.NoError(t, err)
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		anchors[anchor(heading[1])] = true
	}
	links := regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		path, part, _ := strings.Cut(link[1], "#")
		if path != "" {
			assert.FileExists(t, resolved(path), link[1])
		} else {
			assert.True(t, anchors[part], "OPERATORS.md has no part #%s", part)
		}
	}
}

// anchor is what a heading is called in a link.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^\p{L}\p{N} -]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

// resolved is a file beside the page; of a directory its own, which is there if it is.
func resolved(path string) string {
	path = filepath.Join("..", path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		entries, _ := os.ReadDir(path)
		if len(entries) > 0 {
			return filepath.Join(path, entries[0].Name())
		}
	}
	return path
}
