package ivoa

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docker builds a JSON request around one part, so that a table shows only that.
func docker(members string) string {
	return `{"executable":{"kind":"` + KindDockerContainer + `"` + members + `}}`
}

func compute(members string) string {
	return `{"compute":{"kind":"` + KindSimpleCompute + `"` + members + `}}`
}

func TestMalformedJSONIsRefusedWithItsPlace(t *testing.T) {
	tests := map[string]struct {
		body    string
		path    string
		message string
	}{
		"empty":                 {"", "", "empty"},
		"blank":                 {"  \n", "", "empty"},
		"truncated":             {`{"executable":{"kind":"x"`, "", "too early"},
		"not an object":         {`[]`, "", "an object is wanted"},
		"null":                  {`null`, "", "an object is wanted"},
		"twice":                 {`{"data":[],"data":[]}`, "", "twice"},
		"trailing":              {`{} {}`, "", "follows"},
		"invalid UTF-8":         {"{\"meta\":\"\xff\"}", "", "UTF-8"},
		"lone surrogate":        {`{"meta":"\ud800"}`, "", ""},
		"missing kind":          {`{"executable":{}}`, "/executable/kind", "required"},
		"null kind":             {`{"executable":{"kind":null}}`, "/executable/kind", "required"},
		"kind a number":         {`{"data":[{"kind":"a"},{"kind":7}]}`, "/data/1/kind", "URI"},
		"kind empty":            {`{"data":[{"kind":""}]}`, "/data/0/kind", "URI"},
		"executable a text":     {`{"executable":"true"}`, "/executable", `an object is wanted here, not "true"`},
		"list an object":        {`{"data":{}}`, "/data", "a list is wanted"},
		"null entry":            {`{"data":[null]}`, "/data/0", "wanted here, not null"},
		"null argument":         {docker(`,"command":[null]`), "/executable/command/0", "text is wanted here, not null"},
		"nested argument":       {docker(`,"command":["a",["b"]]`), "/executable/command/1", "text is wanted"},
		"command a text":        {docker(`,"command":"ls"`), "/executable/command", `a list is wanted here, not "ls"`},
		"map a list":            {docker(`,"environment":["A=1"]`), "/executable/environment", "a map is wanted"},
		"map of maps":           {docker(`,"environment":{"A/B":{}}`), "/executable/environment/A~1B", "text is wanted"},
		"bool a text":           {docker(`,"privileged":"yes"`), "/executable/privileged", "true or false is wanted"},
		"integer a text":        {compute(`,"cores":{"min":"2"}`), "/compute/cores/min", `a whole number is wanted here, not "2"`},
		"integer a fraction":    {compute(`,"cores":{"min":2.5}`), "/compute/cores/min", "a whole number is wanted here, not 2.5"},
		"integer overflows":     {compute(`,"memory":{"max":9223372036854775808}`), "/compute/memory/max", "too large"},
		"integer overflows, e":  {compute(`,"memory":{"max":1e30}`), "/compute/memory/max", "too large"},
		"integer not exact":     {compute(`,"memory":{"max":9.007199254740993e15}`), "/compute/memory/max", "too large"},
		"int32 overflows":       {docker(`,"network":{"ports":[{"internal":{"port":4294967296}}]}`), "/executable/network/ports/0/internal/port", "32 bits"},
		"float overflows":       {`{"costs":[{"kind":"` + KindFloatCost + `","max":1e999}]}`, "/costs/0/max", "too large"},
		"float a text":          {`{"costs":[{"kind":"` + KindFloatCost + `","max":"NaN"}]}`, "/costs/0/max", "a number is wanted"},
		"NaN":                   {`{"costs":[{"kind":"` + KindFloatCost + `","max":NaN}]}`, "/costs/0/max", "not JSON"},
		"instant a date":        {`{"data":[{"kind":"k","meta":{"created":"2026-12-01"}}]}`, "/data/0/meta/created", "RFC 3339"},
		"instant a number":      {`{"data":[{"kind":"k","meta":{"created":0}}]}`, "/data/0/meta/created", "a date and time is wanted"},
		"message level in list": {`{"data":[{"kind":"k","meta":{"messages":[{"level":[]}]}}]}`, "/data/0/meta/messages/0/level", "text is wanted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := ExecutionRequest{Costs: []CostItem{}}
			_, err := Decode(JSON, []byte(test.body), Limits{}, &request)
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax)
			if test.path != "" {
				assert.Equal(t, test.path, syntax.Path)
			}
			assert.Contains(t, syntax.Message, test.message)
			assert.Equal(t, 1, syntax.Line, "%v", err)
			assert.Equal(t, ExecutionRequest{Costs: []CostItem{}}, request, "the value is left as it was")
		})
	}
}

func TestAnErrorNamesItsLine(t *testing.T) {
	bodies := map[Media]string{
		JSON: "{\"compute\":\n {\"kind\":\"" + KindSimpleCompute + "\",\n \"cores\": {\"min\":\n\"two\"}}}",
		YAML: "compute:\n  kind: " + KindSimpleCompute + "\n  cores:\n    min: two\n",
		XML:  "<offers-request>\n<compute kind=\"" + KindSimpleCompute + "\">\n<cores>\n<min>two</min></cores></compute></offers-request>",
	}
	for media, body := range bodies {
		_, err := Decode(media, []byte(body), Limits{}, &ExecutionRequest{})
		require.EqualError(t, err, `/compute/cores/min (line 4): a whole number is wanted here, not "two"`, media)
	}
}

func TestNumbersAndTruthValuesServeAsText(t *testing.T) {
	bodies := map[Media]string{
		JSON: docker(`,"command":[60,0,1.50,true],"environment":{"N":4,"B":false,"NULL":null}`),
		YAML: "executable:\n  kind: " + KindDockerContainer + "\n  command: [60, 0, 1.50, true]\n  environment: {N: 4, B: false, NULL: }\n",
	}
	for media, body := range bodies {
		var request ExecutionRequest
		notices, err := Decode(media, []byte(body), Limits{}, &request)
		require.NoError(t, err)
		require.Empty(t, notices)
		container := request.Executable.(*DockerContainer)
		assert.Equal(t, []string{"60", "0", "1.50", "true"}, container.Command)
		assert.Equal(t, map[string]string{"N": "4", "B": "false"}, container.Environment)
	}
}

func TestWholeNumbersMayHaveAPoint(t *testing.T) {
	var request ExecutionRequest
	_, err := Decode(JSON, []byte(compute(`,"cores":{"min":2.0,"max":1e3},"memory":{"min":-9223372036854775808,"max":9223372036854775807}`)), Limits{}, &request)
	require.NoError(t, err)
	simple := request.Compute.(*SimpleComputeResource)
	assert.EqualValues(t, 2, *simple.Cores.Min)
	assert.EqualValues(t, 1000, *simple.Cores.Max)
	assert.EqualValues(t, math.MinInt64, *simple.Memory.Min)
	assert.EqualValues(t, math.MaxInt64, *simple.Memory.Max)
}

func TestAbsentZeroAndNullAreToldApart(t *testing.T) {
	for body, want := range map[string]*Range{
		``:                              nil,
		`,"cores":null`:                 nil,
		`,"cores":{}`:                   {},
		`,"cores":{"min":null}`:         {},
		`,"cores":{"min":0}`:            {Min: new(int64)},
		`,"cores":{"min":0,"max":null}`: {Min: new(int64)},
	} {
		var request ExecutionRequest
		_, err := Decode(JSON, []byte(compute(body)), Limits{}, &request)
		require.NoError(t, err)
		assert.Equal(t, want, request.Compute.(*SimpleComputeResource).Cores, body)
	}
}

func TestUnknownPropertiesGiveNotice(t *testing.T) {
	bodies := map[Media]string{
		JSON: docker(`,"image":{"tag":"x"},"gpu/s":1,"labels":{"a":"b"}`),
		YAML: "executable:\n  kind: " + KindDockerContainer + "\n  image: {tag: x}\n  gpu/s: 1\n  labels: {a: b}\n",
		XML: `<offers-request><executable kind="` + KindDockerContainer + `"><image><tag>x</tag></image>
			<entry name="gpu/s">1</entry><labels><a>b</a></labels></executable></offers-request>`,
	}
	for media, body := range bodies {
		var request ExecutionRequest
		notices, err := Decode(media, []byte(body), Limits{}, &request)
		require.NoError(t, err)
		require.Len(t, notices, 2)
		assert.Equal(t, "/executable/image/tag", notices[0].Path)
		assert.Equal(t, "/executable/gpu~1s", notices[1].Path)
		assert.Equal(t, "unknown property gpu/s ignored", notices[1].Message)
		assert.NotZero(t, notices[1].Line)
		assert.Equal(t, map[string]string{"a": "b"}, request.Executable.(*DockerContainer).Labels)
	}
}

// What was probably meant is a property that isn't there: an extension beside the
// real one is none.
func TestAMisspeltPropertyIsTold(t *testing.T) {
	for body, want := range map[string]string{
		"executable: {kind: x}\nschedul: {}\n":                                                "schedule",
		"executable: {kind: x}\nschedule: {}\nschedules: {}\n":                                "",
		"executable: {kind: x}\nremark: {}\n":                                                 "",
		"compute: {kind: " + KindSimpleCompute + ", core: {min: 3}}\nexecutable: {kind: x}\n": "cores",
	} {
		var request ExecutionRequest
		notices, err := Decode(YAML, []byte(body), Limits{}, &request)
		require.NoError(t, err)
		require.Len(t, notices, 1)
		assert.Equal(t, want, notices[0].Meant, body)
		assert.NotZero(t, notices[0].Line)
	}
}

func TestNoticesAreBounded(t *testing.T) {
	body := []byte(`{"a":0`)
	for i := range 1000 {
		body = append(append(body, `,"`...), 'a'+byte(i%26), 'a'+byte(i/26%26), 'a'+byte(i/676))
		body = append(body, `":0`...)
	}
	notices, err := Decode(JSON, append(body, '}'), Limits{}, &ExecutionRequest{})
	require.NoError(t, err)
	require.Len(t, notices, maxNotices+1)
	assert.Equal(t, "more unknown properties ignored", notices[maxNotices].Message)
}

func TestUnknownKindsKeepWhatTheyCameWith(t *testing.T) {
	const body = `{"kind":"urn:new","meta":{"name":"n"},"phase":"WAITING","storage":"s","size":[1,{"x":null}],"cost":1.50}`
	for _, media := range forms() {
		var data DataResource
		notices, err := Decode(JSON, []byte(body), Limits{}, &data)
		require.NoError(t, err)
		require.Empty(t, notices)
		unknown := data.(*UnknownDataResource)
		assert.Equal(t, "n", unknown.Name())
		assert.Equal(t, "s", data.Place().Storage)
		assert.JSONEq(t, `{"size":[1,{"x":null}],"cost":1.50}`, string(unknown.Content))

		data.Base().AddMessages(Message{Text: "not supported"})
		written, err := Encode(media, data)
		require.NoError(t, err)
		var back DataResource
		_, err = Decode(media, written, Limits{}, &back)
		require.NoError(t, err)
		assert.Equal(t, data, back, "%s", written)
	}
}

func TestAbstractKindsAreUnknown(t *testing.T) {
	var data DataResource
	_, err := Decode(YAML, []byte("kind: "+Schema+"/data/abstract-data-resource.yaml\n"), Limits{}, &data)
	require.NoError(t, err)
	assert.IsType(t, &UnknownDataResource{}, data)
}

func TestUpdatesMustSayWhatAndWhere(t *testing.T) {
	for body, path := range map[string]string{
		`{"kind":"uri:enum-value-update","path":"/phase"}`:             "/value",
		`{"kind":"uri:enum-value-update","value":"ACCEPTED"}`:          "/path",
		`{"path":"/phase","value":"ACCEPTED"}`:                         "/kind",
		`{"kind":"uri:integer-delta-update","path":"/x"}`:              "/delta",
		`{"kind":"uri:integer-value-update","path":"/x","value":null}`: "/value",
	} {
		var update Update
		_, err := Decode(JSON, []byte(body), Limits{}, &update)
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, body)
		assert.Equal(t, path, syntax.Path)
	}
	var update Update
	_, err := Decode(JSON, []byte(`{"kind":"uri:string-value-update","path":"name","value":""}`), Limits{}, &update)
	require.NoError(t, err)
	assert.Equal(t, "name", update.UpdatePath())
	body, err := Encode(JSON, SetPhase(SessionAccepted))
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"uri:enum-value-update","path":"/phase","value":"ACCEPTED"}`, string(body))
}

func TestWhatIsNotOnTheWireIsRefused(t *testing.T) {
	_, err := Decode(JSON, []byte("{}"), Limits{}, &struct{}{})
	require.Error(t, err)
	_, err = Decode(JSON, []byte("{}"), Limits{}, ExecutionRequest{})
	require.Error(t, err)
	_, err = Encode(JSON, (*Session)(nil))
	require.Error(t, err)
	_, err = Encode(JSON, nil)
	require.Error(t, err)
	nan := math.NaN()
	_, err = Encode(JSON, &OfferSet{Component: Component{Costs: []CostItem{&FloatCost{Min: &nan}}}})
	require.ErrorContains(t, err, "NaN")
	_, err = Encode(XML, &OfferSet{Offers: []*Session{nil}})
	require.ErrorContains(t, err, "nil entry")
	_, err = Encode(XML, &ExecutionRequest{Components: Components{Executable: &UnknownExecutable{}}})
	require.ErrorContains(t, err, "must say its kind")
	_, err = Encode(YAML, &UnknownUpdate{Target: Target{Kind: "k"}, Content: Raw("{")})
	require.ErrorContains(t, err, "not a JSON object")
}

func TestAbsentKindsAreWritten(t *testing.T) {
	body, err := Encode(JSON, &OfferSet{Result: Yes, Offers: []*Session{{Components: Components{Executable: &Process{}}}}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"`+KindOfferSet+`","result":"YES","offers":[{"kind":"`+KindScheduledSession+`","executable":{"kind":"`+KindProcess+`"}}]}`, string(body))
}

func TestInstantsAreReadAsWrittenAndWrittenInMilliseconds(t *testing.T) {
	var session Session
	_, err := Decode(JSON, []byte(`{"kind":"`+KindSimpleSession+`","expires":"2026-12-01T02:30:00.123987+02:30"}`), Limits{}, &session)
	require.NoError(t, err)
	body, err := Encode(JSON, &session)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind":"`+KindSimpleSession+`","expires":"2026-12-01T00:00:00.123Z"}`, string(body))
}

func TestMessagesAreComplete(t *testing.T) {
	at, err := ParseInstant("2026-12-01T00:00:00.5Z")
	require.NoError(t, err)
	m := NewMessage(at, LevelWarn, MessageResourceLimit, "{asked} cores asked, {free} free", "asked", "{free}", "free", "8")
	assert.Equal(t, Message{
		Kind: MessageResourceLimit, Time: At(at), Level: LevelWarn, Template: "{asked} cores asked, {free} free",
		Values: map[string]string{"asked": "{free}", "free": "8"}, Text: "{free} cores asked, 8 free",
	}, m)
}
