package config

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"starling/api/ivoa/spelling"
)

// layer is what one source sets: typed values by the paths of their keys, and
// where each stands.
type layer map[string]setting

type setting struct {
	value  any
	source string
}

// values are the layer's values alone, as koanf wants them.
func (l layer) values() map[string]any {
	all := make(map[string]any, len(l))
	for path, s := range l {
		all[path] = s.value
	}
	return all
}

// setText sets a key from text, as environment and flags have it: lists are
// separated by commas.
func (l layer) setText(k *key, text, source string, bad *problems) {
	if k.kind == reflect.TypeFor[[]string]() {
		list := []string{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			if _, err := parseScalar(part, k.kind.Elem(), k.bounds); err != nil {
				bad.add(source, k.path, "%s", err)
				return
			}
			list = append(list, part)
		}
		l[k.path] = setting{list, source}
		return
	}
	value, err := parseScalar(text, k.kind, k.bounds)
	if err != nil {
		bad.add(source, k.path, "%s", err)
		return
	}
	l[k.path] = setting{value.Interface(), source}
}

// foreign are the variables that set nothing of a node's: those of the commands
// that talk to one, that which says where the file is, and those that a session
// is given, in which somebody may start a node.
var foreign = map[string]bool{
	"NODE": true, "TOKEN": true, "PROPOSAL": true, "CA": true, "CONFIG": true,
	"SESSION": true, "ATTEMPT": true, "CORES": true, "MEMORY_GIB": true, "STORAGE_GIB": true, "GPUS": true, "JOB": true,
}

// environment reads the STARLING_ variables of an environment in the form of
// os.Environ.
func environment(root *key, environ []string, bad *problems) layer {
	known := map[string]*key{}
	for _, k := range root.leaves() {
		known[strings.TrimPrefix(k.variable(), prefix)] = k
	}
	l := layer{}
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(entry, "=")
		short, ours := strings.CutPrefix(name, prefix)
		if !ours || foreign[short] {
			continue
		}
		k, ok := known[short]
		if !ok {
			bad.add(name, "", "unknown variable%s", guessVariable(short, known))
			continue
		}
		l.setText(k, text, name, bad)
	}
	return l
}

func guessVariable(short string, known map[string]*key) string {
	near := spelling.Nearest(short, slices.Sorted(maps.Keys(known)))
	if near == "" {
		return "; `starling config` lists those that there are"
	}
	return "; did you mean " + prefix + near + "?"
}

// Flag is one setting of the command line.
type Flag struct {
	// Name is what the user typed, for messages: "--http".
	Name string
	// Key is the path of the key that it sets.
	Key string
	// Value is its value as text; lists are separated by commas.
	Value string
}

// ErrCapacity says that a text is no list of capacities.
var ErrCapacity = errors.New("want cores=8,memory=16,storage=100,gpus=0 (GiB)")

// CapacityFlags turns "cores=8,memory=16" into one Flag for each resource.
func CapacityFlags(name, text string) ([]Flag, error) {
	var flags []Flag
	for part := range strings.SplitSeq(text, ",") {
		resource, amount, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found || resource == "" {
			return nil, &Error{Source: name, Problem: ErrCapacity.Error()}
		}
		flags = append(flags, Flag{Name: name, Key: "capacity." + resource, Value: amount})
	}
	return flags, nil
}

func flagged(root *key, flags []Flag, bad *problems) layer {
	l := layer{}
	for _, f := range flags {
		k := find(root, f.Key)
		if k == nil || k.block() {
			bad.add(f.Name, f.Key, "unknown key%s", spelling.Guess(f.Key, paths(root)))
			continue
		}
		l.setText(k, f.Value, f.Name, bad)
	}
	return l
}

// find returns the key of a path, or nil.
func find(root *key, path string) *key {
	k := root
	for name := range strings.SplitSeq(path, ".") {
		if k = k.child(name); k == nil {
			return nil
		}
	}
	return k
}

// paths lists the paths of all leaves.
func paths(root *key) []string {
	var all []string
	for _, k := range root.leaves() {
		all = append(all, k.path)
	}
	return slices.SortedFunc(slices.Values(all), cmp.Compare)
}
