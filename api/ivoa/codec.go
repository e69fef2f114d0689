package ivoa

import (
	"fmt"
	"reflect"
)

// Decode reads a body into a value: a pointer to ExecutionRequest, OfferSet,
// Session, SessionList, to one of the interfaces (Update, Executable, …) or to
// one of the types of this package. Unknown properties of known kinds are
// accepted and named in the notices, up to a few dozen; unknown kinds become
// Unknown… values. The error is a *SyntaxError, or wraps ErrTooLarge, and
// leaves the value as it was. Limits that are zero are the default ones.
func Decode(media Media, body []byte, limits Limits, into any) ([]Notice, error) {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return nil, fmt.Errorf("decode into %T: not a pointer", into)
	}
	s, ok := wire[target.Type().Elem()]
	if !ok {
		return nil, fmt.Errorf("decode into %T: not on the wire", into)
	}
	limits = limits.orDefault()
	if len(body) > limits.Bytes {
		return nil, fmt.Errorf("%w: %d bytes, where %d are allowed", ErrTooLarge, len(body), limits.Bytes)
	}
	root, err := read(media, body, s, &budget{limits: limits})
	if err != nil {
		return nil, err
	}
	b := binder{limits: limits, line: liner(media, body)}
	value := reflect.New(target.Type().Elem()).Elem()
	if err := b.bind(s, &root, value); err != nil {
		return nil, err
	}
	target.Elem().Set(value)
	return b.notices, nil
}

func read(media Media, body []byte, s *shape, b *budget) (node, error) {
	switch media {
	case YAML:
		return readYAML(body, b)
	case XML:
		return readXML(body, s, b)
	default:
		return readJSON(body, b)
	}
}

// liner tells the line of a node: YAML's nodes know it, the others know their offset.
func liner(media Media, body []byte) func(pos int) int {
	if media == YAML {
		return func(pos int) int { return pos }
	}
	return func(pos int) int { return lineOf(body, pos) }
}

// Encode writes a value that Decode can read, or a pointer to one. Empty lists,
// nulls and zero values are left out. Text that isn't UTF-8, or in XML has
// characters that XML has none for, is mended with U+FFFD. An error means that
// the value can't be written at all: NaN, say, or a nil entry of a list.
func Encode(media Media, value any) ([]byte, error) {
	s, v, err := shapeOf(value)
	if err != nil {
		return nil, err
	}
	w := jsonWriter{out: make([]byte, 0, sizeHint)}
	w.value(s, v)
	if w.err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, w.err)
	}
	if media == JSON {
		return w.out, nil
	}
	root, err := readJSON(w.out, &budget{limits: unlimited})
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, err)
	}
	if media == YAML {
		return appendYAML(nil, &root), nil
	}
	return appendXML(nil, &root, s), nil
}

// sizeHint is the size in bytes of an answer of two offers.
const sizeHint = 6 << 10

// shapeOf finds the shape of a value behind any pointers.
func shapeOf(value any) (*shape, reflect.Value, error) {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil, v, fmt.Errorf("encode %T: nothing to write", value)
	}
	s, ok := wire[v.Type()]
	if !ok {
		return nil, v, fmt.Errorf("encode %T: not on the wire", value)
	}
	return s, v, nil
}
