package process

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"starling/node/executor/work"
)

// Executable is what a user writes:
//
//	{"kind": "urn:starling:executable:process-1.0",
//	 "command": ["sort", "-n", "input/table.txt"],
//	 "environment": {"LC_ALL": "C"}}
//
// Numbers and booleans are taken for the strings that they are written as.
type Executable struct {
	Kind        string               `json:"kind"`
	Command     []work.Text          `json:"command"`
	Environment map[string]work.Text `json:"environment"`
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
	var check work.Check
	check.Command(e.Command)
	check.Environment(e.Environment)
	return e, check.Err()
}
