package expression

import "fmt"

// An Error is one thing that is wrong with a configuration, in an expression or
// beside one.
type Error struct {
	Key          string // "models[1].bands[0].cost", below the key of the whole
	Line, Column int    // in the expression, from 1; 0 where it is not about one
	Problem      string
}

// Error implements error.
func (e *Error) Error() string { return e.Key + ": " + e.Detail() }

// Detail is the error without its key.
func (e *Error) Detail() string {
	switch {
	case e.Line > 1:
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
	case e.Line == 1:
		return fmt.Sprintf("column %d: %s", e.Column, e.Problem)
	}
	return e.Problem
}

// Wrong is an Error about what stands at a key, rather than within an expression.
func Wrong(key, format string, values ...any) *Error {
	return &Error{Key: key, Problem: fmt.Sprintf(format, values...)}
}
