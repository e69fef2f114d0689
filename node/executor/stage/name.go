package stage

import (
	"errors"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// maxName is what file systems take, in bytes.
const maxName = 255

// place is where a request's file goes.
func place(r Request) (string, error) {
	name := r.Name
	if name == "" {
		u, err := url.Parse(r.URL)
		if err != nil {
			return "", errors.New("the location of the data is no URL")
		}
		name = path.Base(u.Path)
	}
	return filepath.Join(r.Dir, Sanitise(name)), nil
}

// Sanitise makes a harmless file name of any text: one path element, not
// hidden, without control characters, no longer than file systems take.
func Sanitise(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	for len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	name = strings.TrimSpace(name)
	if strings.HasPrefix(name, ".") {
		name = "_" + strings.TrimLeft(name, ".")
	}
	if name == "" || name == "_" {
		return "data"
	}
	return name
}

// redact names a URL without what may be secret in it: credentials, query and
// fragment.
func redact(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "the data's location"
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	u.ForceQuery = false
	return u.String()
}
