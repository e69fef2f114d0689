package config

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The comments of the fields are the documentation of the keys: the program
// carries its own source.
//
//go:embed *keys.go
var source embed.FS

// Reference is a configuration file with every key at its default, each with
// its description, bounds and environment variable. Keys whose default depends
// on the host are commented out.
func Reference() string {
	w := &referenceWriter{comments: comments(), defaults: reflect.ValueOf(Default(false))}
	w.line(0, "# Starling's configuration. Every key is here with its default: a file needs")
	w.line(0, "# only those that differ. An environment variable overrides its key, a flag of")
	w.line(0, "# the command line overrides both (--set KEY=VALUE sets any key).")
	for _, k := range schema().inside {
		w.line(0, "")
		w.key(k, w.defaults.FieldByName(fieldName(k)), 0)
	}
	return w.text.String()
}

type referenceWriter struct {
	text     strings.Builder
	comments map[string]string
	defaults reflect.Value
}

func (w *referenceWriter) line(depth int, text string) {
	w.text.WriteString(strings.TrimRight(strings.Repeat("  ", depth)+text, " ") + "\n")
}

func (w *referenceWriter) key(k *key, value reflect.Value, depth int) {
	for text := range strings.SplitSeq(strings.TrimSpace(w.comments[k.field]), "\n") {
		w.line(depth, "# "+text)
	}
	w.entries(k.kind, depth, "#   ")
	if k.block() {
		w.line(depth, k.name+":")
		for _, inner := range k.inside {
			w.key(inner, value.FieldByName(fieldName(inner)), depth+1)
		}
		return
	}
	if facts := k.facts(); facts != "" {
		w.line(depth, "# ["+facts+"]")
	}
	if k.example != "" {
		w.line(depth, "# "+k.name+": "+k.example)
		return
	}
	w.value(k.name, value, depth)
}

// entries describes the keys of what a list or a table holds, and of the blocks
// in it.
func (w *referenceWriter) entries(t reflect.Type, depth int, indent string) {
	if t.Kind() != reflect.Slice && t.Kind() != reflect.Map || t.Elem().Kind() != reflect.Struct {
		return
	}
	w.members(keysOf(t.Elem(), ""), depth, indent)
}

func (w *referenceWriter) members(keys []*key, depth int, indent string) {
	for _, k := range keys {
		text := strings.Join(strings.Fields(w.comments[k.field]), " ")
		if k.lax {
			text = "(optional) " + text
		}
		for i, line := range wrap(k.name+": "+text, 72-len(indent)) {
			w.line(depth, indent+strings.Repeat("  ", min(i, 1))+line)
		}
		w.members(k.inside, depth, indent+"  ")
		w.entries(k.kind, depth, indent+"  ")
	}
}

// wrap breaks text into lines of at most so many bytes.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// facts are a key's bounds and its variable, in one line.
func (k *key) facts() string {
	var facts []string
	if len(k.bounds.oneof) > 0 {
		facts = append(facts, alternatives(k.bounds.oneof))
	}
	if k.bounds.min != "" {
		facts = append(facts, k.bounds.min+" to "+k.bounds.max)
	}
	if settable(k.kind) {
		facts = append(facts, k.variable())
	}
	return strings.Join(facts, "; ")
}

// settable reports whether environment and flags can set values of a type.
func settable(t reflect.Type) bool {
	return t.Kind() != reflect.Map && (t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.String)
}

func (w *referenceWriter) value(name string, value reflect.Value, depth int) {
	switch value.Kind() {
	case reflect.Map:
		w.line(depth, name+":")
		names := value.MapKeys()
		slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, n := range names {
			w.line(depth+1, n.String()+": "+flow(value.MapIndex(n)))
		}
	case reflect.Slice:
		w.line(depth, name+": []")
	default:
		w.line(depth, name+": "+scalarText(value))
	}
}

// flow writes a struct in one line, without what is empty.
func flow(v reflect.Value) string {
	var parts []string
	for _, k := range keysOf(v.Type(), "") {
		if f := v.FieldByName(fieldName(k)); !f.IsZero() {
			parts = append(parts, k.name+": "+scalarText(f))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// scalarText writes a value as YAML.
func scalarText(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return formatDuration(x)
	case Size:
		return x.String()
	case Bandwidth:
		return x.String()
	case Decimal:
		return string(x)
	}
	text, err := yaml.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return strings.TrimSpace(string(text))
}

func fieldName(k *key) string { return k.field[strings.LastIndexByte(k.field, '.')+1:] }

// comments reads the comments of all struct fields, by "Type.Field".
func comments() map[string]string {
	found := map[string]string{}
	files, _ := source.ReadDir(".")
	for _, entry := range files {
		text, _ := source.ReadFile(entry.Name())
		file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue // it was compiled: this can't be
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				fieldComments(spec, found)
			}
			return true
		})
	}
	return found
}

func fieldComments(spec *ast.TypeSpec, into map[string]string) {
	body, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range body.Fields.List {
		for _, name := range f.Names {
			into[spec.Name.Name+"."+name.Name] = f.Doc.Text()
		}
	}
}
