package inject

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The issue asks for this many runs; names go into file names.
func TestFaultsAreNamedCountedAndTold(t *testing.T) {
	seen, word := map[string]bool{}, regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9.]+)*$`)
	for _, fault := range All() {
		assert.Regexp(t, word, fault.Name)
		assert.False(t, seen[fault.Name], "two faults are called %s", fault.Name)
		seen[fault.Name] = true
		assert.NotEmpty(t, fault.Title, fault.Name)
		assert.Positive(t, fault.Runs, fault.Name)
		assert.NotNil(t, fault.Inject, fault.Name)
	}
}
