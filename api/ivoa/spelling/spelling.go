// Package spelling finds the name that was meant by one that there isn't.
package spelling

import (
	"cmp"
	"slices"
	"strings"
)

// Guess returns "; did you mean …?" where a name is near to a known one, and ""
// otherwise.
func Guess(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Nearest returns the known name that was probably meant, or "". Case, hyphens
// and underscores don't count; besides, every third letter may be wrong.
func Nearest(name string, known []string) string {
	plain := Plainly(name)
	if len(plain) > longest {
		return ""
	}
	best, least := "", len(plain)/3+1
	for _, k := range known {
		if d := distance(plain, Plainly(k), least); d < least {
			best, least = k, d
		}
	}
	return best
}

// longest bounds the names that are compared, in bytes: it takes as many steps
// as the product of two.
const longest = 100

// Sort sorts names: those that are nearer to one come first, and then by the
// alphabet.
func Sort(names []string, to string) {
	plain := Plainly(to)
	plain = plain[:min(len(plain), longest)]
	slices.SortFunc(names, func(a, b string) int {
		const far = 1 << 10
		return cmp.Or(cmp.Compare(distance(plain, Plainly(a), far), distance(plain, Plainly(b), far)), strings.Compare(a, b))
	})
}

var separators = strings.NewReplacer("-", "", "_", "")

// Plainly is a name without what doesn't count: case, hyphens and underscores.
func Plainly(name string) string { return strings.ToLower(separators.Replace(name)) }

// distance counts the letters to insert, delete, change or swap with their
// neighbour to turn a into b; beyond most it may be any number above it.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
