package ivoa

import (
	"fmt"
	"strings"
)

// readXML reads a body as a document of some shape. XML says neither what is a
// number nor what is a list; the shape does.
func readXML(body []byte, s *shape, b *budget) (node, error) {
	root, err := parseXML(body, b)
	if err != nil {
		return node{}, err
	}
	if s.root != "" && s.form == objectForm && root.name != s.root && root.name != s.typ.Name() {
		return node{}, &SyntaxError{Message: fmt.Sprintf("the root element is %s, where %s is wanted", clip(root.name), s.root)}
	}
	return s.node(root), nil
}

// node turns an element into a tree. It never fails: what doesn't fit the shape
// is for the binder to refuse, which knows how to say so.
func (s *shape) node(e *element) node {
	switch s.form {
	case objectForm:
		return s.object(e)
	case familyForm:
		return s.of(e.kind()).object(e)
	case mapForm:
		return mapNode(e)
	case rawForm:
		return genericNode(e)
	default:
		return s.scalar(e)
	}
}

// kind returns the kind that an element has as an attribute or, from less
// careful writers, as a child.
func (e *element) kind() string {
	if kind := e.attr("kind"); kind != "" {
		return kind
	}
	for _, child := range e.children {
		if child.name == "kind" {
			return string(child.text)
		}
	}
	return ""
}

// scalar reads an element's text. Space around numbers, truth values and
// instants means nothing; in text it is kept.
func (s *shape) scalar(e *element) node {
	if len(e.children) > 0 {
		return node{form: objectForm, pos: e.pos}
	}
	return s.scalarText(string(e.text), e.pos)
}

func (s *shape) scalarText(text string, pos int) node {
	n := node{form: textForm, pos: pos, text: text}
	if s.form == textForm {
		return n
	}
	n.text = strings.TrimSpace(text)
	switch {
	case s.form == boolForm && (n.text == "true" || n.text == "1"):
		n.form, n.text = boolForm, "true"
	case s.form == boolForm && (n.text == "false" || n.text == "0"):
		n.form, n.text = boolForm, "false"
	case (s.form == intForm || s.form == floatForm) && isJSONNumber(n.text):
		n.form, n.number = numberForm, n.text
	}
	return n
}

// object reads attributes and children as members. The entries of a list are
// children of one name, or stand together in an element named for the property.
func (s *shape) object(e *element) node {
	n := node{form: objectForm, pos: e.pos}
	if len(e.children) == 0 && !e.blank() {
		return node{form: textForm, pos: e.pos, text: string(e.text)}
	}
	m := members{node: &n, at: map[string]int{}}
	for _, a := range e.attrs {
		if i, ok := s.byName[a.name]; ok {
			m.set(a.name, s.fields[i].shape.scalarText(a.value, e.pos))
			continue
		}
		m.set(a.name, node{form: textForm, pos: e.pos, text: a.value})
	}
	for _, child := range e.children {
		s.child(&m, child)
	}
	return n
}

func (s *shape) child(m *members, child *element) {
	if i, ok := s.byItem[child.name]; ok && !s.fields[i].wrapped && !s.fields[i].wraps(child) {
		m.append(s.fields[i].name, s.fields[i].shape.elem.node(child))
		return
	}
	i, ok := s.byName[child.name]
	switch {
	case !ok:
		m.generic(child)
	case s.fields[i].shape.form != listForm:
		m.set(child.name, s.fields[i].shape.node(child))
	case s.fields[i].wraps(child):
		m.list(child.name, child.pos)
		for _, entry := range child.children {
			m.append(child.name, s.fields[i].shape.elem.node(entry))
		}
	default:
		m.append(child.name, s.fields[i].shape.elem.node(child))
	}
}

// wraps reports whether an element holds a list's entries, rather than being one.
func (f *field) wraps(e *element) bool {
	if e.name != f.name || f.item == f.name {
		return false
	}
	for _, child := range e.children {
		if child.name != f.item {
			return false
		}
	}
	return len(e.attrs) == 0 && e.blank()
}

// mapNode reads a map: each child is an entry, named by its element or, where
// the name isn't one of XML's, by the attribute of <entry name="…">.
func mapNode(e *element) node {
	n := node{form: objectForm, pos: e.pos}
	if len(e.children) == 0 && !e.blank() {
		return node{form: textForm, pos: e.pos, text: string(e.text)}
	}
	text := shape{form: textForm}
	m := members{node: &n, at: map[string]int{}}
	for _, child := range e.children {
		m.set(nameOf(child), text.scalar(child))
	}
	return n
}

// entryName is the element of a member whose name is none of XML's.
const entryName = "entry"

func nameOf(e *element) string {
	if e.name != entryName {
		return e.name
	}
	for _, a := range e.attrs {
		if a.name == "name" {
			return a.value
		}
	}
	return e.name
}

// members builds an object's members from children that may stand apart.
type members struct {
	node *node
	at   map[string]int
}

// set adds a member; the same again makes it a twin that the binder refuses.
func (m *members) set(name string, value node) {
	if i, ok := m.at[name]; ok {
		m.node.items[i].twice = true
		return
	}
	m.at[name] = len(m.node.names)
	m.node.add(name, value)
}

// list adds an empty list, unless there is one.
func (m *members) list(name string, pos int) {
	if _, ok := m.at[name]; !ok {
		m.set(name, node{form: listForm, pos: pos})
	}
}

// append adds an entry to the list of a name.
func (m *members) append(name string, entry node) {
	m.list(name, entry.pos)
	list := &m.node.items[m.at[name]]
	if list.form != listForm { // an attribute took the name
		list.twice = true
		return
	}
	list.items = append(list.items, entry)
}

// isXMLName reports whether a name can be an element's: ASCII letters, digits
// and a few signs, and not reserved by XML.
func isXMLName(s string) bool {
	if s == "" || !isLetter(s[0]) && s[0] != '_' || len(s) >= 3 && strings.EqualFold(s[:3], "xml") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
