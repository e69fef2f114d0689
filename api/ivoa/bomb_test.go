package ivoa

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// billion is ten lists, each of ten aliases of the one before.
func billion() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [" + strings.Repeat("x,", 10) + "]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	return b.String()
}

func TestBombsAreRefused(t *testing.T) {
	const mega = 1 << 20
	command := `{"executable":{"kind":"` + KindDockerContainer + `","command":[` + strings.Repeat(`"a",`, 10_000) + `"a"]}}`
	tests := map[string]struct {
		media   Media
		body    string
		message string
	}{
		"json depth":         {JSON, strings.Repeat("[", mega/2), "nested more than 32"},
		"json objects":       {JSON, strings.Repeat(`{"a":`, mega/6), "nested more than 32"},
		"json values":        {JSON, "[" + strings.Repeat("0,", mega/2-10) + "0]", "more than 100000 values"},
		"json entries":       {JSON, command, "more than 10000 entries"},
		"json entries apart": {JSON, `{"data":[` + strings.Repeat(`{"kind":"k","x":[0,0,0]},`, 2600) + `{"kind":"k"}]}`, "more than 10000 entries"},
		"json map":           {JSON, `{"executable":{"kind":"` + KindProcess + `","environment":{` + manyNames() + `}}}`, "more than 10000 entries"},
		"yaml laughs":        {YAML, billion(), "more than 100000 values"},
		"yaml itself":        {YAML, "a: &a {b: *a}\n", "nested more than 32"},
		"yaml itself, wide":  {YAML, "a: &a [*a, *a, *a, *a]\n", "nested more than 32"},
		"yaml long aliases":  {YAML, "a: &a " + strings.Repeat("x", mega/4) + "\nb: [*a, *a, *a, *a, *a]\n", "bytes long"},
		"yaml depth":         {YAML, strings.Repeat("[", mega/2), ""},
		"yaml indents":       {YAML, indents(1000), "nested more than 32"},
		"yaml dashes":        {YAML, strings.Repeat("- ", mega/4) + "x", ""},
		"yaml keys":          {YAML, strings.Repeat("? ", mega/4) + "x", ""},
		"yaml braces":        {YAML, strings.Repeat("{a: ", mega/8), ""},
		"yaml values":        {YAML, "[" + strings.Repeat("0,", mega/2-10) + "0]", "more than 100000 values"},
		"xml depth":          {XML, strings.Repeat("<a>", mega/4), "nested more than 32"},
		"xml laughs":         {XML, `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>`, "document types"},
		"xml elements":       {XML, "<x>" + strings.Repeat("<a/>", mega/5) + "</x>", "more than 100000 values"},
		"xml attributes":     {XML, "<x " + strings.Repeat("a='' ", mega/6) + "/>", "more than 100000 values"},
		"xml entries":        {XML, `<offers-request><executable kind="` + KindDockerContainer + `">` + strings.Repeat("<command/>", 10_001) + "</executable></offers-request>", "more than 10000 entries"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(test.body), mega)
			_, err := Decode(test.media, []byte(test.body), Limits{}, &ExecutionRequest{})
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Contains(t, syntax.Message, test.message)
			assert.Equal(t, strings.Contains(test.message, "more than") || strings.Contains(test.message, "bytes"), syntax.Limit && test.message != "")
			assert.Less(t, len(err.Error()), 1000)
		})
	}
}

func manyNames() string {
	names := make([]string, 10_001)
	for i := range names {
		names[i] = fmt.Sprintf(`"N%d":""`, i)
	}
	return strings.Join(names, ",")
}

func indents(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// Many small things that join must not cost the square of their number.
func TestFragmentsAreReadInLinearTime(t *testing.T) {
	comments := `<offers-request><executable kind="` + KindSingularityContainer + `"><location>` + strings.Repeat("a<!---->", 100_000) + "</location></executable></offers-request>"
	var request ExecutionRequest
	_, err := Decode(XML, []byte(comments), Limits{}, &request)
	require.NoError(t, err)
	assert.Len(t, request.Executable.(*SingularityContainer).Location, 100_000)
}

func TestBodiesBeyondTheLimitAreRefused(t *testing.T) {
	for _, media := range forms() {
		_, err := Decode(media, make([]byte, 1<<20+1), Limits{}, &ExecutionRequest{})
		require.ErrorIs(t, err, ErrTooLarge)
		_, err = Decode(media, make([]byte, 11), Limits{Bytes: 10}, &ExecutionRequest{})
		require.ErrorIs(t, err, ErrTooLarge)
	}
}

func TestLimitsAreTheCallersToSet(t *testing.T) {
	body := []byte(`{"data":[{"kind":"a"},{"kind":"b"}]}`)
	for limits, ok := range map[Limits]bool{
		{}:           true,
		{Depth: 4}:   true,
		{Depth: 3}:   false,
		{Entries: 2}: true,
		{Entries: 1}: false,
		{Values: 6}:  true,
		{Values: 5}:  false,
	} {
		_, err := Decode(JSON, body, limits, &ExecutionRequest{})
		assert.Equal(t, ok, err == nil, "%+v: %v", limits, err)
	}
}
