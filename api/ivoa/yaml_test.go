package ivoa

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestYAMLKeepsDatesAsText(t *testing.T) {
	var request ExecutionRequest
	_, err := Decode(YAML, []byte("schedule: {requested: {start: 2026-12-01, duration: PT30M}}\n"), Limits{}, &request)
	require.NoError(t, err)
	assert.Equal(t, "2026-12-01", request.Schedule.Requested.Start)
	_, err = Decode(YAML, []byte("schedule: {requested: {start: 2026-12-01T00:00:00Z}}\n"), Limits{}, &request)
	require.NoError(t, err)
	assert.Equal(t, "2026-12-01T00:00:00Z", request.Schedule.Requested.Start)
}

func TestYAMLNumbersOfEveryNotation(t *testing.T) {
	for text, want := range map[string]int64{"7": 7, "+7": 7, "0x10": 16, "0o17": 15, "1_000": 1000, "-0": 0, "2.0": 2, "!!int '7'": 7} {
		var compute ComputeResource
		_, err := Decode(YAML, []byte("kind: "+KindSimpleCompute+"\ncores: {min: "+text+"}\n"), Limits{}, &compute)
		require.NoError(t, err, text)
		assert.Equal(t, want, *compute.(*SimpleComputeResource).Cores.Min, text)
	}
	for _, text := range []string{".inf", "-.inf", ".nan", "1:30", "'7'", "!!str 7", "2.5", "~x", "18446744073709551616", "2026-12-01"} {
		var compute ComputeResource
		_, err := Decode(YAML, []byte("kind: "+KindSimpleCompute+"\ncores: {min: "+text+"}\n"), Limits{}, &compute)
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, text)
		assert.Equal(t, "/cores/min", syntax.Path)
	}
}

func TestYAMLAliasesAreFollowed(t *testing.T) {
	var request ExecutionRequest
	_, err := Decode(YAML, []byte("data:\n- &d {kind: k, meta: {name: a}}\n- *d\n"), Limits{}, &request)
	require.NoError(t, err)
	require.Len(t, request.Data, 2)
	assert.Equal(t, request.Data[0], request.Data[1])
	assert.NotSame(t, request.Data[0].Base(), request.Data[1].Base())
}

func TestDangerousYAMLIsRefused(t *testing.T) {
	for body, message := range map[string]string{
		"":                       "empty",
		"# nothing\n":            "empty",
		"---\n{}\n---\n{}\n":     "more than one",
		"a: [":                   "not YAML",
		"a: 1\na: 2\n":           "twice",
		"? [a]\n: b\n":           "a name must be",
		"x: &x {a: 1}\n<<: *x\n": "merge keys",
		"a: !!binary aGk=\n":     "tag !!binary",
		"a: !custom x\n":         "tag !custom",
		"a: !!set {x: }\n":       "tag !!set",
		"a: *nobody\n":           "not YAML",
		"a: &a [*a]\n":           "nested more than",
		"a: \"\xff\"\n":          "UTF-8",
		"%YAML 9.9\n---\na: 1\n": "not YAML",
		"[1, 2]\n":               "an object is wanted",
		"plain\n":                "an object is wanted",
	} {
		_, err := Decode(YAML, []byte(body), Limits{}, &ExecutionRequest{})
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, body)
		assert.Contains(t, syntax.Message, message, body)
	}
}

func TestYAMLIsWrittenForReadersOfYAML11Too(t *testing.T) {
	body, err := Encode(YAML, &OfferSet{
		Result:      No,
		Description: "2026-12-01: no",
		Component: Component{
			Meta:  &Metadata{Name: "0x10", Messages: []Message{{Text: "a\nb", Values: map[string]string{"on": "", "x y": "~"}}}},
			Costs: []CostItem{NewFloatCost(CostCarbon, 1e-7)},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, `kind: `+KindOfferSet+`
meta:
  name: "0x10"
  messages:
    - values:
        "on": ""
        x y: "~"
      message: "a\nb"
costs:
  - kind: `+KindFloatCost+`
    type: urn:ivoa:calycopis:cost:carbon
    min: 1.0e-07
    max: 1.0e-07
result: "NO"
description: "2026-12-01: no"
`, string(body))
}
