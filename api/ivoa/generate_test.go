package ivoa

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// arbitrary makes values of any shape: every kind, every property, and texts
// that have caused trouble in one form or another.
type arbitrary struct {
	t *rapid.T
	n int
}

func (a *arbitrary) draw(g *rapid.Generator[int]) int {
	a.n++
	return g.Draw(a.t, fmt.Sprint(a.n))
}

func (a *arbitrary) upTo(n int) int { return a.draw(rapid.IntRange(0, n)) }

// value sets v, which is zero, to anything of its shape.
func (a *arbitrary) value(s *shape, v reflect.Value) {
	if s.pointer {
		v.Set(reflect.New(s.typ))
		v = v.Elem()
	}
	switch s.form {
	case objectForm:
		a.object(s, v)
	case familyForm:
		selected, kind := a.kind(s)
		value := reflect.New(selected.typ)
		a.object(selected, value.Elem())
		value.Elem().FieldByName("Kind").SetString(kind)
		v.Set(value)
	case listForm:
		if n := a.upTo(2); n > 0 {
			v.Set(reflect.MakeSlice(s.typ, n, n))
		}
		for i := range v.Len() {
			a.value(s.elem, v.Index(i))
		}
	case mapForm:
		if n := a.upTo(3); n > 0 {
			v.Set(reflect.MakeMap(s.typ))
			for range n {
				v.SetMapIndex(reflect.ValueOf(a.text()), reflect.ValueOf(a.text()))
			}
		}
	case rawForm:
		n := a.node(3)
		v.SetBytes(appendNode(nil, &n))
	case textForm:
		v.SetString(a.text())
	case boolForm:
		v.SetBool(a.upTo(1) == 1)
	case intForm:
		v.SetInt(rapid.Int64().Draw(a.t, "integer") >> (64 - s.bits))
	case floatForm:
		v.SetFloat(rapid.Float64().Draw(a.t, "float"))
	case timeForm:
		ms := rapid.Int64Range(-62135596800000+1, 253402300799999).Draw(a.t, "instant")
		v.Set(reflect.ValueOf(At(time.UnixMilli(ms))))
	}
}

func (a *arbitrary) object(s *shape, v reflect.Value) {
	for _, f := range s.fields {
		if f.required || f.always || a.upTo(1) == 1 {
			a.value(f.shape, v.FieldByIndex(f.index))
		}
	}
	if s.kind != "" {
		v.FieldByName("Kind").SetString(s.kind)
	}
	if s.rest == nil {
		return
	}
	if n := a.content(s); len(n.names) > 0 {
		v.FieldByIndex(s.rest).SetBytes(appendNode(nil, &n))
	}
}

// content makes the members of an unknown kind, not those that every kind has.
func (a *arbitrary) content(s *shape) node {
	n := a.members(3)
	kept := node{form: objectForm}
	for i, name := range n.names {
		if _, known := s.byName[name]; !known {
			kept.add(name, n.items[i])
		}
	}
	return kept
}

func (a *arbitrary) kind(s *shape) (*shape, string) {
	kinds := []string{"urn:unheard-of", Schema + "/data/abstract-data-resource.yaml"}
	for kind := range s.kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	kind := kinds[a.upTo(len(kinds)-1)]
	return s.of(kind), kind
}

// node makes any JSON value.
func (a *arbitrary) node(depth int) node {
	switch n := a.upTo(6); {
	case n == 0:
		return node{}
	case n == 1:
		return node{form: boolForm, text: [...]string{"true", "false"}[a.upTo(1)]}
	case n == 2:
		number := [...]string{"0", "-1", "1.50", "1e3", "12345678901234567890", "-0.0"}[a.upTo(5)]
		return node{form: numberForm, text: number, number: number}
	case n == 3 && depth > 0:
		list := node{form: listForm}
		for range a.upTo(3) {
			list.items = append(list.items, a.node(depth-1))
		}
		return list
	case n == 4 && depth > 0:
		return a.members(depth - 1)
	}
	return node{form: textForm, text: a.text()}
}

func (a *arbitrary) members(depth int) node {
	n := node{form: objectForm}
	for range a.upTo(3) {
		if name := a.text(); n.member(name) == nil {
			n.add(name, a.node(depth))
		}
	}
	return n
}

// troublesome texts look like something else in one form or another.
func troublesome() []string {
	return []string{
		"", " ", "a", "name", "text", "entry", "item", "json", "kind", "cost", "message", "xmlns", "xml:lang", "Xmlish",
		"null", "~", "true", "YES", "no", "off", ".inf", "NaN", "0", "010", "0x10", "1_000", "1e3", "+5", "1:30", "2026-12-01",
		"2026-12-01T00:00:00Z/P1D", "- a", "a: b", "a:", "a #b", "#", "?", "<<", "*a", "&a", "!!str", "%", "@", "`", "{}", "[]", "---", "...",
		"a\nb", "a\n", "\ttab", "a\r\nb", "trailing ", "'", `"`, `\`, "<b>&amp;</b>", "]]>", "ä", "\u2028", "\u0085", "\u00a0", "\U0001f426", "\ufeff",
		strings.Repeat("long ", 300),
	}
}

func (a *arbitrary) text() string {
	known := troublesome()
	if i := a.upTo(len(known) * 3 / 2); i < len(known) {
		return known[i]
	}
	return strings.Map(onlyXML, rapid.String().Draw(a.t, "text"))
}

// onlyXML drops the characters that XML has none for.
func onlyXML(r rune) rune {
	if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff || r == 0xfffd {
		return -1
	}
	return r
}
