package process

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of an executable. The kernel takes 128 KiB a string and 2 MiB in all.
const (
	maxArguments = 4096
	maxString    = 128<<10 - 1
	maxStrings   = 1 << 20
)

// Executable is what a user writes:
//
//	{"kind": "urn:starling:executable:process-1.0",
//	 "command": ["sort", "-n", "input/table.txt"],
//	 "environment": {"LC_ALL": "C"}}
//
// Numbers and booleans are taken for the strings that they are written as.
type Executable struct {
	Kind        string          `json:"kind"`
	Command     []text          `json:"command"`
	Environment map[string]text `json:"environment"`
}

// text is a string, or a scalar as it is written.
type text string

// UnmarshalJSONFrom reads a scalar.
func (t *text) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	value, err := in.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '"':
		return json.Unmarshal(value, (*string)(t))
	case '0', 't', 'f':
		*t = text(value)
		return nil
	}
	return fmt.Errorf("want a string, not %s", value.Kind())
}

// parse reads an executable and checks it. Its errors are for users.
func parse(value jsontext.Value) (*Executable, error) {
	e := &Executable{}
	if err := json.Unmarshal(value, e); err != nil {
		return nil, fmt.Errorf("read the executable: %w", err)
	}
	if e.Kind != Kind {
		return nil, fmt.Errorf("executables of kind %q are not run here, only %s", e.Kind, Kind)
	}
	if len(e.Command) == 0 || e.Command[0] == "" {
		return nil, errors.New("the executable has no command")
	}
	if len(e.Command)+len(e.Environment) > maxArguments {
		return nil, fmt.Errorf("the executable has more than %d arguments and variables", maxArguments)
	}
	return e, e.checkStrings()
}

func (e *Executable) checkStrings() error {
	total := 0
	check := func(what, s string) error {
		total += len(s)
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("%s holds a zero byte", what)
		}
		if len(s) > maxString || total > maxStrings {
			return fmt.Errorf("%s is too long", what)
		}
		return nil
	}
	for n, argument := range e.Command {
		if err := check(fmt.Sprintf("command[%d]", n), string(argument)); err != nil {
			return err
		}
	}
	for variable, value := range e.Environment {
		if !isName(variable) {
			return fmt.Errorf("%q is no name for an environment variable", variable)
		}
		if err := check("the variable "+variable, string(value)); err != nil {
			return err
		}
	}
	return nil
}

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

func (e *Executable) argv() []string {
	argv := make([]string, len(e.Command))
	for n, argument := range e.Command {
		argv[n] = string(argument)
	}
	return argv
}
