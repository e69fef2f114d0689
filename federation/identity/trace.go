package identity

import "fmt"

// Trace names all that is done on behalf of one request, at whatever node and
// however much later: 32 lower-case hexadecimal digits, not all of them zero, as W3C
// Trace Context has it. Whoever asks may choose it, so that it is good for finding
// things together, and nothing else: no decision looks at it. "" is none.
type Trace string

// ParseTrace reads a trace's name as somebody has written it.
func ParseTrace(text string) (Trace, error) {
	t := Trace(text)
	if !t.Valid() {
		return "", fmt.Errorf("%.40q is no trace: want 32 lower-case hexadecimal digits, not all of them zero", text)
	}
	return t, nil
}

// Valid reports whether a trace has a name, and a good one.
func (t Trace) Valid() bool { return digits(string(t), 32) }

// Span names one part of a trace that is recorded somewhere: 16 lower-case hexadecimal
// digits, not all of them zero. "" is none. It is kept beside the trace by what is done
// later, which then goes below it.
type Span string

// Valid reports whether a span has a name, and a good one.
func (s Span) Valid() bool { return digits(string(s), 16) }

// digits reports whether a text is so many lower-case hexadecimal digits, not all of
// them zero.
func digits(text string, n int) bool {
	if len(text) != n {
		return false
	}
	zero := true
	for _, digit := range []byte(text) {
		if (digit < '0' || digit > '9') && (digit < 'a' || digit > 'f') {
			return false
		}
		zero = zero && digit == '0'
	}
	return !zero
}
