package ivoa

import (
	"fmt"
	"reflect"

	"starling/api/ivoa/spelling"
)

// binder turns a tree into a Go value, guided by the value's shape.
type binder struct {
	line    func(pos int) int
	limits  Limits
	entries int
	trail   trail
	notices []Notice
}

// maxNotices bounds the unknown properties that are named: enough to mend a
// document by, too few to make an answer of a megabyte.
const maxNotices = 32

// bind sets v, which is of the shape's type and is zero, from a node.
func (b *binder) bind(s *shape, n *node, v reflect.Value) error {
	if s.pointer {
		v.Set(reflect.New(s.typ))
		v = v.Elem()
	}
	switch s.form {
	case objectForm:
		return b.object(s, n, v)
	case familyForm:
		return b.member(s, n, v)
	case listForm:
		return b.list(s, n, v)
	case mapForm:
		return b.textMap(n, v)
	case rawForm:
		raw, err := b.raw(n)
		v.SetBytes(raw)
		return err
	default:
		return b.scalar(s, n, v)
	}
}

// member binds one of a family: the kind says which.
func (b *binder) member(s *shape, n *node, v reflect.Value) error {
	kind, err := b.kindOf(n)
	if err != nil {
		return err
	}
	selected := s.of(kind)
	value := reflect.New(selected.typ)
	if err := b.object(selected, n, value.Elem()); err != nil {
		return err
	}
	v.Set(value)
	return nil
}

// kindOf returns the kind that an object must have.
func (b *binder) kindOf(n *node) (string, error) {
	if n.form != objectForm {
		return "", b.want(objectForm, n)
	}
	kind := n.member("kind")
	if kind == nil || kind.form == nullForm {
		return "", b.in("kind", n, "a kind is required")
	}
	if kind.form != textForm || kind.text == "" {
		return "", b.in("kind", kind, "the kind must be a URI")
	}
	return kind.text, nil
}

func (b *binder) object(s *shape, n *node, v reflect.Value) error {
	if n.form != objectForm {
		return b.want(objectForm, n)
	}
	if s.needKind {
		if _, err := b.kindOf(n); err != nil {
			return err
		}
	}
	var rest node
	for i, name := range n.names {
		value := &n.items[i]
		if value.twice {
			return b.in(name, value, "the element stands twice")
		}
		at, known := s.byName[name]
		if !known {
			b.unknown(s, n, &rest, name, value)
			continue
		}
		if value.form == nullForm {
			continue
		}
		f := &s.fields[at]
		b.trail = append(b.trail, step{name, -1})
		if err := b.bind(f.shape, value, f.in(v)); err != nil {
			return err
		}
		b.trail = b.trail[:len(b.trail)-1]
	}
	if err := b.required(s, n); err != nil {
		return err
	}
	s.defaultKind(v)
	return b.keep(s, &rest, v)
}

// defaultKind sets the kind that Encode would write in its absence.
func (s *shape) defaultKind(v reflect.Value) {
	if s.kind == "" {
		return
	}
	if kind := s.fields[s.byName["kind"]].in(v); kind.Len() == 0 {
		kind.SetString(s.kind)
	}
}

// unknown keeps a member that no field has where the shape has room for it, and
// gives notice of it otherwise.
func (b *binder) unknown(s *shape, n, rest *node, name string, value *node) {
	if s.rest != nil {
		rest.add(name, *value)
		return
	}
	if len(b.notices) > maxNotices {
		return
	}
	if len(b.notices) == maxNotices {
		b.notices = append(b.notices, Notice{Message: "more unknown properties ignored"})
		return
	}
	b.notices = append(b.notices, Notice{
		Path:    append(b.trail, step{name, -1}).String(),
		Line:    b.line(value.pos),
		Message: fmt.Sprintf("unknown property %s ignored", clip(name)),
		Meant:   s.meant(n, name),
	})
}

// meant is the property of an object that was probably meant by an unknown one:
// one that isn't there.
func (s *shape) meant(n *node, name string) string {
	var absent []string
	for i := range s.fields {
		if n.member(s.fields[i].name) == nil {
			absent = append(absent, s.fields[i].name)
		}
	}
	return spelling.Nearest(name, absent)
}

// keep stores the unknown members of a value whose kind isn't known.
func (b *binder) keep(s *shape, rest *node, v reflect.Value) error {
	if s.rest == nil || len(rest.names) == 0 {
		return nil
	}
	rest.form = objectForm
	raw, err := b.raw(rest)
	v.FieldByIndex(s.rest).SetBytes(raw)
	return err
}

func (b *binder) required(s *shape, n *node) error {
	for i := range s.fields {
		f := &s.fields[i]
		if !f.required {
			continue
		}
		if value := n.member(f.name); value == nil || value.form == nullForm {
			return b.in(f.name, n, "a value is required")
		}
	}
	return nil
}

func (b *binder) list(s *shape, n *node, v reflect.Value) error {
	if n.form != listForm {
		return b.want(listForm, n)
	}
	if len(n.items) == 0 {
		return nil
	}
	if err := b.count(n, len(n.items)); err != nil {
		return err
	}
	list := reflect.MakeSlice(s.typ, len(n.items), len(n.items))
	for i := range n.items {
		b.trail = append(b.trail, step{"", i})
		if n.items[i].form == nullForm && s.elem.form != rawForm {
			return b.want(s.elem.form, &n.items[i])
		}
		if err := b.bind(s.elem, &n.items[i], list.Index(i)); err != nil {
			return err
		}
		b.trail = b.trail[:len(b.trail)-1]
	}
	v.Set(list)
	return nil
}

func (b *binder) textMap(n *node, v reflect.Value) error {
	if n.form != objectForm {
		return b.want(mapForm, n)
	}
	if err := b.count(n, len(n.items)); err != nil {
		return err
	}
	values := make(map[string]string, len(n.items))
	for i, name := range n.names {
		value := &n.items[i]
		if value.twice {
			return b.in(name, value, "the element stands twice")
		}
		switch value.form {
		case textForm, numberForm, boolForm:
			values[name] = value.text
		case nullForm:
		default:
			b.trail = append(b.trail, step{name, -1})
			return b.want(textForm, value)
		}
	}
	if len(values) > 0 {
		v.Set(reflect.ValueOf(values))
	}
	return nil
}

// raw writes a node as JSON, counting its lists.
func (b *binder) raw(n *node) (Raw, error) {
	if err := b.countAll(n); err != nil {
		return nil, err
	}
	return appendNode(nil, n), nil
}

func (b *binder) countAll(n *node) error {
	if n.form == listForm {
		if err := b.count(n, len(n.items)); err != nil {
			return err
		}
	}
	for i := range n.items {
		if err := b.countAll(&n.items[i]); err != nil {
			return err
		}
	}
	return nil
}

// count adds the entries of a list or map to those seen.
func (b *binder) count(n *node, entries int) error {
	if b.entries += entries; b.entries <= b.limits.Entries {
		return nil
	}
	err := b.fail(n, fmt.Sprintf("the lists have more than %d entries together", b.limits.Entries))
	err.Limit = true
	return err
}

func (b *binder) want(f form, n *node) error {
	return b.fail(n, fmt.Sprintf("%v is wanted here, not %s", f, describe(n)))
}

func (b *binder) in(name string, n *node, message string) error {
	b.trail = append(b.trail, step{name, -1})
	return b.fail(n, message)
}

func (b *binder) fail(n *node, message string) *SyntaxError {
	return &SyntaxError{Path: clipPath(b.trail.String()), Line: b.line(n.pos), Message: message}
}

// describe shows a node in a message: a scalar by its text.
func describe(n *node) string {
	switch n.form {
	case numberForm, boolForm:
		return clip(n.text)
	case textForm:
		return fmt.Sprintf("%q", clip(n.text))
	}
	return n.form.String()
}
