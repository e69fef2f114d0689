package node

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/node/config"
	"starling/scheduling"
)

var asked = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// read decodes a request as it comes, in YAML, and understands it.
func read(t testing.TB, yaml string) (*question, error) {
	t.Helper()
	yaml = strings.NewReplacer("KIND", "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds").Replace(yaml)
	var req ivoa.ExecutionRequest
	notices, err := ivoa.Decode(ivoa.YAML, []byte(yaml), ivoa.DefaultLimits(), &req)
	require.NoError(t, err)
	return understand(&req, notices, asked, config.Default(true).Offers)
}

const program = "executable: {kind: 'urn:starling:executable:process-1.0', command: [\"true\"]}\n"

func compute(rest string) string {
	return program + "compute: {kind: KIND/compute/simple-compute-resource.yaml, " + rest + "}\n"
}

func storage(rest string) string {
	return "{kind: KIND/storage/simple-storage-resource.yaml, " + rest + "}"
}

func data(rest string) string {
	return "{kind: KIND/data/simple-data-resource.yaml, location: 'http://127.0.0.1/x', " + rest + "}"
}

func volume(rest string) string {
	return compute("volumes: [{kind: KIND/volume/simple-volume-mount.yaml, " + rest + "}]")
}

// Promise 9: each objection is a complete message.
// An offer that leaves out what the user asked for is none: a misspelt property
// makes it NO, with the line; what no property is like is only remarked.
func TestPromise9AMisspeltPropertyIsNo(t *testing.T) {
	understood := func(n ivoa.Notice) *question {
		q, err := understand(request(1), []ivoa.Notice{n}, time.Now(), config.Default(true).Offers)
		require.NoError(t, err)
		return q
	}
	q := understood(ivoa.Notice{Path: "/schedul", Line: 3, Message: "unknown property schedul ignored", Meant: "schedule"})
	require.Len(t, q.objections, 1)
	assert.Equal(t, "line 3: /schedul: unknown property schedul ignored; did you mean schedule?", q.objections[0].Text)
	q = understood(ivoa.Notice{Path: "/mood", Message: "unknown property mood ignored"})
	assert.Empty(t, q.objections)
	require.Len(t, q.remarks, 1)
	assert.Equal(t, "/mood: unknown property mood ignored", q.remarks[0].Text)
}

func TestPromise9ObjectionsAreComplete(t *testing.T) {
	for name, c := range map[string]struct{ request, kind, text string }{
		"nothing to run":   {"compute: {kind: KIND/compute/simple-compute-resource.yaml}", ivoa.MessageExecutableRequired, "the request has no executable: say what to run"},
		"no program":       {"executable: {kind: 'urn:starling:executable:process-1.0'}", ivoa.MessageMissingRequiredValue, "/executable/command is missing: name the program to run, and its arguments"},
		"NUL":              {`executable: {kind: 'urn:starling:executable:process-1.0', command: ["a", "b\0"]}`, ivoa.MessageInvalidValue, "/executable/command/1 holds a NUL character"},
		"environment":      {`executable: {kind: 'urn:starling:executable:process-1.0', command: [a], environment: {"a=b": c}}`, ivoa.MessageInvalidValue, `/executable/environment: "a=b" can't be set in an environment`},
		"no image":         {"executable: {kind: KIND/executable/docker-container.yaml}", ivoa.MessageMissingRequiredValue, "/executable/image/locations is missing: name at least one place to pull the image from"},
		"privileged":       {"executable: {kind: KIND/executable/docker-container.yaml, image: {locations: [a]}, privileged: true}", ivoa.MessageNotSupported, "/executable/privileged: no container runs privileged here"},
		"reserved label":   {"executable: {kind: KIND/executable/docker-container.yaml, image: {locations: [a]}, labels: {calycopis-broker-x: y}}", ivoa.MessageReservedLabel, "label calycopis-broker-x: names that begin with calycopis-broker- are the broker's own"},
		"notebook":         {"executable: {kind: KIND/executable/jupyter-notebook.yaml}", ivoa.MessageMissingRequiredValue, "/executable/location is missing"},
		"unknown compute":  {program + "compute: {kind: KIND/compute/abstract-compute-resource.yaml}", ivoa.MessageUnknownType, "is no kind of compute resource that this broker knows"},
		"unknown storage":  {program + "storage: [{kind: KIND/storage/abstract-storage-resource.yaml}]", ivoa.MessageUnknownType, "is no kind of storage resource that this broker knows"},
		"unknown data":     {program + "data: [{kind: KIND/data/abstract-data-resource.yaml}]", ivoa.MessageUnknownType, "is no kind of data resource that this broker knows"},
		"unknown volume":   {compute("volumes: [{kind: KIND/volume/abstract-volume-mount.yaml}]"), ivoa.MessageUnknownType, "is no kind of volume that this broker knows"},
		"unknown cost":     {program + "costs: [{kind: KIND/costs/abstract-cost.yaml}]", ivoa.MessageUnknownType, "is no kind of cost that this broker knows"},
		"unknown metric":   {program + "metrics: [{kind: KIND/metrics/abstract-metric.yaml}]", ivoa.MessageUnknownType, "is no kind of metric that this broker knows"},
		"negative cores":   {compute("cores: {min: -1}"), ivoa.MessageInvalidValue, "/compute/cores/min is -1: it must be more than nothing"},
		"no cores at all":  {compute("cores: {max: 0}"), ivoa.MessageInvalidValue, "/compute/cores/max is 0: it must be more than nothing"},
		"reversed memory":  {compute("memory: {min: 4, max: 2}"), ivoa.MessageInvalidValue, "/compute/memory: min 4 is more than max 2"},
		"absurd cores":     {compute("cores: {min: 9223372036854775807}"), ivoa.MessageResourceLimit, "/compute/cores/min is 9223372036854775807: no site has as much"},
		"storage in all":   {program + "storage: [" + storage("size: {min: 1099511627776}") + "," + storage("size: {min: 1}") + "]", ivoa.MessageResourceLimit, "the storage resources add up to 1099511627777 GiB, which no site has"},
		"two of one name":  {program + "storage: [" + storage("meta: {name: a}") + "," + storage("meta: {name: a}") + "]", ivoa.MessageDuplicateResource, "two components are called a: names must differ, since other components refer to them"},
		"dangling storage": {program + "data: [" + data("storage: nowhere") + "]", ivoa.MessageResourceNotFound, "/data/0/storage refers to nowhere, but no component of the request is called that"},
		"dangling data":    {program + "storage: [" + storage("data: [nothing]") + "]", ivoa.MessageResourceNotFound, "/storage/0/data/0 refers to nothing, but no component of the request is called that"},
		"data in data":     {program + "data: [" + data("meta: {name: a}, storage: a") + "]", ivoa.MessageInvalidValue, "/data/0/storage refers to a, which is no storage resource"},
		"claimed twice":    {program + "storage: [" + storage("meta: {name: s}, data: [d]") + "," + storage("meta: {name: r}") + "]\ndata: [" + data("meta: {name: d}, storage: r") + "]", ivoa.MessageInvalidValue, "/storage/0/data/0 refers to d, which says that it is in another storage resource"},
		"no location":      {program + "data: [{kind: KIND/data/simple-data-resource.yaml}]", ivoa.MessageMissingRequiredValue, "/data/0/location is missing"},
		"no URL":           {program + "data: [{kind: KIND/data/simple-data-resource.yaml, location: table.fits}]", ivoa.MessageInvalidValue, "/data/0/location is no URL"},
		"bad checksum":     {program + "data: [{kind: KIND/data/simple-data-resource.yaml, location: 'http://127.0.0.1/x#sha256=beef'}]", ivoa.MessageInvalidValue, "/data/0/location: what follows #sha256= must be 64 hexadecimal digits"},
		"negative data":    {program + "data: [{kind: KIND/data/skao-data-resource.yaml, skao: {datasize: -1}}]", ivoa.MessageInvalidValue, "/data/0: -1 bytes is no size of data"},
		"relative mount":   {volume("path: data, resource: x"), ivoa.MessageInvalidValue, `/compute/volumes/0/path is "data": a volume is mounted at an absolute path without ..`},
		"climbing mount":   {volume("path: /a/../b, resource: x"), ivoa.MessageInvalidValue, `/compute/volumes/0/path is "/a/../b": a volume is mounted at an absolute path without ..`},
		"mount of nothing": {volume("path: /a"), ivoa.MessageMissingRequiredValue, "/compute/volumes/0/resource is missing: name the data or storage resource to mount"},
		"strange mode":     {volume("path: /a, mode: APPEND, resource: x"), ivoa.MessageInvalidValue, `/compute/volumes/0/mode is "APPEND": a volume is READONLY or READWRITE`},
		"no time":          {program + "schedule: {requested: {duration: PT0S}}", ivoa.MessageInvalidValue, "/schedule/requested/duration is PT0S: it must be more than nothing"},
		"too long":         {program + "schedule: {requested: {duration: P1500D}}", ivoa.MessageResourceLimit, "this site runs nothing for longer than"},
		"over":             {program + "schedule: {requested: {start: 2026-11-01T00:00:00Z/P1D}}", ivoa.MessageInvalidValue, "/schedule/requested/start is over: it ended at 2026-11-02T00:00:00"},
		"reversed start":   {program + "schedule: {requested: {start: 2026-12-03T00:00:00Z/2026-12-02T00:00:00Z}}", ivoa.MessageInvalidValue, "/schedule/requested/start ends before it begins"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := read(t, c.request)
			require.NoError(t, err)
			var texts []string
			for _, m := range q.objections {
				complete(t, m)
				assert.Equal(t, ivoa.LevelError, m.Level)
				texts = append(texts, m.Kind+" "+m.Text)
			}
			assert.True(t, containsText(q.objections, c.kind, c.text), "%q in %q", c.kind+" "+c.text, texts)
		})
	}
}

// complete: a message has its kind, time, level, template, values and text, and
// no slot of the template is left open.
func complete(t *testing.T, m ivoa.Message) {
	t.Helper()
	assert.NotEmpty(t, m.Kind)
	assert.NotEmpty(t, m.Level)
	assert.NotEmpty(t, m.Template)
	assert.NotEmpty(t, m.Values)
	assert.NotEmpty(t, m.Text)
	assert.False(t, m.Time.IsZero())
	for name := range m.Values {
		assert.NotContains(t, m.Text, "{"+name+"}")
	}
}

func containsText(messages []ivoa.Message, kind, text string) bool {
	for _, m := range messages {
		if m.Kind == kind && strings.Contains(m.Text, text) {
			return true
		}
	}
	return false
}

func TestPromise9RemarksAreCompleteAndNoObjections(t *testing.T) {
	for request, text := range map[string]string{
		program + "costs: [{kind: KIND/costs/simple-minmax-float-cost.yaml, type: 'urn:ivoa:calycopis:cost:monetary', min: 1}]":              "/costs/0 has no max, so that it asks for nothing",
		program + "metrics: [{kind: KIND/metrics/simple-minmax-float-metric.yaml, type: 'urn:ivoa:calycopis:metric:io-throughput', max: 1}]": "/metrics/0 has no min, so that it asks for nothing",
	} {
		q, err := read(t, request)
		require.NoError(t, err)
		assert.Empty(t, q.objections)
		require.Len(t, q.remarks, 1)
		complete(t, q.remarks[0])
		assert.Equal(t, ivoa.LevelWarn, q.remarks[0].Level)
		assert.Equal(t, text, q.remarks[0].Text)
	}
}

func TestWhatIsNoDurationIsAProblem(t *testing.T) {
	for _, request := range []string{
		program + "schedule: {requested: {duration: an hour}}", program + "schedule: {requested: {start: tomorrow}}",
	} {
		_, err := read(t, request)
		assert.Equal(t, CodeInvalid, codeOf(err))
	}
}

func TestSizesAreWhatIsAskedOrTheDefault(t *testing.T) {
	for request, want := range map[string][2]scheduling.Resources{
		program:                             {{Cores: 1, Memory: 1}, {Cores: 1, Memory: 1}},
		compute("cores: {min: 2}"):          {{Cores: 2, Memory: 1}, {Cores: 2, Memory: 1}},
		compute("cores: {max: 8}"):          {{Cores: 1, Memory: 1}, {Cores: 8, Memory: 1}},
		compute("cores: {min: 0}"):          {{Cores: 1, Memory: 1}, {Cores: 1, Memory: 1}},
		compute("memory: {min: 2, max: 4}"): {{Cores: 1, Memory: 2}, {Cores: 1, Memory: 4}},
		program + "storage: [" + storage("size: {min: 2, max: 5}") + "," + storage("meta: {name: b}") + "]": {{Cores: 1, Memory: 1, Storage: 3}, {Cores: 1, Memory: 1, Storage: 6}},
		program + "data: [" + data("meta: {name: d}") + "]":                                                 {{Cores: 1, Memory: 1, Storage: 1}, {Cores: 1, Memory: 1, Storage: 1}},
		program + "data: [{kind: KIND/data/skao-data-resource.yaml, skao: {datasize: 1073741825}}]":         {{Cores: 1, Memory: 1, Storage: 2}, {Cores: 1, Memory: 1, Storage: 2}},
		// What no site has is no more than what helps: the least is what counts.
		program + "storage: [" + storage("size: {min: 1, max: 1099511627776}") + "," + storage("size: {min: 1, max: 1099511627776}") + "]": {{Cores: 1, Memory: 1, Storage: 2}, {Cores: 1, Memory: 1, Storage: maxAmount}},
	} {
		q, err := read(t, request)
		require.NoError(t, err)
		assert.Empty(t, q.objections, request)
		assert.Equal(t, want, [2]scheduling.Resources{q.demand.Min, q.demand.Max}, request)
	}
}

// References go by name or by the client's UUID, and become places.
func TestReferencesAreMadeGood(t *testing.T) {
	const uuid = "0195f1c0-0000-7000-8000-000000000001"
	for name, c := range map[string]struct {
		request string
		stores  int
	}{
		"by name":         {program + "storage: [" + storage("meta: {name: s}") + "]\ndata: [" + data("storage: s") + "]", 1},
		"by UUID":         {program + "storage: [" + storage("meta: {uuid: "+uuid+"}") + "]\ndata: [" + data("storage: "+uuid) + "]", 1},
		"claimed by name": {program + "storage: [" + storage("data: [d]") + "]\ndata: [" + data("meta: {name: d}") + "]", 1},
		"claimed by UUID": {program + "storage: [" + storage("data: ["+uuid+"]") + "]\ndata: [" + data("meta: {uuid: "+uuid+"}") + "]", 1},
		"without storage": {program + "data: [" + data("meta: {name: d}") + "]", 1},
		"its name taken":  {program + "storage: [" + storage("meta: {name: storage-of-1}") + "]\ndata: [" + data("") + "]", 2},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := read(t, c.request)
			require.NoError(t, err)
			require.Empty(t, q.objections)
			require.Len(t, q.request.Storage, c.stores)
			components := walk(&q.request.Components)
			for i, component := range components {
				d, ok := component.(ivoa.DataResource)
				if !ok {
					continue
				}
				holder := q.request.Storage[c.stores-1]
				at := -1
				for j, other := range components {
					if other == base(holder) {
						at = j
					}
				}
				assert.Equal(t, placeRef(at), d.Place().Storage)
				assert.Equal(t, []string{placeRef(i)}, holder.Holds().Data)
			}
		})
	}
}

func TestStartsAndLimitsAreRead(t *testing.T) {
	q, err := read(t, program+`
schedule: {requested: {duration: PT2H, start: 2026-12-02T00:00:00Z/PT6H}}
costs: [{kind: KIND/costs/simple-minmax-float-cost.yaml, type: 'urn:ivoa:calycopis:cost:monetary', max: 2.5}]
metrics: [{kind: KIND/metrics/simple-minmax-float-metric.yaml, type: 'urn:ivoa:calycopis:metric:io-throughput', min: 3}]`)
	require.NoError(t, err)
	require.Empty(t, q.objections)
	from := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, 2*scheduling.Hour, q.demand.Duration)
	assert.Equal(t, scheduling.StartInterval{Earliest: scheduling.InstantOf(from), Latest: scheduling.InstantOf(from.Add(6 * time.Hour))}, q.demand.Start)
	assert.Equal(t, scheduling.Constraints{
		AtMost:  []scheduling.Amount{{Type: ivoa.CostMonetary, Value: 2.5}},
		AtLeast: []scheduling.Amount{{Type: ivoa.MetricIOThroughput, Value: 3}},
	}, q.constraints)
}

// A NO books nothing, and what it leaves is the answer alone.
func TestANoBooksNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		for _, req := range []*ivoa.ExecutionRequest{
			request(100), {}, request(1, func(r *ivoa.ExecutionRequest) { r.Schedule.Requested.Duration = "P1500D" }),
		} {
			set := w.ask(alice, req)
			assert.Equal(t, ivoa.No, set.Result)
			require.NotEmpty(t, set.Meta.Messages)
			for _, m := range set.Meta.Messages {
				complete(t, m)
			}
		}
		assert.EqualValues(t, 8, w.freeCores())
		w.mu.Lock()
		defer w.mu.Unlock()
		assert.Empty(t, w.state.live)
		assert.Empty(t, w.state.sets)
		assert.Empty(t, w.state.open)
	})
}

// No request that can be decoded makes the broker panic.
func FuzzUnderstand(f *testing.F) {
	kinds := strings.NewReplacer("KIND", "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds")
	for _, seed := range []string{
		program, volume("path: /a, resource: d") + "data: [" + data("meta: {name: d}") + "]",
		program + "storage: [" + storage("data: [d]") + "]\ndata: [" + data("meta: {name: d}") + "]",
	} {
		f.Add([]byte(kinds.Replace(seed)))
	}
	offers := config.Default(true).Offers
	f.Fuzz(func(t *testing.T, body []byte) {
		var req ivoa.ExecutionRequest
		notices, err := ivoa.Decode(ivoa.YAML, body, ivoa.DefaultLimits(), &req)
		if err != nil {
			return
		}
		q, err := understand(&req, notices, asked, offers)
		if err != nil || len(q.objections) > 0 {
			return
		}
		if err := q.demand.Check(); err != nil {
			t.Errorf("the demand of a good request makes no sense: %v", err)
		}
	})
}
