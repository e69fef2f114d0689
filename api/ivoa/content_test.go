package ivoa

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestALocationSaysWhatIsThere(t *testing.T) {
	sum := strings.Repeat("aB", 32)
	for location, want := range map[string]Content{
		"https://h/x?y":                         {Location: "https://h/x?y"},
		"https://h/x#sha256=" + sum:             {Location: "https://h/x", SHA256: strings.ToLower(sum)},
		"https://h/x#size=42":                   {Location: "https://h/x", Bytes: 42},
		"https://h/x#size=42&sha256=" + sum:     {Location: "https://h/x", SHA256: strings.ToLower(sum), Bytes: 42},
		"https://h/x#page-3":                    {Location: "https://h/x"},
		"https://h/x#sha256=" + sum + "&more=1": {Location: "https://h/x", SHA256: strings.ToLower(sum)},
	} {
		got, err := ParseContent(location)
		assert.NoError(t, err, location)
		assert.Equal(t, want, got, location)
	}
	for location, why := range map[string]string{
		"https://h/x#sha256=beef":            "64 hexadecimal digits",
		"https://h/x#size=-1":                "a number of bytes",
		"https://h/x#size=1GiB":              "a number of bytes",
		"https://h/x#size=1e3&sha256=" + sum: "a number of bytes",
	} {
		got, err := ParseContent(location)
		assert.ErrorContains(t, err, why, location)
		assert.Equal(t, "https://h/x", got.Location)
	}
}
