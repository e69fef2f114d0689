package ivoa

import (
	"mime"
	"strconv"
	"strings"
)

// Media is one of the three forms that documents take.
type Media uint8

const (
	JSON Media = iota // the default
	YAML
	XML
)

// String returns the media type that answers are labelled with.
func (m Media) String() string {
	switch m {
	case YAML:
		return "application/yaml"
	case XML:
		return "application/xml"
	default:
		return "application/json"
	}
}

// MediaOf tells the form of a body from its Content-Type; an absent one means
// JSON. It reports false where the form is none of ours (415).
func MediaOf(contentType string) (Media, bool) {
	if strings.TrimSpace(contentType) == "" {
		return JSON, true
	}
	name, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return JSON, false
	}
	return mediaNamed(name)
}

func mediaNamed(name string) (Media, bool) {
	switch name {
	case "application/json", "text/json":
		return JSON, true
	case "application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml":
		return YAML, true
	case "application/xml", "text/xml":
		return XML, true
	}
	switch _, suffix, _ := cutLast(name, '+'); suffix {
	case "json":
		return JSON, true
	case "yaml":
		return YAML, true
	case "xml":
		return XML, true
	}
	return JSON, false
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// maxRanges bounds the media ranges of an Accept header that are looked at.
const maxRanges = 32

// Negotiate chooses the form of an answer from an Accept header, by q-value and
// then, as every form is as good to us, JSON before YAML before XML. A range
// that names a form counts for more than a wildcard, whatever their order. An
// absent header means JSON. It reports false where nothing fits (406).
func Negotiate(accept string) (Media, bool) {
	if strings.TrimSpace(accept) == "" {
		return JSON, true
	}
	var wants [3]preference
	for i, part := range strings.SplitN(accept, ",", maxRanges+1) {
		if i == maxRanges {
			break
		}
		consider(&wants, part)
	}
	best, bestQ := JSON, 0.0
	for m, want := range wants {
		if want.q > bestQ {
			best, bestQ = Media(m), want.q
		}
	}
	return best, bestQ > 0
}

// preference is what an Accept header says about one form: how much it is
// wanted, and how exactly that was said.
type preference struct {
	q     float64
	exact int
}

// consider applies one media range to the forms that it matches.
func consider(wants *[3]preference, part string) {
	name, params, err := mime.ParseMediaType(part)
	if err != nil {
		return
	}
	q := 1.0
	if text, ok := params["q"]; ok {
		if q, err = strconv.ParseFloat(text, 64); err != nil || q < 0 || q > 1 {
			return
		}
	}
	for m := range wants {
		exact := matches(name, Media(m))
		switch want := &wants[m]; {
		case exact == 0 || exact < want.exact:
		case exact > want.exact:
			*want = preference{q, exact}
		default:
			want.q = max(want.q, q)
		}
	}
}

// matches says how exactly a media range names a form: 3 by name, 2 by
// "application/*", 1 by "*/*", 0 not at all.
func matches(name string, m Media) int {
	switch name {
	case "*/*":
		return 1
	case "application/*":
		return 2
	case "text/*":
		if m != JSON {
			return 2
		}
		return 0
	}
	if named, ok := mediaNamed(name); ok && named == m {
		return 3
	}
	return 0
}
