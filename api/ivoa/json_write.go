package ivoa

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// jsonWriter appends values as JSON, guided by their shapes. The first thing
// that can't be written stops it.
type jsonWriter struct {
	out []byte
	err error
}

func (w *jsonWriter) value(s *shape, v reflect.Value) {
	if s.pointer {
		if v.IsNil() {
			w.fail(errors.New("a list has a nil entry"))
			return
		}
		v = v.Elem()
	}
	switch s.form {
	case objectForm:
		w.object(s, v)
	case familyForm:
		w.member(s, v)
	case listForm:
		w.list(s, v)
	case mapForm:
		w.textMap(v)
	case rawForm:
		w.raw(v.Bytes())
	case textForm:
		w.text(v.String())
	case boolForm:
		w.out = strconv.AppendBool(w.out, v.Bool())
	case intForm:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case floatForm:
		w.float(v.Float())
	case timeForm:
		w.time(v)
	}
}

func (w *jsonWriter) member(s *shape, v reflect.Value) {
	if v.IsNil() || v.Elem().Kind() != reflect.Pointer || v.Elem().IsNil() {
		w.fail(errors.New("a list has a nil entry"))
		return
	}
	concrete := v.Elem().Elem()
	w.object(wire[concrete.Type()], concrete)
}

func (w *jsonWriter) object(s *shape, v reflect.Value) {
	w.out = append(w.out, '{')
	start := len(w.out)
	for i := range s.fields {
		f := &s.fields[i]
		value := f.in(v)
		if !f.always && empty(f.shape, value) {
			w.defaultKind(s, f, start)
			continue
		}
		w.label(f.label, start)
		w.value(f.shape, value)
	}
	if s.rest != nil {
		w.rest(s, v.FieldByIndex(s.rest).Bytes(), start)
	}
	w.out = append(w.out, '}')
}

// defaultKind writes the kind of a value whose author left it out.
func (w *jsonWriter) defaultKind(s *shape, f *field, start int) {
	switch {
	case f.name != "kind":
	case s.kind != "":
		w.label(f.label, start)
		w.text(s.kind)
	case s.rest != nil:
		w.fail(errors.New("a value of unknown kind must say its kind"))
	}
}

func (w *jsonWriter) label(label string, start int) {
	if len(w.out) > start {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, label...)
}

// rest writes the members that came with a value of unknown kind.
func (w *jsonWriter) rest(s *shape, content Raw, start int) {
	if len(content) == 0 {
		return
	}
	n, err := readJSON(content, &budget{limits: unlimited})
	if err != nil || n.form != objectForm {
		w.fail(fmt.Errorf("the content of an unknown kind is not a JSON object: %w", err))
		return
	}
	for i, name := range n.names {
		if _, known := s.byName[name]; known {
			continue
		}
		w.label(string(appendText(nil, name))+":", start)
		w.out = appendNode(w.out, &n.items[i])
	}
}

func (w *jsonWriter) list(s *shape, v reflect.Value) {
	w.out = append(w.out, '[')
	for i := range v.Len() {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.value(s.elem, v.Index(i))
	}
	w.out = append(w.out, ']')
}

// textMap writes names in order, so that equal values are equal bytes.
func (w *jsonWriter) textMap(v reflect.Value) {
	values := v.Interface().(map[string]string)
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	w.out = append(w.out, '{')
	for i, name := range names {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.text(name)
		w.out = append(w.out, ':')
		w.text(values[name])
	}
	w.out = append(w.out, '}')
}

func (w *jsonWriter) raw(raw Raw) {
	n, err := readJSON(raw, &budget{limits: unlimited})
	if err != nil {
		w.fail(fmt.Errorf("a raw value is not JSON: %w", err))
		return
	}
	w.out = appendNode(w.out, &n)
}

func (w *jsonWriter) text(s string) { w.out = appendText(w.out, s) }

func (w *jsonWriter) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.fail(fmt.Errorf("%v is not a number on the wire", f))
		return
	}
	w.out = appendFloat(w.out, f)
}

func (w *jsonWriter) time(v reflect.Value) {
	w.out = append(w.out, '"')
	w.out = timeIn(v).UTC().AppendFormat(w.out, instantLayout)
	w.out = append(w.out, '"')
}

func (w *jsonWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.out = append(w.out, "null"...)
}

// timeIn returns the instant in v, without a copy on the heap where v has a place.
func timeIn(v reflect.Value) Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*Time)
	}
	return v.Interface().(Time)
}

// empty reports whether a property is left out.
func empty(s *shape, v reflect.Value) bool {
	switch s.form {
	case listForm, mapForm:
		return v.Len() == 0
	case rawForm:
		return v.Len() == 0
	case timeForm:
		if !s.pointer {
			return timeIn(v).IsZero()
		}
	}
	return v.IsZero()
}
