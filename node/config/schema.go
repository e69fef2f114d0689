package config

import (
	"reflect"
	"strings"
)

// key is one thing that can be set: a leaf of Config, or a block of them.
type key struct {
	path    string // "offers.holdTime"
	name    string // "holdTime"
	kind    reflect.Type
	field   string // "Offers.HoldTime", where its comment stands
	bounds  bounds
	example string
	lax     bool   // may be absent where its siblings are there: in entries of lists and maps
	inside  []*key // of a block
}

// bounds are what a field's tags allow.
type bounds struct {
	min, max string
	oneof    []string
}

// block reports whether the key only holds others.
func (k *key) block() bool { return k.inside != nil }

// child returns the key of that name within a block, or nil.
func (k *key) child(name string) *key {
	for _, c := range k.inside {
		if c.name == name {
			return c
		}
	}
	return nil
}

// leaves returns all that can be set within a block, in the order of the fields.
func (k *key) leaves() []*key {
	if !k.block() {
		return []*key{k}
	}
	var all []*key
	for _, c := range k.inside {
		all = append(all, c.leaves()...)
	}
	return all
}

// variable is the environment variable that sets a leaf.
func (k *key) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// prefix begins the environment variables that are meant for Starling.
const prefix = "STARLING_"

// schema is the tree of all keys, read from the fields of Config.
func schema() *key { return &key{inside: keysOf(reflect.TypeFor[Config](), "")} }

func keysOf(t reflect.Type, above string) []*key {
	var keys []*key
	for f := range t.Fields() {
		k := &key{
			name:    f.Tag.Get("key"),
			kind:    f.Type,
			field:   t.Name() + "." + f.Name,
			example: f.Tag.Get("example"),
			lax:     f.Tag.Get("optional") != "",
			bounds: bounds{
				min: f.Tag.Get("min"), max: f.Tag.Get("max"),
				oneof: strings.Fields(f.Tag.Get("oneof")),
			},
		}
		k.path = join(above, k.name)
		if f.Type.Kind() == reflect.Struct {
			k.inside = keysOf(f.Type, k.path)
		}
		keys = append(keys, k)
	}
	return keys
}

func join(above, name string) string {
	if above == "" {
		return name
	}
	return above + "." + name
}
