package ivoa

import "strings"

// appendYAML appends a tree as YAML in block style, without "---". Text that
// any reader, of YAML 1.1 too, might take for something else is quoted.
func appendYAML(out []byte, n *node) []byte {
	if len(n.items) == 0 {
		return append(appendYAMLScalar(out, n), '\n')
	}
	return appendYAMLBlock(out, n, 0)
}

// appendYAMLBlock appends the members or entries of a node that has some, each
// on lines of its own, the first where out ends.
func appendYAMLBlock(out []byte, n *node, indent int) []byte {
	for i := range n.items {
		if i > 0 {
			out = appendSpaces(out, indent)
		}
		if n.form == listForm {
			out = appendYAMLEntry(out, &n.items[i], indent)
			continue
		}
		out = append(appendYAMLName(out, n.names[i], indent), ':')
		out = appendYAMLMember(out, &n.items[i], indent)
	}
	return out
}

// appendYAMLName appends a member's name; one too long to be an implicit key
// (1024 characters, says YAML) is marked as a key and ends its line.
func appendYAMLName(out []byte, name string, indent int) []byte {
	if len(name) < 128 {
		return appendYAMLText(out, name)
	}
	out = append(appendYAMLText(append(out, "? "...), name), '\n')
	return appendSpaces(out, indent)
}

// appendYAMLEntry appends a list's entry; what it holds begins on its line.
func appendYAMLEntry(out []byte, n *node, indent int) []byte {
	out = append(out, "- "...)
	if len(n.items) == 0 {
		return append(appendYAMLScalar(out, n), '\n')
	}
	return appendYAMLBlock(out, n, indent+2)
}

func appendYAMLMember(out []byte, n *node, indent int) []byte {
	if len(n.items) == 0 {
		out = append(out, ' ')
		return append(appendYAMLScalar(out, n), '\n')
	}
	out = append(out, '\n')
	return appendYAMLBlock(appendSpaces(out, indent+2), n, indent+2)
}

func appendSpaces(out []byte, count int) []byte {
	for range count {
		out = append(out, ' ')
	}
	return out
}

func appendYAMLScalar(out []byte, n *node) []byte {
	switch n.form {
	case textForm:
		return appendYAMLText(out, n.text)
	case listForm:
		return append(out, "[]"...)
	case objectForm:
		return append(out, "{}"...)
	default:
		return appendNode(out, n)
	}
}

// appendYAMLText appends text plainly where it can't be misread, quoted
// otherwise. JSON's strings are YAML's, but for characters that YAML wants escaped.
func appendYAMLText(out []byte, s string) []byte {
	if isPlain(s) {
		return append(out, s...)
	}
	quoted := appendText(nil, s)
	for _, r := range string(quoted) {
		switch {
		case r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff:
			out = appendEscape(out, r)
		default:
			out = append(out, string(r)...)
		}
	}
	return out
}

func appendEscape(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// isPlain reports whether text needs no quotes: it begins with a letter or a
// slash, has no character with a meaning, and is no word of YAML's.
func isPlain(s string) bool {
	if s == "" || !isLetter(s[0]) && s[0] != '/' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune("/._-+@: ", rune(c)) {
			return false
		}
		if c == ':' && (i+1 == len(s) || s[i+1] == ' ') {
			return false
		}
	}
	if s[len(s)-1] == ' ' {
		return false
	}
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan":
		return false
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
