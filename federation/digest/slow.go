package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSlow bounds an encoded slow part, in bytes.
const MaxSlow = 64 << 10

// What is believed of a slow part: how many there are of each thing, and how long
// names are, in bytes.
const (
	mostListed = 1000
	mostRates  = 16
	mostName   = 500 // as of a kind that an executor registers
	mostNumber = 1e18
)

// HashOf is the hash of an encoded slow part.
func HashOf(encoded []byte) (h Hash) {
	sum := sha256.Sum256(encoded)
	copy(h[:], sum[:])
	return h
}

// Encode returns the slow part as others read it, and its hash. What they would not
// read is left out, and so is the end of the longest list while all is too long.
func (s Slow) Encode() ([]byte, Hash) {
	s = s.sane()
	for {
		data := s.json()
		if len(data) <= MaxSlow {
			return data, HashOf(data)
		}
		switch longest := max(len(s.Kinds), len(s.Simulated), len(s.Schemes), len(s.Elements), len(s.Links)); longest {
		case len(s.Links): // the first to go: others measure for themselves
			s.Links = s.Links[:longest/2]
		case len(s.Elements):
			s.Elements = s.Elements[:longest/2]
		case len(s.Simulated):
			s.Simulated = s.Simulated[:longest/2]
		case len(s.Schemes):
			s.Schemes = s.Schemes[:longest/2]
		default:
			s.Kinds = s.Kinds[:longest/2]
		}
	}
}

func (s Slow) json() []byte {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	_ = to.Encode(s) // it has nothing that can't be written
	return bytes.TrimRight(b.Bytes(), "\n")
}

// sane leaves out what others would not believe.
func (s Slow) sane() Slow {
	s.Kinds, s.Simulated, s.Schemes = kept(s.Kinds, good, mostListed), kept(s.Simulated, good, mostListed), kept(s.Schemes, good, mostListed)
	s.Elements, s.Links, s.Rates = kept(s.Elements, Element.good, mostListed), kept(s.Links, Link.good, mostListed), kept(s.Rates, Rate.good, mostRates)
	for _, n := range []*float64{&s.ComputePerformance, &s.MaxDuration} {
		if !amount(*n) {
			*n = 0
		}
	}
	return s
}

func kept[T any](list []T, good func(T) bool, most int) []T {
	list = slices.DeleteFunc(slices.Clone(list), func(one T) bool { return !good(one) })
	return list[:min(len(list), most)]
}

// DecodeSlow reads a slow part that has this hash. One with anything in it that
// makes no sense is refused; what this version doesn't know of is left unread.
func DecodeSlow(data []byte, hash Hash) (*Slow, error) {
	if len(data) > MaxSlow {
		return nil, fmt.Errorf("a digest's slow part: more than %d bytes", MaxSlow)
	}
	if got := HashOf(data); got != hash {
		return nil, fmt.Errorf("a digest's slow part: its hash is %x, not %x", got, hash)
	}
	s := new(Slow)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("a digest's slow part: %w", err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("a digest's slow part: %w", err)
	}
	return s, nil
}

func (s *Slow) check() error {
	for _, list := range []struct {
		name      string
		ok        bool
		has, most int
	}{
		{"kinds", all(s.Kinds, good), len(s.Kinds), mostListed},
		{"simulated", all(s.Simulated, good), len(s.Simulated), mostListed},
		{"schemes", all(s.Schemes, good), len(s.Schemes), mostListed},
		{"elements", all(s.Elements, Element.good), len(s.Elements), mostListed},
		{"links", all(s.Links, Link.good), len(s.Links), mostListed},
		{"rates", all(s.Rates, Rate.good), len(s.Rates), mostRates},
		{"computePerformance", amount(s.ComputePerformance), 0, 0},
		{"maxDuration", amount(s.MaxDuration), 0, 0},
	} {
		if list.has > list.most {
			return fmt.Errorf("%s: %d are more than %d", list.name, list.has, list.most)
		}
		if !list.ok {
			return fmt.Errorf("%s: a name is longer than %d bytes or doesn't print, or a number is no amount", list.name, mostName)
		}
	}
	return nil
}

func all[T any](list []T, good func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !good(one) })
}

func (e Element) good() bool {
	return e.Name != "" && good(e.Name) && good(e.Host) && amount(e.Bandwidth)
}

func (l Link) good() bool {
	return l.Source != "" && good(l.Source) && amount(l.Bandwidth) && l.Samples >= 0
}

func (r Rate) good() bool {
	return r.Type != "" && good(r.Type) && good(r.Unit) && amount(r.Hour) && amount(r.CoreHour) && amount(r.MemoryHour) && amount(r.StorageHour) && amount(r.GPUHour)
}

// good reports whether a name can be shown to people.
func good(name string) bool {
	return len(name) <= mostName && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

func amount(n float64) bool { return n >= 0 && n <= mostNumber && !math.IsNaN(n) }
