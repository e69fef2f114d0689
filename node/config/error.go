package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong with the configuration.
type Error struct {
	// Source is where it stands: "starling.yaml:12", "STARLING_HTTP" or "--http".
	Source string
	// Key is the key at fault: "offers.holdTime". Empty: the whole document.
	Key string
	// Problem says what is wrong and what would be right.
	Problem string
}

// Error returns "source: key: problem".
func (e *Error) Error() string {
	return strings.Join(slices.DeleteFunc([]string{e.Source, e.Key, e.Problem}, isEmpty), ": ")
}

func isEmpty(s string) bool { return s == "" }

// problems gathers errors, so that they are reported together.
type problems []error

func (p *problems) add(source, key, format string, args ...any) {
	*p = append(*p, &Error{Source: source, Key: key, Problem: fmt.Sprintf(format, args...)})
}

// err joins what was gathered, one error a line, in the order in which it was
// found; nil where there is nothing.
func (p problems) err() error { return errors.Join(p...) }
