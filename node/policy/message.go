package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"starling/accounting/expression"
)

// A Message says why something is denied or cut down: a template with {names} in
// it, and the values for them as pairs of names and values.
type Message struct {
	Template string
	Pairs    []string
}

// String is the message with its values put in.
func (m Message) String() string {
	replacements := make([]string, len(m.Pairs))
	for i, text := range m.Pairs {
		if i%2 == 0 {
			text = "{" + text + "}"
		}
		replacements[i] = text
	}
	return strings.NewReplacer(replacements...).Replace(m.Template)
}

// A template is what an operator writes as a rule's message: text with
// expressions in braces.
type template struct {
	text  string
	parts []part
}

type part struct {
	text string // of the expression, by which its value is known
	*expression.Expression
}

// insertion is what expressions in messages must be.
var insertion = expression.Form{
	Kinds: []types.Kind{types.StringKind, types.DoubleKind, types.IntKind, types.UintKind, types.BoolKind, types.DurationKind, types.TimestampKind},
	Wants: "a message shows texts, numbers and times",
	Empty: "write an expression between the braces, as {executable.registry} is",
}

// Bounds of messages.
const (
	maxMessage = 1000 // characters, as it is written
	maxValue   = 200  // characters of one value
)

func newTemplate(l *expression.Language, key, text string) (*template, error) {
	if len(text) > maxMessage || strings.ContainsFunc(text, unprintable) {
		return nil, wrong(key, "must be of at most %d characters that can be printed", maxMessage)
	}
	t := &template{text: text}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "{")
		if !found {
			return t, nil
		}
		inner, behind, closed := strings.Cut(after, "}")
		if !closed {
			return nil, wrong(key, "a } is missing behind %q", "{"+after)
		}
		rest = behind
		if slices.ContainsFunc(t.parts, func(p part) bool { return p.text == inner }) {
			continue
		}
		e, err := l.Compile(key, inner, insertion)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{inner, e})
	}
}

// uses reports whether the message shows a name.
func (t *template) uses(name string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.Uses(name) })
}

// values are the template's values. What can't be evaluated says so: a rule has
// decided, and that stands.
func (t *template) values(in *scope) (pairs []string) {
	for _, p := range t.parts {
		value, err := in.value(p.Expression)
		text := "?"
		if err == nil {
			text = clean(show(value))
		}
		pairs = append(pairs, p.text, text)
	}
	return pairs
}

func show(value ref.Val) string {
	switch v := value.(type) {
	case types.Double:
		return number(float64(v))
	case types.Duration:
		return v.Duration.String()
	}
	if text, ok := value.ConvertToType(types.StringType).(types.String); ok {
		return string(text)
	}
	return fmt.Sprint(value.Value())
}

func number(v float64) string { return fmt.Sprintf("%.6g", v) }

// clean makes a text fit for a message: it may be a stranger's, and is shown in
// logs and terminals.
func clean(text string) string {
	runes := []rune(strings.ToValidUTF8(text[:min(len(text), 4*maxValue+4)], "\ufffd"))
	for i, r := range runes {
		if unprintable(r) {
			runes[i] = '\ufffd'
		}
	}
	if len(runes) > maxValue {
		return string(runes[:maxValue]) + "…"
	}
	return string(runes)
}

// unprintable reports whether a character could do something to a terminal or a
// log: it ends the line, moves the cursor, or turns the direction of the text.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
