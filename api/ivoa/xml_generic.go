package ivoa

import "bytes"

// What comes with an unknown kind has no shape. It is written so that the same
// JSON is read back: an attribute json="…" says what an element is where that
// isn't text or an object with members.
const typeAttr = "json"

// itemName is the element of an entry of a list without a shape.
const itemName = "item"

// genericNode reads an element of which nothing is known. From writers that
// don't mark types, an element with children or attributes is an object, of
// which children of one name are a list; any other is text.
func genericNode(e *element) node {
	n := node{pos: e.pos, text: string(e.text), form: textForm}
	switch e.attr(typeAttr) {
	case "null":
		return node{pos: e.pos}
	case "boolean":
		if n.text == "true" || n.text == "false" {
			n.form = boolForm
		}
		return n
	case "number":
		if isJSONNumber(n.text) {
			n.form, n.number = numberForm, n.text
		}
		return n
	case "array":
		n = node{pos: e.pos, form: listForm}
		for _, child := range e.children {
			n.items = append(n.items, genericNode(child))
		}
		return n
	case "object":
		return genericObject(e)
	case "string":
		return n
	}
	if len(e.children) > 0 || len(significant(e)) > 0 {
		return genericObject(e)
	}
	return n
}

func genericObject(e *element) node {
	n := node{pos: e.pos, form: objectForm}
	m := members{node: &n, at: map[string]int{}}
	for _, a := range significant(e) {
		m.set(a.name, node{pos: e.pos, form: textForm, text: a.value})
	}
	for _, child := range e.children {
		m.generic(child)
	}
	if !e.blank() {
		m.set("text", node{pos: e.pos, form: textForm, text: string(bytes.TrimSpace(e.text))})
	}
	return n
}

// generic adds a member without a shape; several of one name are a list.
func (m *members) generic(child *element) {
	name := nameOf(child)
	if _, again := m.at[name]; !again {
		m.set(name, genericNode(child))
		return
	}
	m.gather(name)
	m.append(name, genericNode(child))
}

// significant returns the attributes that are members: neither the type nor the
// name of an entry.
func significant(e *element) []attribute {
	var kept []attribute
	for _, a := range e.attrs {
		if a.name == typeAttr || a.name == "name" && e.name == entryName {
			continue
		}
		kept = append(kept, a)
	}
	return kept
}

// gather makes a list of a member that turns out to be the first of several.
func (m *members) gather(name string) {
	first := &m.node.items[m.at[name]]
	if first.form == listForm && first.gathered {
		return
	}
	*first = node{pos: first.pos, form: listForm, gathered: true, items: []node{*first}}
}
