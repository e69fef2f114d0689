package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"starling/api/ivoa/spelling"
)

// maxFile bounds the configuration file, in bytes. Ours has a hundred lines.
const maxFile = 1 << 20

// reader reads one configuration file.
type reader struct {
	name string // for messages: the file's name without its directory
	root *key
	bad  *problems
	set  layer
	// where says on which line each value stands, those within lists included.
	where map[string]string
}

// readFile reads a file's settings, and where they stand; no name, no settings. The
// error is of a file that can't be read at all.
func readFile(root *key, path string, bad *problems) (layer, map[string]string, error) {
	if path == "" {
		return layer{}, nil, nil
	}
	body, err := readBounded(path)
	if err != nil {
		return nil, nil, &Error{Problem: err.Error()}
	}
	r := &reader{name: filepath.Base(path), root: root, bad: bad, set: layer{}, where: map[string]string{}}
	r.document(body)
	return r.set, r.where, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(body) > maxFile {
		return nil, fmt.Errorf("%s: a configuration has at most 1 MiB", path)
	}
	return body, nil
}

func (r *reader) document(body []byte) {
	var doc yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(body)))
	if err := decoder.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			r.syntax(err)
		}
		return
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		r.bad.add(r.name, "", "more than one YAML document; there must be one")
		return
	}
	r.block(doc.Content[0], r.root)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax reports what the YAML parser has to say, with the line where ours goes.
func (r *reader) syntax(err error) {
	m := yamlLine.FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0])
	if m == nil {
		r.bad.add(r.name, "", "not YAML: %s", err)
		return
	}
	source := r.name
	if m[1] != "" {
		source += ":" + m[1]
	}
	r.bad.add(source, "", "not YAML: %s", m[2])
}

func (r *reader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.name, n.Line) }

// block reads a mapping of keys.
func (r *reader) block(n *yaml.Node, k *key) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.bad.add(r.at(n), k.path, "want keys and values, found %s", describe(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		child := k.child(name.Value)
		switch line, twice := seen[name.Value]; {
		case twice:
			r.bad.add(r.at(name), join(k.path, name.Value), "already set in line %d", line)
		case child == nil:
			r.bad.add(r.at(name), join(k.path, name.Value), "unknown key%s", r.suggestion(k, name.Value))
		case child.block():
			r.block(value, child)
		case isNull(value): // "key:" alone leaves the default
		default:
			r.leaf(value, child)
		}
		seen[name.Value] = name.Line
	}
}

// suggestion looks for a name beside it first, then for the same name elsewhere.
func (r *reader) suggestion(k *key, name string) string {
	var names []string
	for _, c := range k.inside {
		names = append(names, c.name)
	}
	if near := spelling.Guess(name, names); near != "" {
		return near
	}
	for _, leaf := range r.root.leaves() {
		if spelling.Plainly(leaf.name) == spelling.Plainly(name) {
			return "; did you mean " + leaf.path + "?"
		}
	}
	slices.Sort(names)
	return "; there are " + strings.Join(names, ", ")
}

func (r *reader) leaf(n *yaml.Node, k *key) {
	value, ok := r.value(n, k.path, k.kind, k.bounds)
	if ok {
		r.set[k.path] = setting{value.Interface(), r.at(n)}
	}
}

// value reads a scalar, a list, or a mapping with free or fixed names.
func (r *reader) value(n *yaml.Node, path string, t reflect.Type, b bounds) (reflect.Value, bool) {
	r.where[path] = r.at(n)
	switch {
	case t.Kind() == reflect.Slice:
		return r.list(n, path, t, b)
	case t.Kind() == reflect.Map:
		return r.mapping(n, path, t, b)
	case t.Kind() == reflect.Struct:
		return r.entry(n, path, t)
	case t.Kind() == reflect.Pointer: // to a value that may be absent, and zero
		value, ok := r.value(n, path, t.Elem(), b)
		if !ok {
			return value, false
		}
		pointer := reflect.New(t.Elem())
		pointer.Elem().Set(value)
		return pointer, true
	}
	if n.Kind != yaml.ScalarNode || isNull(n) {
		r.bad.add(r.at(n), path, "want one value, found %s", describe(n))
		return reflect.Value{}, false
	}
	value, err := parseScalar(n.Value, t, b)
	if err != nil {
		r.bad.add(r.at(n), path, "%s", err)
	}
	return value, err == nil
}

func (r *reader) list(n *yaml.Node, path string, t reflect.Type, b bounds) (reflect.Value, bool) {
	if n.Kind != yaml.SequenceNode {
		r.bad.add(r.at(n), path, "want a list, as [a, b] is, found %s", describe(n))
		return reflect.Value{}, false
	}
	list, ok := reflect.MakeSlice(t, 0, len(n.Content)), true
	for i, item := range n.Content {
		value, good := r.value(item, fmt.Sprintf("%s[%d]", path, i), t.Elem(), b)
		if ok = ok && good; ok {
			list = reflect.Append(list, value)
		}
	}
	return list, ok
}

func (r *reader) mapping(n *yaml.Node, path string, t reflect.Type, b bounds) (reflect.Value, bool) {
	if n.Kind != yaml.MappingNode {
		r.bad.add(r.at(n), path, "want names and values, found %s", describe(n))
		return reflect.Value{}, false
	}
	m, ok := reflect.MakeMap(t), true
	for i := 0; i < len(n.Content); i += 2 {
		name := n.Content[i]
		value, good := r.value(n.Content[i+1], path+"."+name.Value, t.Elem(), b)
		if m.MapIndex(reflect.ValueOf(name.Value)).IsValid() {
			r.bad.add(r.at(name), path+"."+name.Value, "set twice")
			good = false
		}
		if ok = ok && good; ok {
			m.SetMapIndex(reflect.ValueOf(name.Value), value)
		}
	}
	return m, ok
}

// entry reads a struct that stands in a list or under a free name.
func (r *reader) entry(n *yaml.Node, path string, t reflect.Type) (reflect.Value, bool) {
	before := len(*r.bad)
	inner := &reader{name: r.name, root: &key{path: path, inside: keysOf(t, path)}, bad: r.bad, set: layer{}, where: r.where}
	inner.block(n, inner.root)
	value := reflect.New(t).Elem()
	missing := inner.fill(value, inner.root)
	if len(*r.bad) == before {
		for _, k := range missing {
			r.bad.add(r.at(n), k.path, "is missing")
		}
	}
	return value, len(*r.bad) == before
}

// fill sets a struct's fields to what was read, and returns the keys that should
// have been. A block that may be absent wants its keys if any of them is there.
func (r *reader) fill(value reflect.Value, block *key) (missing []*key) {
	for i, k := range block.inside {
		if k.block() {
			within := r.fill(value.Field(i), k)
			if !k.lax || !value.Field(i).IsZero() {
				missing = append(missing, within...)
			}
			continue
		}
		s, ok := r.set[k.path]
		switch {
		case ok:
			value.Field(i).Set(reflect.ValueOf(s.value))
		case !k.lax:
			missing = append(missing, k)
		}
	}
	return missing
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe names what a node is, for messages.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*" + n.Value + "), which is not read here"
	}
	if isNull(n) {
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}
