package docker

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa/imagename"
)

const prefix = `{"kind":"` + Kind + `","image":{"locations":["a/b:1"]}`

func TestExecutablesAreChecked(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"other kind":      {`{"kind":"x","image":{"locations":["a"]}}`, "not run here"},
		"no image":        {`{"kind":"` + Kind + `"}`, "0 locations"},
		"bad location":    {`{"kind":"` + Kind + `","image":{"locations":["../../containers/x"]}}`, "no name of an image"},
		"too many":        {`{"kind":"` + Kind + `","image":{"locations":[` + strings.Repeat(`"a",`, 32) + `"a"]}}`, "33 locations"},
		"bad digest":      {`{"kind":"` + Kind + `","image":{"locations":["a"],"digest":"sha256:xyz"}}`, "64 hexadecimal digits"},
		"privileged":      {prefix + `,"privileged":true}`, "privileged"},
		"reserved label":  {prefix + `,"labels":{"calycopis-broker-root":"/"}}`, "urn:reserved-label"},
		"bad variable":    {prefix + `,"environment":{"A=B":"c"}}`, "no name for an environment variable"},
		"zero byte":       {prefix + `,"command":["a\u0000"]}`, "zero byte"},
		"object":          {prefix + `,"command":[{}]}`, "want a string"},
		"too long":        {prefix + `,"command":["` + strings.Repeat("x", 128<<10) + `"]}`, "too long"},
		"bad protocol":    {prefix + `,"network":{"ports":[{"internal":{"port":80},"protocol":"IPX"}]}}`, "no protocol"},
		"no port":         {prefix + `,"network":{"ports":[{"protocol":"TCP"}]}}`, "no number of a port"},
		"named twice":     {prefix + `,"command":["a"],"command":["b"]}`, "duplicate"},
		"not an object":   {`[]`, "read the executable"},
		"too many labels": {prefix + `,"command":[` + strings.Repeat(`"a",`, 5000) + `"a"]}`, "more than"},
	} {
		_, err := parse([]byte(c.text))
		assert.ErrorContains(t, err, c.want, name)
	}
	e, err := parse([]byte(prefix + `,"command":["a",1.5],"entrypoint":"/x","network":{"ports":[{"internal":{"port":80}}]},"meta":{"name":"n"}}`))
	require.NoError(t, err)
	assert.Equal(t, "TCP", e.Network.Ports[0].Protocol)
}

func TestPlatformsHaveManyNames(t *testing.T) {
	assert.Equal(t, Platform{OS: "linux", Architecture: "amd64"}, Platform{}.complete())
	assert.Equal(t, Platform{}.complete(), Platform{Architecture: "x86_64"}.complete())
	assert.NotEqual(t, Platform{}.complete(), Platform{Architecture: "aarch64"}.complete())
}

// Whatever is read can be planned without a panic, and is bounded.
func FuzzExecutable(f *testing.F) {
	f.Add([]byte(prefix + `}`))
	f.Add([]byte(prefix + `,"privileged":false,"command":["a",1,true],"entrypoint":"/x","environment":{"A":1},"labels":{"l":"v"},"network":{"ports":[{"access":true,"internal":{"port":80},"protocol":"http","path":"/a b?c"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parse(text)
		if err != nil {
			return
		}
		assert.NotEmpty(t, e.Image.Locations)
		for _, location := range e.Image.Locations {
			name, err := imagename.Parse(location)
			require.NoError(t, err)
			assert.NotContains(t, name.String(), "..")
		}
	})
}
