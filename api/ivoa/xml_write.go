package ivoa

import (
	"bytes"
	"encoding/xml"
)

// appendXML appends a tree as an XML document of some shape.
func appendXML(out []byte, n *node, s *shape) []byte {
	w := xmlWriter{out: append(out, xml.Header...)}
	name := s.root
	if name == "" {
		name = s.typ.Name()
	}
	w.value(labelled(name), s, n, 0)
	return append(w.out, '\n')
}

type xmlWriter struct{ out []byte }

// value writes one element.
func (w *xmlWriter) value(name label, s *shape, n *node, depth int) {
	switch s.form {
	case objectForm:
		w.object(name, s, n, depth)
	case familyForm:
		w.object(name, s.of(n.member("kind").text), n, depth)
	case mapForm:
		w.textMap(name, n, depth)
	case rawForm:
		w.generic(name, n, depth)
	default:
		w.leaf(name, "", n)
	}
}

func (w *xmlWriter) object(name label, s *shape, n *node, depth int) {
	w.open(name)
	inner := 0
	for i, member := range n.names {
		if at, ok := s.byName[member]; ok && s.fields[at].attr {
			w.attr(member, n.items[i].text)
			continue
		}
		inner++
	}
	if inner == 0 {
		w.raw("/>")
		return
	}
	w.raw(">")
	for i, member := range n.names {
		at, ok := s.byName[member]
		switch {
		case !ok:
			w.line(depth + 1)
			w.generic(s.restLabel(member), &n.items[i], depth+1)
		case s.fields[at].attr:
		case s.fields[at].shape.form == listForm:
			w.list(&s.fields[at], &n.items[i], depth+1)
		default:
			w.line(depth + 1)
			w.value(labelled(member), s.fields[at].shape, &n.items[i], depth+1)
		}
	}
	w.line(depth)
	w.close(name)
}

// restLabel names a member of an unknown kind: the name of a list's entries
// would make it one of them.
func (s *shape) restLabel(member string) label {
	if _, taken := s.byItem[member]; taken {
		return entryLabelled(member)
	}
	return labelled(member)
}

func (w *xmlWriter) list(f *field, n *node, depth int) {
	if f.wrapped {
		w.line(depth)
		w.open(labelled(f.name))
		w.raw(">")
		depth++
	}
	for i := range n.items {
		w.line(depth)
		w.value(labelled(f.item), f.shape.elem, &n.items[i], depth)
	}
	if f.wrapped {
		w.line(depth - 1)
		w.close(labelled(f.name))
	}
}

func (w *xmlWriter) textMap(name label, n *node, depth int) {
	w.open(name)
	w.raw(">")
	for i, entry := range n.names {
		w.line(depth + 1)
		w.leaf(labelled(entry), "", &n.items[i])
	}
	w.line(depth)
	w.close(name)
}

// generic writes a value without a shape so that genericNode reads it back.
func (w *xmlWriter) generic(name label, n *node, depth int) {
	switch {
	case n.form == textForm:
		w.leaf(name, "", n)
	case n.form == nullForm:
		w.leaf(name, "null", n)
	case n.form == boolForm:
		w.leaf(name, "boolean", n)
	case n.form == numberForm:
		w.leaf(name, "number", n)
	case n.form == listForm:
		w.container(name, "array", n, depth)
	case len(n.items) == 0:
		w.leaf(name, "object", n)
	default:
		w.container(name, "", n, depth)
	}
}

func (w *xmlWriter) container(name label, marker string, n *node, depth int) {
	w.tag(name, marker)
	for i := range n.items {
		child := labelled(itemName)
		if n.form == objectForm {
			child = labelled(n.names[i])
		}
		w.line(depth + 1)
		w.generic(child, &n.items[i], depth+1)
	}
	if len(n.items) > 0 {
		w.line(depth)
	}
	w.close(name)
}

// leaf writes an element that holds text alone.
func (w *xmlWriter) leaf(name label, marker string, n *node) {
	w.tag(name, marker)
	w.text(n.text)
	w.close(name)
}

// tag opens an element, with its type where that must be said.
func (w *xmlWriter) tag(name label, marker string) {
	w.open(name)
	if marker != "" {
		w.attr(typeAttr, marker)
	}
	w.raw(">")
}

// label is how an element is named: by itself or, where its name is not one of
// XML's or has another meaning in its place, as <entry name="…">.
type label struct {
	element string
	entry   bool
	name    string // of an entry
}

func labelled(name string) label {
	if isXMLName(name) {
		return label{element: name}
	}
	return entryLabelled(name)
}

func entryLabelled(name string) label { return label{entryName, true, name} }

// open begins a tag.
func (w *xmlWriter) open(l label) {
	w.raw("<" + l.element)
	if l.entry {
		w.attr("name", l.name)
	}
}

func (w *xmlWriter) close(l label) { w.raw("</" + l.element + ">") }

func (w *xmlWriter) attr(name, value string) {
	w.raw(" " + name + `="`)
	w.text(value)
	w.raw(`"`)
}

func (w *xmlWriter) text(s string) {
	b := bytes.NewBuffer(w.out)
	_ = xml.EscapeText(b, []byte(s)) // a buffer never fails
	w.out = b.Bytes()
}

func (w *xmlWriter) line(depth int) {
	w.out = appendSpaces(append(w.out, '\n'), 2*depth)
}

func (w *xmlWriter) raw(s string) { w.out = append(w.out, s...) }
