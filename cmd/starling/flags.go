package main

import (
	"errors"
	"strconv"
)

// positive is a flag that is a whole number from 1.
type positive struct{ to *int }

func (p positive) String() string {
	if p.to == nil || *p.to == 0 {
		return ""
	}
	return strconv.Itoa(*p.to)
}

func (p positive) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("want a whole number from 1")
	}
	*p.to = n
	return nil
}

func (positive) Type() string { return "int" }
