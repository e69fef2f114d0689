package ivoa

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func forms() []Media { return []Media{JSON, YAML, XML} }

// roots are the types that documents are of.
func roots() []reflect.Type {
	var types []reflect.Type
	for _, d := range documents() {
		types = append(types, d.typ)
	}
	for _, f := range families() {
		types = append(types, f.iface)
	}
	return types
}

// Property: what is written in any form is read back as it was, without notices.
func TestEveryValueSurvivesEveryForm(t *testing.T) {
	for _, root := range roots() {
		t.Run(root.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				value := reflect.New(root)
				a := arbitrary{t: t}
				a.value(wire[root], value.Elem())
				for _, media := range forms() {
					body, err := Encode(media, value.Interface())
					require.NoError(t, err)
					back := reflect.New(root)
					notices, err := Decode(media, body, unlimited, back.Interface())
					require.NoError(t, err, "%s", body)
					require.Empty(t, notices, "%s", body)
					if !reflect.DeepEqual(value.Interface(), back.Interface()) {
						require.Equal(t, value.Interface(), back.Interface(), "%v\n%s", media, body)
					}
				}
			})
		})
	}
}

// Property: a clone is equal and shares nothing: writing it is unmoved by
// changes to the original.
func TestCloneSharesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var original Session
		a := arbitrary{t: t}
		a.value(wire[typeOf[Session]()], reflect.ValueOf(&original).Elem())
		clone := Clone(&original)
		require.Equal(t, &original, clone)
		before, err := Encode(JSON, clone)
		require.NoError(t, err)
		scribble(reflect.ValueOf(&original).Elem())
		after, err := Encode(JSON, clone)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	})
}

// scribble changes every text that can be reached from a value.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("scribbled")
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.ValueOf("scribbled"))
		}
	case reflect.Struct:
		if v.Type() == typeOf[Time]() {
			return
		}
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.Uint8:
		v.SetUint('0')
	}
}

// full is a value of a shape with every property set to something sensible.
func full(s *shape, name string) reflect.Value {
	v := reflect.New(s.typ).Elem()
	switch s.form {
	case objectForm:
		for _, f := range s.fields {
			v.FieldByIndex(f.index).Set(full(f.shape, f.name))
		}
		if f := v.FieldByName("Kind"); f.IsValid() && s.kind != "" {
			f.SetString(s.kind)
		}
		if f := v.FieldByName("Quantity"); f.IsValid() {
			f.FieldByName("Type").SetString(CostCarbon)
		}
	case familyForm:
		v.Set(fullOf(s, kindsOf(s)[0]))
	case listForm:
		list := reflect.MakeSlice(s.typ, 0, 2)
		if s.elem.form != familyForm {
			v.Set(reflect.Append(list, full(s.elem, name)))
			break
		}
		for _, kind := range kindsOf(s.elem) {
			list = reflect.Append(list, fullOf(s.elem, kind))
		}
		v.Set(list)
	case mapForm:
		v.Set(reflect.ValueOf(map[string]string{"NAME": "value"}))
	case textForm:
		v.SetString(sensible(name))
	case boolForm:
		v.SetBool(true)
	case intForm:
		v.SetInt(7)
	case floatForm:
		v.SetFloat(2.5)
	case timeForm:
		at, _ := ParseInstant("2026-12-01T00:00:00Z")
		v.Set(reflect.ValueOf(At(at)))
	case rawForm:
		v.SetBytes([]byte(`{"id":"E1"}`))
	}
	if s.pointer {
		p := reflect.New(s.typ)
		p.Elem().Set(v)
		return p
	}
	return v
}

func fullOf(s *shape, kind string) reflect.Value {
	v := reflect.New(s.of(kind).typ)
	v.Elem().Set(full(s.of(kind), ""))
	return v
}

func kindsOf(s *shape) []string {
	var kinds []string
	for kind := range s.kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// sensible is a text that the schema admits for a property.
func sensible(name string) string {
	switch name {
	case "uuid":
		return "01890a5d-ac96-774b-bcce-b302099a8057"
	case "phase":
		return "RUNNING"
	case "level":
		return "INFO"
	case "result":
		return "YES"
	case "mode":
		return "READONLY"
	case "status":
		return "AVAILABLE"
	case "type", "objecttype":
		return "FILE"
	case "duration":
		return "PT30M"
	}
	return "https://example.org/" + name
}

func TestEveryKindIsKnownInEveryForm(t *testing.T) {
	for _, f := range families() {
		for kind, typ := range f.kinds {
			value := reflect.New(f.iface)
			value.Elem().Set(fullOf(wire[f.iface], kind))
			for _, media := range forms() {
				body, err := Encode(media, value.Interface())
				require.NoError(t, err)
				back := reflect.New(f.iface)
				notices, err := Decode(media, body, Limits{}, back.Interface())
				require.NoError(t, err)
				assert.Empty(t, notices)
				assert.Equal(t, value.Interface(), back.Interface())
				assert.Equal(t, reflect.PointerTo(typ), back.Elem().Elem().Type(), kind)
			}
		}
	}
}
