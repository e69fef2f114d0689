package systemtest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nonsense is a body that no request is, and the statuses that tell so.
type nonsense struct {
	name, mediaType string
	body            any
	statuses        []int
}

func malformed() []nonsense {
	text, _ := json.Marshal(work{pause: 1}.request())
	good := string(text)
	j, y, x := "application/json", "application/yaml", "application/xml"
	bad := []int{400}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	const entity = `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>`
	return []nonsense{
		{"nothing", j, "", bad}, {"nothing", y, "", bad}, {"nothing", x, "", bad},
		{"half of it", j, good[:len(good)/2], bad},
		{"half of it", y, "executable: {kind: a", bad},
		{"half of it", x, "<ExecutionRequest><executable>", bad},
		{"a megabyte and a byte", j, `{"a":"` + strings.Repeat("x", 1<<20-7) + `"}`, []int{413}},
		{"a megabyte and a byte, in chunks", j, io.MultiReader(strings.NewReader(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)), []int{413}},
		{"two megabytes", y, "a: " + strings.Repeat("x", 2<<20), []int{413}},
		{"two megabytes", x, "<ExecutionRequest>" + strings.Repeat("x", 2<<20) + "</ExecutionRequest>", []int{413}},
		{"a number for an object", j, `{"executable": 7}`, bad},
		{"a list for an object", y, "compute: [1, 2]", bad},
		{"an object for a number", j, `{"compute":{"kind":"` + kindCompute + `","cores":{"min":{}}}}`, bad},
		{"a word for a number", x, `<ExecutionRequest><compute><kind>` + kindCompute + `</kind><cores><min>many</min></cores></compute></ExecutionRequest>`, bad},
		{"nested 10,000 times", j, `{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}", bad},
		{"nested 10,000 times", y, "a: " + strings.Repeat("[", 10000) + strings.Repeat("]", 10000), bad},
		{"nested 10,000 times", x, strings.Repeat("<a>", 10000) + strings.Repeat("</a>", 10000), bad},
		{"no UTF-8", j, "{\"executable\": {\"kind\": \"\xff\xfe\"}}", bad},
		{"no UTF-8", y, "executable: {kind: \"\xff\xfe\"}", bad},
		{"no UTF-8", x, "<ExecutionRequest><executable><kind>\xff\xfe</kind></executable></ExecutionRequest>", bad},
		{"a bomb", y, bomb, bad},
		{"entities", x, entity + `<ExecutionRequest><executable><kind>&b;&c;</kind></executable></ExecutionRequest>`, bad},
		{"an alias of itself", y, "a: &a [*a]", bad},
		{"a name twice", j, `{"compute":{"kind":"a"},"compute":{"kind":"b"}}`, bad},
		{"20,000 entries", j, `{"costs":[` + strings.Repeat("{},", 20000) + `{}]}`, bad},
		{"20,000 entries", y, "costs: [" + strings.Repeat("{},", 20000) + "{}]", bad},
		{"NaN", y, "costs: [{kind: " + calycopis + "/costs/simple-minmax-float-cost.yaml, type: 'urn:ivoa:calycopis:cost:monetary', max: .nan}]", []int{400, 303}},
		{"NaN", j, `{"costs":[{"max":NaN}]}`, bad},
		{"a duration that is none", j, `{"schedule":{"requested":{"duration":"soon"}}}`, bad},
		{"a start that is none", j, `{"schedule":{"requested":{"start":"2026-13-45"}}}`, bad},
		{"another form", "text/plain", good, []int{415}},
		{"a form", "application/x-www-form-urlencoded", "a=b", []int{415}},
		{"no form at all", "/;;", good, []int{415}},
	}
}

// hopeless are requests that can be read, and can't be granted; from each the
// user learns why (promise 9).
func hopeless() map[string]object {
	w := work{command: []string{"true"}}
	compute := func(members string) object {
		return w.with(object{"compute": raw(`{"kind":"` + kindCompute + `",` + members + `}`)})
	}
	requested := func(members string) object {
		return w.with(object{"schedule": raw(`{"requested":` + members + `}`)})
	}
	data := func(members ...string) object {
		return w.with(object{"data": raw("[" + strings.Join(members, ",") + "]")})
	}
	simple := func(name string) string {
		return `{"kind":"` + kindData + `","meta":{"name":"` + name + `"},"location":"http://127.0.0.1:1/x"}`
	}
	volume := func(path, resource string) object {
		r := data(simple("d"))
		r["compute"] = raw(`{"kind":"` + kindCompute + `","volumes":[{"kind":"` + kindVolume + `","resource":"` + resource + `","path":"` + path + `","mode":"READONLY"}]}`)
		return r
	}
	return map[string]object{
		"negative cores":               compute(`"cores":{"min":-1}`),
		"too many cores":               compute(`"cores":{"min":9}`),
		"more cores than there are":    compute(`"cores":{"min":9223372036854775807}`),
		"more memory than there is":    compute(`"memory":{"min":9000000000000000000}`),
		"less than the least":          compute(`"cores":{"min":4,"max":2}`),
		"no executable":                {"compute": object{"kind": kindCompute}},
		"an unknown executable":        w.with(object{"executable": object{"kind": "urn:nobody:knows"}}),
		"an unknown compute":           w.with(object{"compute": object{"kind": "urn:nobody:knows"}}),
		"an unknown storage":           w.with(object{"storage": list{object{"kind": "urn:nobody:knows"}}}),
		"an unknown data resource":     w.with(object{"data": list{object{"kind": "urn:nobody:knows"}}}),
		"an unknown volume":            compute(`"volumes":[{"kind":"urn:nobody:knows"}]`),
		"an unknown cost":              w.with(object{"costs": list{object{"kind": "urn:nobody:knows"}}}),
		"an unknown metric":            w.with(object{"metrics": list{object{"kind": "urn:nobody:knows"}}}),
		"no command":                   w.with(object{"executable": object{"kind": kindProcess}}),
		"NUL in a command":             w.with(object{"executable": object{"kind": kindProcess, "command": list{"echo", "a\x00b"}}}),
		"NUL in an environment":        w.with(object{"executable": object{"kind": kindProcess, "command": list{"true"}, "environment": object{"A": "\x00"}}}),
		"= in an environment's name":   w.with(object{"executable": object{"kind": kindProcess, "command": list{"true"}, "environment": object{"A=B": "c"}}}),
		"two data of one name":         data(simple("d"), simple("d")),
		"a volume of nothing":          volume("/input", "nobody"),
		"a volume that leads upwards":  volume("/a/../../etc", "d"),
		"a volume that isn't absolute": volume("etc", "d"),
		"a volume at the root":         volume("/", "d"),
		"data from a file":             data(strings.ReplaceAll(simple("d"), "http://127.0.0.1:1/x", "file:///etc/passwd")),
		"data from nowhere":            data(strings.ReplaceAll(simple("d"), "http://127.0.0.1:1/x", "http://")),
		"storage for ever":             w.with(object{"storage": raw(`[{"kind":"` + kindStorage + `","meta":{"name":"s"},"size":{"min":1000000000000}}]`)}),
		"no time":                      requested(`{"duration":"PT0S"}`),
		"a thousand years":             requested(`{"duration":"P1000Y"}`),
		"in the past":                  requested(`{"start":"2001-01-01T00:00:00Z/PT1H"}`),
		"backwards":                    requested(`{"start":"2036-01-02T00:00:00Z/2036-01-01T00:00:00Z"}`),
		"in a hundred years":           requested(`{"start":"2126-01-01T00:00:00Z/P1D"}`),
		"for nothing":                  w.with(object{"costs": raw(`[{"kind":"` + calycopis + `/costs/simple-minmax-float-cost.yaml","type":"urn:ivoa:calycopis:cost:monetary","max":0}]`)}),
		"1,000 data resources":         data(slices.Repeat([]string{simple("d")}, 1000)...),
	}
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// Whatever is sent, the answer is a problem document or a NO that says why;
// never a 500, nothing is booked, and nothing is left open.
func TestBadInputIsRefusedAndLeavesNoTrace(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.await(n.accept(work{pause: 0}), "COMPLETED") // what is made once is made now
	eventually(t, "the node to be at rest", func() bool { return n.free() == 8 })
	goroutines, files := n.metric("go_goroutines"), n.metric("process_open_fds")

	for _, bad := range malformed() {
		for _, path := range []string{"/requests", "/direct"} {
			body := bad.body
			if reader, ok := body.(io.Reader); ok {
				if path == "/direct" {
					continue // it can be read only once
				}
				body = reader
			}
			a, err := n.try("POST", path, body, header("Content-Type", bad.mediaType))
			if err != nil { // the node needn't read what is too large to its end
				assert.Contains(t, bad.statuses, 413, "%s as %s: %v", bad.name, bad.mediaType, err)
				continue
			}
			where := fmt.Sprintf("%s as %s to %s: %s", bad.name, bad.mediaType, path, last(string(a.Body), 5))
			assert.Contains(t, bad.statuses, a.Status, where)
			if a.Status != 303 {
				isProblem(t, a, where)
			}
		}
	}
	for name, request := range hopeless() {
		a := n.do("POST", "/requests", request)
		if a.Status == 400 {
			isProblem(t, a, name)
			continue
		}
		require.Equal(t, 303, a.Status, "%s: %s", name, a.Body)
		var set offerSet
		a.into(t, &set)
		assert.Equal(t, "NO", set.Result, name)
		assert.NotEmpty(t, set.Meta.Messages, name)
		for _, m := range set.Meta.Messages {
			for field, value := range map[string]string{"kind": m.Kind, "time": m.Time, "level": m.Level, "template": m.Template, "message": m.Message} {
				assert.NotEmpty(t, value, "%s: %s of %+v", name, field, m)
			}
			assert.NotContains(t, m.Message, "{", "%s: %s", name, m.Message)
		}
	}
	for path, status := range map[string]int{
		"/sessions/x": 400, "/sessions/01a204e1-1a02-8000-8001-e3b98a4da31a": 404, "/offersets/01a204e1-1a02-8000-8001-e3b98a4da31a": 404,
		"/sessions?cursor=nonsense": 400, "/history?cursor=nonsense": 400, "/accounts?cursor=%00": 400, "/sessions?limit=-1": 400,
		"/sessions?limit=99999999999999999999": 400, "/history/x": 400, "/none": 404, "/sessions?phase=TIRED": 400, "/accounts/x/entries": 400,
		"/sessions?x=" + strings.Repeat("y", 10000): 414, "/history/01a204e1-1a02-8000-8001-e3b98a4da31a": 404,
	} {
		a := n.do("GET", path, nil)
		assert.Equal(t, status, a.Status, "%s: %s", path, a.Body)
		isProblem(t, a, path)
	}
	for _, odd := range []struct {
		name, value string
		status      int
	}{
		{"Accept", "image/png", 406}, {"Accept", strings.Repeat("a/b;q=0.1,", 2000), 406}, {"Authorization", "Bearer " + strings.Repeat("x", 20000), 401},
		{"Authorization", "Basic YTpi", 401}, {"X-Big", strings.Repeat("x", 64<<10), 431}, {"Origin", "https://evil.example", 403},
		{"Idempotency-Key", strings.Repeat("k", 10000), 400},
	} {
		a, err := n.try("POST", "/requests", work{cores: 9, pause: 1}.request(), header(odd.name, odd.value))
		require.NoError(t, err, odd.name)
		if odd.name == "Idempotency-Key" && a.Status == 303 {
			continue // it means nothing here
		}
		assert.Equal(t, odd.status, a.Status, "%s: %s: %s", odd.name, odd.value[:8], a.Body)
	}

	assert.EqualValues(t, 8, n.free(), "nothing is booked")
	eventually(t, "nothing to be left open", func() bool {
		return n.metric("go_goroutines") <= goroutines+3 && n.metric("process_open_fds") <= files+3
	})
	assert.Equal(t, 200, n.do("GET", "/readyz", nil).Status)
	assert.NotContains(t, n.Said(), "status=500")
}

func isProblem(t *testing.T, a answer, where string) {
	t.Helper()
	assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), where)
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if assert.NoError(t, json.Unmarshal(a.Body, &p), where) {
		assert.Equal(t, a.Status, p.Status, where)
		assert.NotEmpty(t, p.Type, where)
		assert.NotEmpty(t, p.Detail, where)
	}
}
