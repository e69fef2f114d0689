package ivoa

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// unlimited is for what this program wrote itself.
var unlimited = Limits{Bytes: math.MaxInt, Depth: math.MaxInt, Entries: math.MaxInt, Values: math.MaxInt}

// appendNode appends a tree as JSON.
func appendNode(out []byte, n *node) []byte {
	switch n.form {
	case boolForm:
		return strconv.AppendBool(out, n.text[0]|0x20 == 't')
	case numberForm:
		return append(out, n.number...)
	case textForm:
		return appendText(out, n.text)
	case listForm:
		out = append(out, '[')
		for i := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendNode(out, &n.items[i])
		}
		return append(out, ']')
	case objectForm:
		out = append(out, '{')
		for i := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendText(out, n.names[i]), ':')
			out = appendNode(out, &n.items[i])
		}
		return append(out, '}')
	default:
		return append(out, "null"...)
	}
}

// appendText appends a JSON string; bytes that aren't UTF-8 become U+FFFD.
func appendText(out []byte, s string) []byte {
	if isSimple(s) {
		return append(append(append(out, '"'), s...), '"')
	}
	out, _ = jsontext.AppendQuote(out, s)
	return out
}

// isSimple reports whether text needs no escapes, as almost all of ours.
func isSimple(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendFloat appends the shortest number that reads back as f. One with an
// exponent has a point and a sign too, without which YAML 1.1 takes it for text.
func appendFloat(out []byte, f float64) []byte {
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(out, f, 'f', -1, 64)
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	if mantissa, exponent, _ := strings.Cut(text, "e"); !strings.Contains(mantissa, ".") {
		text = mantissa + ".0e" + exponent
	}
	return append(out, text...)
}
