package ivoa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// readYAML reads a body as one YAML document of maps, lists and scalars. What
// makes YAML dangerous is refused: merge keys, tags of types, keys that aren't
// scalars, names given twice. Aliases are followed within the budget.
func readYAML(body []byte, b *budget) (node, error) {
	if !utf8.Valid(body) {
		return node{}, &SyntaxError{Message: "not YAML: the body is not UTF-8"}
	}
	if yamlMarks(body)/2 > b.limits.Values {
		return node{}, &SyntaxError{Limit: true, Message: fmt.Sprintf("there are more than %d values", b.limits.Values)}
	}
	doc, err := parseYAML(body)
	if err != nil {
		return node{}, err
	}
	r := yamlReader{budget: b}
	root, err := r.value(doc.Content[0], 1)
	if err != nil {
		return node{}, r.explain(err)
	}
	return root, nil
}

// yamlMarks counts what may begin a value. The parser builds the whole document
// before a value can be counted, at some two hundred bytes each; a value takes
// one or two marks, so that a body with too many needn't be parsed to be refused.
func yamlMarks(body []byte) int {
	marks := 0
	for i, c := range body {
		switch c {
		case '\n', ',', '[', '{':
			marks++
		case ':', '-', '?':
			if i+1 == len(body) || body[i+1] == ' ' || body[i+1] == '\t' {
				marks++
			}
		}
	}
	return marks
}

// parseYAML returns the body's only document.
func parseYAML(body []byte) (doc *yaml.Node, err error) {
	defer func() { // the parser is known to panic on some input
		if p := recover(); p != nil {
			doc, err = nil, &SyntaxError{Message: fmt.Sprintf("not YAML: %v", p)}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(body))
	doc = &yaml.Node{}
	switch err := dec.Decode(doc); {
	case err == io.EOF || err == nil && len(doc.Content) == 0:
		return nil, &SyntaxError{Message: "the body is empty"}
	case err != nil:
		return nil, yamlError(err)
	}
	if err := dec.Decode(&yaml.Node{}); err != io.EOF {
		return nil, &SyntaxError{Message: "the body has more than one YAML document"}
	}
	return doc, nil
}

// yamlError takes the line out of the parser's "yaml: line 3: …".
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &SyntaxError{Message: "not YAML: " + clip(text)}
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, message, found := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil && found {
			e.Line, e.Message = line, "not YAML: "+clip(message)
		}
	}
	return e
}

type yamlReader struct {
	budget *budget
	trail  trail
	at     *yaml.Node // the value being read
}

func (r *yamlReader) value(y *yaml.Node, depth int) (node, error) {
	r.at = y
	if y.Kind == yaml.AliasNode {
		n, err := r.value(y.Alias, depth) // nesting in itself, it would pass the depth
		n.pos = y.Line
		return n, err
	}
	if err := r.budget.spend(depth, len(y.Value)); err != nil {
		return node{}, err
	}
	switch y.Kind {
	case yaml.MappingNode:
		return r.object(y, depth)
	case yaml.SequenceNode:
		return r.list(y, depth)
	case yaml.ScalarNode:
		return r.scalar(y)
	}
	return node{}, &SyntaxError{Message: "not a value"}
}

func (r *yamlReader) list(y *yaml.Node, depth int) (node, error) {
	n := node{form: listForm, pos: y.Line, items: make([]node, 0, len(y.Content))}
	if tag := y.ShortTag(); tag != "!!seq" {
		return node{}, badTag(tag)
	}
	for i, entry := range y.Content {
		r.trail = append(r.trail, step{"", i})
		value, err := r.value(entry, depth+1)
		if err != nil {
			return node{}, err
		}
		r.trail = r.trail[:len(r.trail)-1]
		n.items = append(n.items, value)
	}
	return n, nil
}

func (r *yamlReader) object(y *yaml.Node, depth int) (node, error) {
	n := node{form: objectForm, pos: y.Line}
	if tag := y.ShortTag(); tag != "!!map" {
		return node{}, badTag(tag)
	}
	seen := make(map[string]struct{}, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		name, err := r.name(y.Content[i], seen)
		if err != nil {
			return node{}, err
		}
		r.trail = append(r.trail, step{name, -1})
		value, err := r.value(y.Content[i+1], depth+1)
		if err != nil {
			return node{}, err
		}
		r.trail = r.trail[:len(r.trail)-1]
		n.add(name, value)
	}
	return n, nil
}

// name reads a key, as text whatever it looks like.
func (r *yamlReader) name(y *yaml.Node, seen map[string]struct{}) (string, error) {
	r.at = y
	if y.Kind != yaml.ScalarNode {
		return "", &SyntaxError{Message: "a name must be a plain text"}
	}
	if y.ShortTag() == "!!merge" {
		return "", &SyntaxError{Message: "merge keys (<<) are not allowed"}
	}
	if _, twice := seen[y.Value]; twice {
		return "", &SyntaxError{Message: fmt.Sprintf("the name %q stands twice in one object", clip(y.Value))}
	}
	if !utf8.ValidString(y.Value) {
		return "", &SyntaxError{Message: "a name is not UTF-8"}
	}
	seen[y.Value] = struct{}{}
	r.budget.bytes += len(y.Value)
	return y.Value, nil
}

// scalar reads null, true and false, and numbers; everything else is text as it
// was written, dates too.
func (r *yamlReader) scalar(y *yaml.Node) (node, error) {
	n := node{pos: y.Line, text: y.Value, form: textForm}
	if y.Style == 0 && isJSONNumber(y.Value) { // also those too large for the parser
		n.form, n.number = numberForm, y.Value
		return n, nil
	}
	switch tag := y.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge":
	case "!!null":
		n.form = nullForm
	case "!!bool":
		if _, err := strconv.ParseBool(y.Value); err != nil {
			return node{}, badTag(tag)
		}
		n.form = boolForm
	case "!!int", "!!float":
		number, finite, err := yamlNumber(y)
		if err != nil {
			return node{}, badTag(tag)
		}
		if finite {
			n.form, n.number = numberForm, number
		}
	default:
		return node{}, badTag(tag)
	}
	if !utf8.ValidString(n.text) {
		return node{}, &SyntaxError{Message: "a text is not UTF-8"}
	}
	return n, nil
}

// yamlNumber returns a number as JSON writes it: itself if it can be, so that
// nothing is lost, or else its value (0x10, 1_000, .5). Infinities aren't finite
// and stay text.
func yamlNumber(y *yaml.Node) (number string, finite bool, err error) {
	if isJSONNumber(y.Value) {
		return y.Value, true, nil
	}
	var value any
	if err := y.Decode(&value); err != nil {
		return "", false, err
	}
	switch v := value.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return "", false, nil
		}
		return string(appendFloat(nil, v)), true, nil
	case int, int64, uint64:
		return fmt.Sprint(v), true, nil
	}
	return "", false, fmt.Errorf("%T is not a number", value)
}

// isJSONNumber reports whether text is a number as JSON writes it.
func isJSONNumber(s string) bool {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return false
	}
	return json.Valid([]byte(s))
}

func badTag(tag string) error {
	return &SyntaxError{Message: fmt.Sprintf("the YAML tag %s is not allowed here", clip(tag))}
}

// explain adds the place to what stopped the reader.
func (r *yamlReader) explain(err error) error {
	e := *err.(*SyntaxError)
	e.Path, e.Line = clipPath(r.trail.String()), r.at.Line
	return &e
}
