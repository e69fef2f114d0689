package ivoa

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestContentTypesAreKnownByNameAndSuffix(t *testing.T) {
	known := map[string]Media{
		"": JSON, "application/json": JSON, "application/json; charset=utf-8": JSON, "application/ld+json": JSON,
		"application/yaml": YAML, "text/yaml": YAML, "application/x-yaml": YAML, "APPLICATION/YAML": YAML, "application/vnd.x+yaml": YAML,
		"application/xml": XML, "text/xml;charset=UTF-8": XML, "application/soap+xml": XML,
	}
	for contentType, want := range known {
		got, ok := MediaOf(contentType)
		assert.True(t, ok, contentType)
		assert.Equal(t, want, got, contentType)
	}
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "json", "application/", "application/json;;=", "image/svg", "+json/x"} {
		_, ok := MediaOf(contentType)
		assert.False(t, ok, contentType)
	}
}

func TestNegotiationFollowsQValues(t *testing.T) {
	tests := map[string]Media{
		"":                     JSON,
		"*/*":                  JSON,
		"application/*":        JSON,
		"application/json":     JSON,
		"application/yaml":     YAML,
		"text/yaml, */*;q=0.1": YAML,
		"application/xml":      XML,
		"text/*":               YAML,
		"application/xml;q=0.9, application/yaml;q=0.5":                   XML,
		"application/json;q=0, */*":                                       YAML,
		"*/*, application/json;q=0":                                       YAML,
		"application/json;q=0.2, application/yaml;q=0.3, */*;q=0.9":       XML,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": XML,
		"text/html, */*;q=0.1":                                            JSON,
		"application/json;q=nonsense, application/yaml;q=0.1":             YAML,
		",, application/yaml":                                             YAML,
	}
	for accept, want := range tests {
		got, ok := Negotiate(accept)
		assert.True(t, ok, accept)
		assert.Equal(t, want, got, accept)
	}
}

func TestNothingAcceptableIsSaid(t *testing.T) {
	for _, accept := range []string{"text/html", "*/*;q=0", "application/json;q=0", "garbage", ",", "text/plain, " + strings.Repeat("image/png,", 1000) + "application/json"} {
		_, ok := Negotiate(accept)
		assert.False(t, ok, accept)
	}
}
