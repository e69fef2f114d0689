package expression

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Bounds of how an expression is written.
const (
	maxLength = 4096 // characters
	maxDepth  = 50
)

// Names are what expressions of a language can use.
type Names struct {
	// Types are the types of all names. One may have dots: "session.cores".
	Types map[string]*cel.Type
	// Members are the keys of names that are maps, where no others make sense.
	Members map[string]Members
	// Structs are the Go structs that Types speak of, by their package and name;
	// what their fields are called is in the tag "cel".
	Structs []reflect.Type
}

// Members are the keys that a map has.
type Members struct {
	Known []string
	More  string // who may add others, for the message that none is called so
}

// A Language is what expressions are written in. It never changes, and may be
// used by any number of goroutines.
type Language struct {
	env     *cel.Env
	names   []string // in order
	members map[string]Members
	bounds  Bounds
	suggest func(name string, known []string) string
}

// Bounds say how much work one evaluation may be, in CEL's steps: a comparison
// or a look-up is one. It is a bound of work and not of time: what an expression
// makes must not depend on how busy the machine is.
type Bounds struct {
	Steps uint64
	// Sizes are how many entries a name's value has, by the name, or bytes where it
	// is a text; Size stands for all others, and for what is inside. Values may be
	// larger where they are evaluated with Counted.
	Sizes map[string]uint64
	Size  uint64
}

// New returns a language. Suggest returns "; did you mean …?" where a name is
// near to a known one, and "" otherwise; nil never suggests.
func New(names Names, bounds Bounds, suggest func(name string, known []string) string) (*Language, error) {
	if suggest == nil {
		suggest = func(string, []string) string { return "" }
	}
	// Every number is best a double, since CEL doesn't reckon with mixed kinds; they
	// can be compared, though.
	options := []cel.EnvOption{
		ext.Math(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxLength), cel.ParserRecursionLimit(maxDepth),
	}
	if len(names.Structs) > 0 {
		native := []any{ext.ParseStructTags(true)}
		for _, s := range names.Structs {
			native = append(native, s)
		}
		options = append(options, ext.NativeTypes(native...))
	}
	env, err := cel.NewEnv(append(options, declare(names.Types)...)...)
	if err != nil {
		return nil, err
	}
	return &Language{env, slices.Sorted(maps.Keys(names.Types)), names.Members, bounds, suggest}, nil
}

// Extend returns a language with further names.
func (l *Language) Extend(names map[string]*cel.Type) (*Language, error) {
	extended := *l
	extended.names = slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(names)), l.names...)))
	var err error
	extended.env, err = l.env.Extend(declare(names)...)
	return &extended, err
}

func declare(names map[string]*cel.Type) (options []cel.EnvOption) {
	for name, kind := range names {
		options = append(options, cel.Variable(name, kind))
	}
	return options
}

// inside lists what stands behind a name and a dot.
func (l *Language) inside(name string) (inner []string) {
	for _, known := range l.names {
		if rest, ok := strings.CutPrefix(known, name+"."); ok {
			inner = append(inner, rest)
		}
	}
	return inner
}
