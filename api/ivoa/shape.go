package ivoa

import (
	"fmt"
	"reflect"
	"strings"
)

// form is what a value is, in Go and on the wire.
type form uint8

const (
	nullForm form = iota
	boolForm
	numberForm
	textForm
	listForm
	objectForm
	// The following occur in shapes alone.
	intForm
	floatForm
	timeForm
	rawForm
	mapForm
	familyForm
)

// shape says how values of one Go type are written. Shapes are the one source
// of the wire format's truth: every codec is guided by them.
type shape struct {
	form    form
	typ     reflect.Type
	pointer bool // the Go value is a pointer to typ
	bits    int  // of an integer

	elem *shape // of a list

	fields   []field        // of an object
	byName   map[string]int // property name to field
	byItem   map[string]int // XML item name to list field
	rest     []int          // index of the field that keeps unknown members, or nil
	kind     string         // written where the value has none
	needKind bool
	root     string // element in XML, where the document is of this shape

	kinds   map[string]*shape // of a family
	unknown *shape
}

// field is one property of an object.
type field struct {
	name     string
	label    string // `"name":`
	index    []int
	shape    *shape
	required bool   // absent is an error
	always   bool   // written even when empty
	attr     bool   // an attribute in XML
	item     string // the element of each entry of a list
	wrapped  bool   // the entries are inside an element of the property's name
}

// in returns the field of an object.
func (f *field) in(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		v = v.Field(i)
	}
	return v
}

// shapes holds the shape of every type of this package that is on the wire.
type shapes map[reflect.Type]*shape

// wire is built once, when the program starts, and only read afterwards; so is
// words, the texts that are in every document.
var (
	wire  = newShapes()
	words = wire.words()
)

// words returns the names of all properties, and all kinds.
func (all shapes) words() map[string]string {
	known := map[string]string{}
	for _, s := range all {
		for _, f := range s.fields {
			known[f.name] = f.name
		}
		for kind := range s.kinds {
			known[kind] = kind
		}
	}
	return known
}

func newShapes() shapes {
	all := shapes{}
	for _, f := range families() {
		all[f.iface] = &shape{form: familyForm, typ: f.iface, kinds: map[string]*shape{}, root: strings.ToLower(f.iface.Name())}
	}
	for _, f := range families() {
		s := all[f.iface]
		for kind, typ := range f.kinds {
			s.kinds[kind] = all.add(typ)
		}
		s.unknown = all.add(f.unknown)
	}
	for _, d := range documents() {
		all.add(d.typ)
	}
	return all
}

// add returns the shape of a type, building it where it is new.
func (all shapes) add(typ reflect.Type) *shape {
	if s, ok := all[typ]; ok {
		return s
	}
	s := all.build(typ)
	all[typ] = s
	return s
}

func (all shapes) build(typ reflect.Type) *shape {
	switch {
	case typ == typeOf[Raw]():
		return &shape{form: rawForm, typ: typ}
	case typ == typeOf[Time]():
		return &shape{form: timeForm, typ: typ}
	}
	switch typ.Kind() {
	case reflect.String:
		return &shape{form: textForm, typ: typ}
	case reflect.Bool:
		return &shape{form: boolForm, typ: typ}
	case reflect.Int32, reflect.Int64:
		return &shape{form: intForm, typ: typ, bits: typ.Bits()}
	case reflect.Float64:
		return &shape{form: floatForm, typ: typ}
	case reflect.Map:
		return &shape{form: mapForm, typ: typ}
	case reflect.Slice:
		return &shape{form: listForm, typ: typ, elem: all.add(typ.Elem())}
	case reflect.Pointer:
		s := *all.add(typ.Elem())
		s.pointer = true
		return &s
	case reflect.Struct:
		s := &shape{form: objectForm, typ: typ, byName: map[string]int{}, byItem: map[string]int{}}
		s.register()
		all.addFields(s, typ, nil)
		return s
	}
	panic(fmt.Sprintf("ivoa: %v has no form on the wire", typ)) // a mistake in this package's types
}

// register notes what the registry says of a type.
func (s *shape) register() {
	for _, d := range documents() {
		if d.typ == s.typ {
			s.root, s.kind, s.needKind = d.root, d.kind, d.must
		}
	}
	for _, f := range families() {
		for kind, typ := range f.kinds {
			if typ == s.typ {
				s.kind = kind
			}
		}
	}
}

// addFields appends the properties of a struct, those of embedded structs in
// their place.
func (all shapes) addFields(s *shape, typ reflect.Type, at []int) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		index := append(at[:len(at):len(at)], i)
		if f.Anonymous {
			all.addFields(s, f.Type, index)
			continue
		}
		rule := f.Tag.Get("wire")
		if rule == "rest" {
			s.rest = index
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		s.addField(field{
			name:     name,
			label:    `"` + name + `":`,
			index:    index,
			shape:    all.add(f.Type),
			required: rule == "required",
			always:   rule != "",
		}, f.Tag.Get("xml"))
	}
}

// addField records one property with what its xml tag says: "kind,attr",
// "cost" for the entries of a list, "offers>execution" for wrapped ones.
func (s *shape) addField(f field, tag string) {
	name, option, _ := strings.Cut(tag, ",")
	f.attr = option == "attr"
	if f.shape.form == listForm {
		f.item = f.name
		if _, item, ok := strings.Cut(name, ">"); ok {
			f.item, f.wrapped = item, true
		} else if name != "" {
			f.item = name
		}
		s.byItem[f.item] = len(s.fields)
	}
	s.byName[f.name] = len(s.fields)
	s.fields = append(s.fields, f)
}

// of returns the shape that a kind selects.
func (s *shape) of(kind string) *shape {
	if s.form != familyForm {
		return s
	}
	if selected, ok := s.kinds[kind]; ok {
		return selected
	}
	return s.unknown
}
