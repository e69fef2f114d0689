package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"starling/api/ivoa"
	"starling/node"
)

type tree = map[string]any

// openAPIDocument is our document, with a validator for the part of JSON Schema
// that it uses. Unlike JSON Schema, it refuses properties that no schema names:
// what a handler returns and the document leaves out is a fault of one of them.
type openAPIDocument struct{ root tree }

func readDocument(t testing.TB) openAPIDocument {
	t.Helper()
	var root tree
	require.NoError(t, yaml.UnmarshalStrict(OpenAPI(), &root))
	return openAPIDocument{root}
}

// resolve follows references.
func (d openAPIDocument) resolve(value any) tree {
	n, _ := value.(tree)
	for n["$ref"] != nil {
		var at any = d.root
		for part := range strings.SplitSeq(strings.TrimPrefix(n["$ref"].(string), "#/"), "/") {
			at = at.(tree)[part]
		}
		if at == nil {
			panic("dangling " + n["$ref"].(string))
		}
		n = at.(tree)
	}
	return n
}

// properties are all that a schema names, by way of allOf too; open is true if
// it admits others.
func (d openAPIDocument) properties(schema tree) (named tree, open bool) {
	schema = d.resolve(schema)
	named = maps.Clone(tree{})
	for name, property := range asTree(schema["properties"]) {
		named[name] = property
	}
	_, open = schema["additionalProperties"]
	for _, part := range asList(schema["allOf"]) {
		more, alsoOpen := d.properties(part.(tree))
		maps.Copy(named, more)
		open = open || alsoOpen
	}
	return named, open
}

func asTree(value any) tree  { n, _ := value.(tree); return n }
func asList(value any) []any { l, _ := value.([]any); return l }

// check returns what is wrong with a value, whole for a value that no allOf
// splits up.
func (d openAPIDocument) check(at string, schema tree, value any, whole bool) (wrong []string) {
	schema = d.resolve(schema)
	complain := func(format string, values ...any) {
		wrong = append(wrong, at+": "+fmt.Sprintf(format, values...))
	}
	if kinds := schema["type"]; kinds != nil && !slices.ContainsFunc(append(asList(kinds), kinds), func(k any) bool { return isA(k, value) }) {
		complain("%v is no %v", value, kinds)
		return wrong
	}
	if enum := asList(schema["enum"]); enum != nil && !slices.Contains(enum, value) {
		complain("%v is none of %v", value, enum)
	}
	if constant := schema["const"]; constant != nil && constant != value {
		complain("%v is not %v", value, constant)
	}
	if text, ok := value.(string); ok {
		if err := checkFormat(schema, text); err != nil {
			complain("%v", err)
		}
	}
	for _, part := range asList(schema["allOf"]) {
		wrong = append(wrong, d.check(at, part.(tree), value, false)...)
	}
	if choices := asList(schema["anyOf"]); choices != nil {
		var reasons []string
		for _, choice := range choices {
			reason := d.check(at, choice.(tree), value, true)
			if len(reason) == 0 {
				return wrong
			}
			reasons = append(reasons, reason...)
		}
		return append(wrong, reasons...)
	}
	if object, ok := value.(tree); ok {
		wrong = append(wrong, d.checkObject(at, schema, object, whole)...)
	}
	if list, ok := value.([]any); ok {
		for i, item := range list {
			wrong = append(wrong, d.check(at+"/"+strconv.Itoa(i), asTree(schema["items"]), item, true)...)
		}
	}
	return wrong
}

func (d openAPIDocument) checkObject(at string, schema, object tree, whole bool) (wrong []string) {
	for _, name := range asList(schema["required"]) {
		if _, there := object[name.(string)]; !there {
			wrong = append(wrong, at+": "+name.(string)+" is missing")
		}
	}
	named, open := d.properties(schema)
	for name, value := range object {
		if property, ok := asTree(schema["properties"])[name]; ok {
			wrong = append(wrong, d.check(at+"/"+name, property.(tree), value, true)...)
		} else if more, ok := schema["additionalProperties"].(tree); ok {
			wrong = append(wrong, d.check(at+"/"+name, more, value, true)...)
		} else if _, somewhere := named[name]; whole && !open && !somewhere {
			wrong = append(wrong, at+": the document names no "+name)
		}
	}
	return wrong
}

func isA(kind, value any) bool {
	switch v := value.(type) {
	case tree:
		return kind == "object"
	case []any:
		return kind == "array"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int64(v))
	}
	return false
}

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	timeForm = regexp.MustCompile(`^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z$`)
)

func checkFormat(schema tree, text string) error {
	if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
		return fmt.Errorf("%q does not match %s", text, pattern)
	}
	switch {
	case schema["format"] == "uuid" && !uuidForm.MatchString(text):
		return fmt.Errorf("%q is no UUID", text)
	case schema["format"] == "date-time" && !timeForm.MatchString(text):
		return fmt.Errorf("%q is no time in UTC with milliseconds", text)
	case schema["format"] == "uri" && !strings.Contains(text, ":"):
		return fmt.Errorf("%q is no URI", text)
	}
	return nil
}

var parameterForm = regexp.MustCompile(`:(\w+)`)

// The document and the router name the same operations.
func TestDocumentAndRouterAgree(t *testing.T) {
	w := newWorld(t)
	described := map[string]bool{}
	for path, item := range readDocument(t).root["paths"].(tree) {
		for method := range item.(tree) {
			if method != "parameters" {
				described[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	routed := map[string]bool{}
	for _, r := range w.server.echo.Routes() {
		if r.Method == http.MethodHead {
			assert.Contains(t, described, "GET "+template(r.Path))
			continue
		}
		routed[r.Method+" "+template(r.Path)] = true
	}
	assert.Equal(t, slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(routed)))
}

func template(path string) string {
	return strings.Replace(parameterForm.ReplaceAllString(path, "{$1}"), "*", "{name}", 1)
}

// Every parameter of a path is declared.
func TestDocumentDeclaresThePathsParameters(t *testing.T) {
	d := readDocument(t)
	for path, item := range d.root["paths"].(tree) {
		declared := map[string]bool{}
		for _, p := range asList(item.(tree)["parameters"]) {
			declared[d.resolve(p)["name"].(string)] = true
		}
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
			assert.True(t, declared[m[1]], "%s: %s", path, m[1])
		}
	}
}

// sampled is a request for each operation of the document, in one world.
var sampled = []struct {
	op, path, body string
	prepare        func(*fake)
	alone          bool // the node belongs to no federation
}{
	{op: "POST /requests", path: "/requests", body: sampleRequest},
	{op: "POST /requests", path: "/requests", body: sampleRequest, prepare: func(f *fake) { f.no = true }},
	{op: "POST /direct", path: "/direct", body: sampleRequest},
	{op: "POST /direct", path: "/direct", body: sampleRequest, prepare: func(f *fake) { f.no = true }},
	{op: "POST /direct", path: "/direct", body: "{"},
	{op: "POST /policy/check", path: "/policy/check?user=alice&group=ska&proposal=P-7&issuer=x&at=2026-12-01T00:00:00Z", body: sampleRequest},
	{op: "POST /policy/check", path: "/policy/check?as=alice", body: sampleRequest},
	{op: "GET /offersets/{uuid}", path: "/offersets/" + offersID.String()},
	{op: "GET /sessions/{uuid}", path: on("")},
	{op: "GET /sessions/{uuid}", path: "/sessions/x"},
	{op: "POST /sessions/{uuid}", path: on(""), body: acceptUpdate},
	{op: "POST /sessions/{uuid}", path: on(""), body: strings.Replace(acceptUpdate, "ACCEPTED", "REJECTED", 1)},
	{op: "GET /sessions", path: "/sessions", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /sessions", path: "/sessions?here=true", prepare: func(f *fake) {
		f.missing = []ivoa.Message{ivoa.NewMessage(noonUTC, ivoa.LevelWarn, "urn:x", "{site} is away", "site", "b")}
	}},
	{op: "GET /sessions/{uuid}/files", path: on("/files")},
	{op: "GET /sessions/{uuid}/explanation", path: on("/explanation")},
	{op: "GET /executors", path: "/executors"},
	{op: "POST /executors", path: "/executors", body: `{"name": "lt-1"}`},
	{op: "POST /executors/{uuid}/despatch", path: "/executors/" + workerID.String() + "/despatch"},
	{op: "POST /executors/{uuid}/despatch", path: "/executors/" + workerID.String() + "/despatch", prepare: func(f *fake) { f.idle = true }},
	{op: "POST /history/{ref}/updates", path: "/history/" + attemptID.String() + "/updates", body: `{"fence": 7}`},
	{op: "POST /history/{ref}/completion", path: "/history/" + attemptID.String() + "/completion", body: `{"fence": 7}`},
	{op: "PUT /history/{ref}/files/{name}", path: "/history/" + attemptID.String() + "/files/a/b.fits?fence=7", body: "text"},
	{op: "PUT /history/{ref}/files/{name}", path: "/history/" + attemptID.String() + "/files/b.fits?offset=-1", body: "text"},
	{op: "GET /history", path: "/history", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /audit", path: "/audit", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /history/{ref}", path: "/history/" + attemptID.String()},
	{op: "GET /history/{ref}/updates", path: "/history/" + attemptID.String() + "/updates"},
	{op: "GET /accounts", path: "/accounts", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /accounts/{id}/entries", path: "/accounts/0123456789abcdef0123456789abcdef/entries", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /statements", path: "/statements", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /budgets", path: "/budgets", prepare: func(f *fake) { f.next = "c" }},
	{op: "GET /allocations", path: "/allocations", prepare: func(f *fake) { f.next = "c" }},
	{op: "POST /allocations", path: "/allocations", body: `{"owner": "proposal:P-7", "period": "2026B", "limit": "hard", "amount": {"name": "monetary", "amount": 100, "unit": "EUR"}, "reason": "TAC"}`},
	{op: "POST /allocations", path: "/allocations", body: `{"ammount": 1}`},
	{op: "POST /owners", path: "/owners", body: `{"owner": "proposal:P-7", "name": "Deep field", "parent": "programme:surveys"}`},
	{op: "POST /history/{ref}/corrections", path: "/history/" + attemptID.String() + "/corrections", body: `{"reason": "x"}`},
	{op: "POST /history/{ref}/refunds", path: "/history/" + attemptID.String() + "/refunds", body: `{"reason": "x"}`},
	{op: "POST /history/{ref}/discounts", path: "/history/" + attemptID.String() + "/discounts", body: `{"reason": "x"}`},
	{op: "GET /federation/nodes", path: "/federation/nodes"},
	{op: "GET /federation/nodes", path: "/federation/nodes", alone: true},
	{op: "POST /federation/leave", path: "/federation/leave"},
	{op: "POST /federation/leave", path: "/federation/leave", alone: true},
	{op: "DELETE /federation/nodes/{name}", path: "/federation/nodes/jpsrc"},
	{op: "GET /federation/revocations", path: "/federation/revocations"},
	{op: "POST /federation/revocations", path: "/federation/revocations", body: `{"node": "jpsrc", "reason": "stolen"}`},
	{op: "GET /federation/log", path: "/federation/log"},
	{op: "GET /availability", path: "/availability"},
	{op: "GET /capabilities", path: "/capabilities"},
	{op: "GET /.well-known/oauth-protected-resource", path: "/.well-known/oauth-protected-resource"},
	{op: "GET /healthz", path: "/healthz"},
	{op: "GET /readyz", path: "/readyz"},
	{op: "GET /readyz", path: "/readyz", prepare: func(f *fake) { f.wrong = []string{"the disk is full"} }},
	{op: "GET /readyz", path: "/readyz", prepare: func(f *fake) { f.warned = []string{"the outbox grows"} }},
	{op: "GET /metrics", path: "/metrics"},
	{op: "GET /openapi.yaml", path: "/openapi.yaml"},
	{op: "GET /", path: "/"},
	{op: "GET /sessions/{uuid}/events", path: on("/events"), prepare: func(f *fake) { f.list = []node.Event{{Seq: 1, Time: noonUTC, Type: "log", Message: "x"}} }},
	{op: "GET /sessions/{uuid}/events", path: on("/events"), prepare: func(f *fake) { f.phase = ivoa.SessionCompleted }},
	{op: "GET /sessions/{uuid}/stdout", path: on("/stdout")},
	{op: "GET /sessions/{uuid}/stderr", path: on("/stderr")},
	{op: "POST /sessions/{uuid}/links/{connector}", path: on("/links/lab")},
	{op: "GET /sessions/{uuid}/links/{connector}/{secret}", path: on("/links/lab/secret"), prepare: func(f *fake) { f.grant = "g" }},
	{op: "GET /sessions/{uuid}/connect/{connector}", path: on("/connect/lab")},
	{op: "GET /sessions/{uuid}/connect/{connector}/{name}", path: on("/connect/lab/x"), prepare: nowhere},
	{op: "POST /sessions/{uuid}/connect/{connector}/{name}", path: on("/connect/lab/x"), prepare: nowhere},
	{op: "PUT /sessions/{uuid}/connect/{connector}/{name}", path: on("/connect/lab/x"), prepare: nowhere},
	{op: "PATCH /sessions/{uuid}/connect/{connector}/{name}", path: on("/connect/lab/x"), prepare: nowhere},
	{op: "DELETE /sessions/{uuid}/connect/{connector}/{name}", path: on("/connect/lab/x"), prepare: nowhere},
	{op: "OPTIONS /sessions/{uuid}/connect/{connector}/{name}", path: on("/connect/lab/x"), prepare: nowhere},
	{op: "GET /sessions/{uuid}/files/{name}", path: on("/files/m.fits")},
}

// Every answer of every operation is one that the document describes: status,
// media type, and each property.
func TestDocumentDescribesWhatHandlersReturn(t *testing.T) {
	d := readDocument(t)
	seen := map[string]bool{}
	for _, s := range sampled {
		w := newWorld(t, operator, func(o *Options) {
			if !s.alone {
				o.Federation = &flock{}
			}
		})
		w.broker.output = []byte("output\n")
		if s.prepare != nil {
			s.prepare(w.broker)
		}
		method, path, _ := strings.Cut(s.op, " ")
		resp := w.do(call{method: method, path: s.path, body: s.body, stranger: true})
		label := fmt.Sprintf("%s %d", s.op, resp.StatusCode)
		operation := asTree(asTree(asTree(d.root["paths"])[path])[strings.ToLower(method)])
		require.NotNil(t, operation, label)
		seen[s.op] = true
		responses := asTree(operation["responses"])
		response, ok := responses[strconv.Itoa(resp.StatusCode)]
		if !ok {
			response, ok = responses["default"]
		}
		require.True(t, ok, "%s: not a status of the document", label)
		content := asTree(d.resolve(response)["content"])
		body := text(t, resp)
		if len(content) == 0 {
			assert.Empty(t, body, label)
			continue
		}
		mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
		media, ok := content[mediaType]
		if mediaType == "application/fits" {
			continue // files come as what they are
		}
		require.True(t, ok, "%s: %s is not in the document", label, mediaType)
		if !strings.HasSuffix(mediaType, "json") {
			continue
		}
		var value any
		require.NoError(t, json.Unmarshal([]byte(body), &value), label)
		assert.Empty(t, d.check("", asTree(media)["schema"].(tree), value, true), label)
	}
	for path, item := range d.root["paths"].(tree) {
		for method := range item.(tree) {
			if method != "parameters" {
				op := strings.ToUpper(method) + " " + path
				assert.True(t, seen[op], "no sample of %s", op)
			}
		}
	}
}

func TestDocumentDescribesEvents(t *testing.T) {
	d := readDocument(t)
	data, err := json.Marshal(node.Event{Seq: 1, Time: time.Now().UTC().Truncate(time.Hour), Type: "phase", Phase: ivoa.SessionRunning, Message: "m", Progress: ptr(0.5)})
	require.NoError(t, err)
	var value tree
	require.NoError(t, json.Unmarshal(data, &value))
	value["time"] = "2026-11-22T12:00:00.000Z"
	assert.Empty(t, d.check("", tree{"$ref": "#/components/schemas/Event"}, value, true))
}

// The validator of this file notices what it is there to notice.
func TestDocumentsValidatorBites(t *testing.T) {
	d := readDocument(t)
	for _, bad := range []string{
		`{"service": "s", "links": {}, "colour": "blue"}`,
		`{"service": 7, "links": {}}`,
		`{"links": {}}`,
		`{"service": "s", "links": {"a": "no link"}}`,
	} {
		var value any
		require.NoError(t, json.Unmarshal([]byte(bad), &value))
		assert.NotEmpty(t, d.check("", tree{"$ref": "#/components/schemas/Index"}, value, true), bad)
	}
}
