package ivoa

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/conformance"
)

// schemaNode is as much of a JSON schema as the comparison looks at.
type schemaNode struct {
	Ref        string                `json:"$ref"`
	Type       string                `json:"type"`
	Format     string                `json:"format"`
	AllOf      []schemaNode          `json:"allOf"`
	Properties map[string]schemaNode `json:"properties"`
	Items      *schemaNode           `json:"items"`
	Additional json.RawMessage       `json:"additionalProperties"`
	XML        struct {
		Name      string
		Attribute bool
		Wrapped   bool
	} `json:"xml"`
	Discriminator struct {
		Mapping map[string]string
	} `json:"discriminator"`
}

type schemaSet map[string]schemaNode

func loadSchema(t *testing.T) schemaSet {
	body, err := os.ReadFile(conformance.Schema(t))
	require.NoError(t, err)
	var document struct {
		Components struct{ Schemas schemaSet }
	}
	require.NoError(t, json.Unmarshal(body, &document))
	return document.Components.Schemas
}

func (set schemaSet) named(ref string) schemaNode {
	return set[strings.TrimPrefix(ref, "#/components/schemas/")]
}

// properties gathers a schema's properties, inherited ones included.
func (set schemaSet) properties(n schemaNode) map[string]schemaNode {
	all := map[string]schemaNode{}
	for _, part := range n.AllOf {
		if part.Ref != "" {
			part = set.named(part.Ref)
		}
		for name, p := range set.properties(part) {
			all[name] = p
		}
	}
	for name, p := range n.Properties {
		all[name] = p
	}
	return all
}

// compare walks a schema and a shape side by side.
func (set schemaSet) compare(t *testing.T, at string, n schemaNode, s *shape) {
	if n.Ref != "" {
		// One type serves every kind of session, and the scheduled has all properties.
		n = set.named(strings.Replace(n.Ref, "AbstractExecutionSession", "ScheduledExecutionSession", 1))
	}
	switch {
	case s.form == familyForm:
		set.compareFamily(t, at, n, s)
	case n.Type == "array":
		require.Equal(t, listForm, s.form, at)
		set.compare(t, at+"[]", *n.Items, s.elem)
	case n.Type == "object" && n.Additional != nil:
		assert.Equal(t, mapForm, s.form, at)
	case n.Type == "object":
		require.Equal(t, objectForm, s.form, at)
		set.compareObject(t, at, n, s)
	default:
		assert.Equal(t, scalarForm(n), s.form, at)
		if s.form == intForm {
			assert.Equal(t, n.Format, "int"+reflectBits(s), at)
		}
	}
}

func reflectBits(s *shape) string { return strings.TrimPrefix(s.typ.Kind().String(), "int") }

func scalarForm(n schemaNode) form {
	switch {
	case n.Format == "date-time":
		return timeForm
	case n.Type == "integer":
		return intForm
	case n.Type == "number":
		return floatForm
	case n.Type == "boolean":
		return boolForm
	}
	return textForm
}

func (set schemaSet) compareFamily(t *testing.T, at string, n schemaNode, s *shape) {
	require.NotEmpty(t, n.Discriminator.Mapping, at)
	for kind, ref := range n.Discriminator.Mapping {
		if strings.Contains(kind, "/abstract-") {
			assert.NotContains(t, s.kinds, kind)
			continue
		}
		require.Contains(t, s.kinds, kind, at)
		set.compare(t, at+"<"+ref[strings.LastIndexByte(ref, '/')+1:]+">", schemaNode{Ref: ref}, s.kinds[kind])
	}
	for kind := range s.kinds {
		if !strings.HasPrefix(kind, "urn:starling:") {
			assert.Contains(t, n.Discriminator.Mapping, kind, at)
		}
	}
}

// ours are the properties that a type has beyond the schema.
var ours = map[reflect.Type][]string{
	typeOf[DockerContainer](): {"labels"}, typeOf[RequestSchedule](): {"timing"}, typeOf[Session](): {"repeats"},
}

func (set schemaSet) compareObject(t *testing.T, at string, n schemaNode, s *shape) {
	properties := set.properties(n)
	for _, f := range s.fields {
		p, ok := properties[f.name]
		if !ok {
			assert.Contains(t, ours[s.typ], f.name, "%s has a property that the schema hasn't", at)
			continue
		}
		delete(properties, f.name)
		set.compareXML(t, at+"/"+f.name, p, f)
		set.compare(t, at+"/"+f.name, p, f.shape)
	}
	assert.Empty(t, properties, "%s lacks properties", at)
}

// compareXML holds our tags to the schema's xml entries.
func (set schemaSet) compareXML(t *testing.T, at string, p schemaNode, f field) {
	assert.Equal(t, p.XML.Attribute, f.attr, "%s: attribute", at)
	if f.shape.form != listForm {
		return
	}
	list := p
	if p.Ref != "" {
		list = set.named(p.Ref)
	}
	assert.Equal(t, list.XML.Wrapped, f.wrapped, "%s: wrapped", at)
	item := list.Items.XML.Name
	if item == "" && list.Items.Ref != "" && f.item != f.name {
		item = set.named(list.Items.Ref).XML.Name
	}
	if item == "" && f.item != f.name { // a connector: the schema names the list for its entry
		item = list.XML.Name
	}
	if item == "" {
		item = f.name
	}
	assert.Equal(t, item, f.item, "%s: item", at)
}

func TestTypesHaveTheSchemasPropertiesAndNoOthers(t *testing.T) {
	set := loadSchema(t)
	for schema, typ := range map[string]reflect.Type{
		"ExecutionRequest":          typeOf[ExecutionRequest](),
		"OfferSetResponse":          typeOf[OfferSet](),
		"ScheduledExecutionSession": typeOf[Session](),
		"AbstractOption":            typeOf[Option](),
		"AbstractUpdate":            typeOf[Update](),
	} {
		n := set[schema]
		require.NotEmpty(t, n.Type, schema)
		set.compare(t, schema, n, wire[typ])
		if n.XML.Name != "" {
			assert.Equal(t, n.XML.Name, wire[typ].root)
		}
	}
	assert.Equal(t, set["SimpleExecutionSession"].XML.Name, wire[typeOf[Session]()].root)
}

// isOurs reports whether a kind is one that the schema doesn't map.
func isOurs(kind string) bool { return strings.HasPrefix(kind, "urn:starling:") }

// Promise: what we write conforms, for every kind and every property at once.
func TestWhatWeWriteConformsToTheSchema(t *testing.T) {
	tool := conformance.New(t)
	var checks []conformance.Document
	add := func(schema string, value any, strict bool) {
		for _, media := range []Media{JSON, YAML} {
			body, err := Encode(media, value)
			require.NoError(t, err)
			checks = append(checks, conformance.Document{
				Name: schema, Schema: schema, Strict: strict, OpenKinds: !strict, MediaType: media.String(), Body: body,
			})
		}
	}
	for _, kind := range kindsOf(wire[typeOf[Executable]()]) {
		executable := fullOf(wire[typeOf[Executable]()], kind).Interface().(Executable)
		strict := !isOurs(kind)
		if docker, ok := executable.(*DockerContainer); ok {
			docker.Labels = nil // newer than the schema
		}
		request := full(wire[typeOf[ExecutionRequest]()], "").Interface().(ExecutionRequest)
		request.Executable = executable
		timely(request.Components)
		request.Schedule.Requested.Start = "2026-12-01T00:00:00Z/P1D"
		add("ExecutionRequest", &request, false)
		request.Schedule.Timing = nil
		add("ExecutionRequest", &request, strict)
		session := full(wire[typeOf[Session]()], "").Interface().(Session)
		session.Executable = executable
		timely(session.Components)
		setTimes(session.Schedule)
		add("AbstractExecutionSession", &session, false)
		session.Repeats = nil
		add("AbstractExecutionSession", &session, strict)
		simple := Clone(session)
		simple.Kind, simple.Schedule = KindSimpleSession, nil
		add("AbstractExecutionSession", &simple, strict)
		offers := full(wire[typeOf[OfferSet]()], "").Interface().(OfferSet)
		offers.Offers = []*Session{&session, &simple}
		add("OfferSetResponse", &offers, strict)
	}
	for _, kind := range kindsOf(wire[typeOf[Update]()]) {
		add("AbstractUpdate", fullOf(wire[typeOf[Update]()], kind).Interface(), true)
	}
	add("OfferSetResponse", &OfferSet{Result: No}, true)
	tool.Check(t, checks...)
}

// timely gives the schedules of components texts that the schema's patterns admit.
func timely(c Components) {
	lives := []*Lifecycle{c.Executable.Life(), c.Compute.Life()}
	for _, s := range c.Storage {
		lives = append(lives, s.Life())
	}
	for _, d := range c.Data {
		lives = append(lives, d.Life())
	}
	for _, l := range lives {
		setTimes(l.Schedule)
	}
}

func setTimes(s *Schedule) {
	at, _ := ParseInstant("2026-12-01")
	s.Preparing.Start = FormatInstant(at)
	s.Available.Start = FormatInterval(Interval{at, at.Add(day)})
	s.Releasing.Start = FormatInstant(at)
	for _, step := range []*StartDuration{s.Preparing, s.Available, s.Releasing} {
		step.Duration = FormatDuration(26 * 3600e9)
	}
}

func TestTheRegistryNamesEachKindOnce(t *testing.T) {
	var kinds []string
	for _, f := range families() {
		for kind := range f.kinds {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	assert.Equal(t, slices.Compact(slices.Clone(kinds)), kinds)
	assert.Len(t, kinds, 28)
}
