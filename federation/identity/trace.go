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
func (t Trace) Valid() bool {
	if len(t) != 32 {
		return false
	}
	zero := true
	for _, digit := range []byte(t) {
		if (digit < '0' || digit > '9') && (digit < 'a' || digit > 'f') {
			return false
		}
		zero = zero && digit == '0'
	}
	return !zero
}
