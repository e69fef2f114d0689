package ivoa

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// readJSON reads a body as one JSON value: strict UTF-8, no name twice.
func readJSON(body []byte, b *budget) (node, error) {
	r := jsonReader{dec: jsontext.NewDecoder(bytes.NewBuffer(body)), budget: b}
	root, err := r.value(1)
	if err != nil {
		return node{}, r.explain(body, err)
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		return node{}, &SyntaxError{Line: lineOf(body, int(r.dec.InputOffset())), Message: "something follows the JSON value"}
	}
	return root, nil
}

// jsonReader gathers the members of what is open on stacks, and moves them to
// their object or list when that is closed: one allocation each, of the right size.
type jsonReader struct {
	dec    *jsontext.Decoder
	budget *budget
	names  []string
	nodes  []node
}

func (r *jsonReader) value(depth int) (node, error) {
	switch r.dec.PeekKind() {
	case '[', '{':
		return r.container(depth)
	}
	value, err := r.dec.ReadValue()
	if err != nil {
		return node{}, err
	}
	n := node{pos: int(r.dec.InputOffset())}
	switch value.Kind() {
	case 't', 'f':
		n.form, n.text = boolForm, value.String()
	case '0':
		n.form, n.text = numberForm, value.String()
		n.number = n.text
	case '"':
		n.form = textForm
		n.text, err = unquote(value)
	}
	if err != nil {
		return node{}, err
	}
	return n, r.budget.spend(depth, len(n.text))
}

func (r *jsonReader) container(depth int) (node, error) {
	token, err := r.dec.ReadToken()
	if err != nil {
		return node{}, err
	}
	n := node{form: listForm, pos: int(r.dec.InputOffset())}
	if token.Kind() == '{' {
		n.form = objectForm
	}
	if err := r.budget.spend(depth, 0); err != nil {
		return node{}, err
	}
	names, nodes := len(r.names), len(r.nodes)
	for kind := r.dec.PeekKind(); kind != ']' && kind != '}'; kind = r.dec.PeekKind() {
		if err := r.member(n.form, depth); err != nil {
			return node{}, err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return node{}, err
	}
	n.names, n.items = slices.Clone(r.names[names:]), slices.Clone(r.nodes[nodes:])
	r.names, r.nodes = r.names[:names], r.nodes[:nodes]
	return n, nil
}

// member reads an entry of a list, or a name and a value of an object.
func (r *jsonReader) member(of form, depth int) error {
	if of == objectForm {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		text, err := unquote(name)
		if err != nil {
			return err
		}
		r.names = append(r.names, text)
	}
	value, err := r.value(depth + 1)
	r.nodes = append(r.nodes, value)
	return err
}

// unquote returns the text of a JSON string; that of a common word without a copy.
func unquote(value jsontext.Value) (string, error) {
	inner := value[1 : len(value)-1]
	if word, ok := words[string(inner)]; ok {
		return word, nil
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), nil
	}
	text, err := jsontext.AppendUnquote(nil, value)
	return string(text), err
}

// explain turns what stopped the reader into a SyntaxError with its place.
func (r *jsonReader) explain(body []byte, err error) error {
	at := SyntaxError{Path: clipPath(string(r.dec.StackPointer())), Line: lineOf(body, int(r.dec.InputOffset()))}
	var ours *SyntaxError
	var theirs *jsontext.SyntacticError
	switch {
	case errors.As(err, &ours):
		at.Message, at.Limit = ours.Message, ours.Limit
	case errors.Is(err, io.EOF) && len(bytes.TrimSpace(body)) == 0:
		at.Message = "the body is empty"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		at.Message = "the JSON ends too early"
	case errors.Is(err, jsontext.ErrDuplicateName):
		at.Message = "a name stands twice in one object"
	case errors.As(err, &theirs):
		at.Path, at.Line = clipPath(string(theirs.JSONPointer)), lineOf(body, int(theirs.ByteOffset))
		at.Message = "not JSON: " + theirs.Err.Error()
	default:
		at.Message = "not JSON: " + err.Error()
	}
	return &at
}

// clipPath shortens a pointer that a client has made too long to repeat.
func clipPath(path string) string {
	const most = 512
	if len(path) <= most {
		return path
	}
	return clip(path[:most])
}
