package work

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what a user writes into an executable. The kernel takes 128 KiB a
// string and 2 MiB in all.
const (
	maxStrings = 4096
	maxString  = 128<<10 - 1
	maxTotal   = 1 << 20
)

// Text is a string of an executable. A number or boolean is taken for the string
// as which it is written.
type Text string

// UnmarshalJSONFrom reads a scalar.
func (t *Text) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	value, err := in.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '"':
		return json.Unmarshal(value, (*string)(t))
	case '0', 't', 'f':
		*t = Text(value)
		return nil
	}
	return fmt.Errorf("want a string, not %s", value.Kind())
}

// Strings is a list of texts as strings.
func Strings(texts []Text) []string {
	list := make([]string, len(texts))
	for n, t := range texts {
		list[n] = string(t)
	}
	return list
}

// Check bounds the strings of an executable, all together. Its error is the
// first that was found, and is for users.
type Check struct {
	count, total int
	err          error
}

// String takes a string into account; what names it in an error.
func (c *Check) String(what, s string) {
	c.count++
	c.total += len(s)
	switch {
	case c.err != nil:
	case strings.ContainsRune(s, 0):
		c.err = fmt.Errorf("%s holds a zero byte", what)
	case len(s) > maxString || c.total > maxTotal:
		c.err = fmt.Errorf("%s is too long", what)
	case c.count > maxStrings:
		c.err = fmt.Errorf("the executable has more than %d arguments, variables and the like", maxStrings)
	}
}

// Command takes arguments into account.
func (c *Check) Command(command []Text) {
	for n, argument := range command {
		c.String(fmt.Sprintf("command[%d]", n), string(argument))
	}
}

// Environment takes variables into account.
func (c *Check) Environment(environment map[string]Text) {
	for variable, value := range environment {
		if !isName(variable) {
			c.Fail(fmt.Errorf("%q is no name for an environment variable", variable))
		}
		c.String("the variable "+variable, variable+string(value))
	}
}

// Fail notes another error.
func (c *Check) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Err is the first error, or nil.
func (c *Check) Err() error { return c.err }

// isName reports whether a shell would take it for a variable's name.
func isName(s string) bool {
	for n, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (n == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
