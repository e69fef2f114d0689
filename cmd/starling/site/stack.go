package site

import "errors"

// stack is what has to be stopped, the last first.
type stack []func() error

func (s *stack) push(stop func() error) { *s = append(*s, stop) }

// unwind stops all. A second call does nothing.
func (s *stack) unwind() error {
	var errs []error
	for i := len(*s) - 1; i >= 0; i-- {
		errs = append(errs, (*s)[i]())
	}
	*s = nil
	return errors.Join(errs...)
}
