package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAStaleReadOfThePurseIsFound(t *testing.T) {
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	writes := []deed{{"x", at(1), at(2), 0}, {"x", at(3), at(6), 0}, {"x", at(7), never, 0}}
	for name, c := range map[string]struct {
		reads []deed
		found int
	}{
		"as it was":                 {[]deed{{"y", at(2) + 1, at(3) - 1, 1}}, 0},
		"beside a write":            {[]deed{{"y", at(4), at(5), 1}, {"z", at(4), at(5), 2}}, 0},
		"stale":                     {[]deed{{"y", at(7), at(8), 1}}, 1},
		"from the future":           {[]deed{{"y", at(1), at(2), 2}}, 1},
		"back again":                {[]deed{{"y", at(3), at(4), 2}, {"y", at(5), at(6), 1}}, 1},
		"unanswered, and done":      {[]deed{{"y", at(8), at(9), 3}}, 0},
		"unanswered, and not done":  {[]deed{{"y", at(8), at(9), 2}}, 0},
		"unanswered, and then gone": {[]deed{{"y", at(8), at(9), 3}, {"z", at(10), at(11), 2}}, 1},
	} {
		p := &purse{owner: "proposal:p", writes: writes, reads: c.reads}
		assert.Len(t, p.findings(), c.found, name)
	}
}
