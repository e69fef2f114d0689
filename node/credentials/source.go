package credentials

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Placeholder stands in a Source's scope for the path of what is to be read.
const Placeholder = "{path}"

// Source is a storage that wants tokens of users.
type Source struct {
	URL      string // whatever lies below it
	Issuer   string // whose tokens it takes, and for whose users
	Audience string // as which it knows itself
	// Scope are the words that let somebody read; Placeholder in them is the path
	// of the data below the URL.
	Scope string
}

// Need is a token that a session needs: for some data of one source.
type Need struct {
	Source
	Words []string // of the scope
}

// maxScope bounds the scope of one token, in bytes: it is part of a header.
const maxScope = 4 << 10

// match finds the source that a location lies below, and its path there; nil
// where it lies below none.
func match(sources []Source, location string) (*Source, string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, "", nil
	}
	var best *Source
	for i, s := range sources {
		at, err := url.Parse(s.URL)
		if err == nil && origin(at) == origin(u) && below(u.EscapedPath(), at.EscapedPath()) && (best == nil || len(s.URL) > len(best.URL)) {
			best = &sources[i]
		}
	}
	if best == nil {
		return nil, "", nil
	}
	if u.User != nil {
		return nil, "", errors.New("a location whose server wants a token has no user name in it")
	}
	at, _ := url.Parse(best.URL)
	path := strings.TrimPrefix(u.EscapedPath(), strings.TrimRight(at.EscapedPath(), "/"))
	if err := plain(path); err != nil {
		return nil, "", err
	}
	return best, path, nil
}

// below reports whether a path is another, or within it.
func below(path, above string) bool {
	above = strings.TrimRight(above, "/")
	return path == above || strings.HasPrefix(path, above+"/")
}

// plain refuses a path that may mean another to the storage than to its issuer,
// or all that lies below it.
func plain(path string) error {
	decoded, err := url.PathUnescape(path)
	if err != nil || decoded == "" || strings.HasSuffix(decoded, "/") {
		return errors.New("a location whose server wants a token names a file, and no directory")
	}
	for _, part := range strings.Split(decoded, "/")[1:] {
		if part == "" || part == "." || part == ".." {
			return errors.New("the path of a location whose server wants a token has no //, . or .. in it")
		}
	}
	encoded := strings.ToLower(path)
	if strings.Contains(encoded, "%2f") || strings.Contains(encoded, "%25") || strings.ContainsAny(decoded, "\\\x00") {
		return errors.New(`the path of a location whose server wants a token has no encoded / or %, and no \, in it`)
	}
	return nil
}

// words is the scope that reads a path (RFC 6749, section 3.3).
func (s Source) words(path string) ([]string, error) {
	words := strings.Fields(strings.ReplaceAll(s.Scope, Placeholder, path))
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return r <= 0x20 || r > 0x7e || r == '"' || r == '\\' }) {
			return nil, errors.New("the path of the location can't stand in a scope; encode what is not ASCII")
		}
	}
	return words, nil
}

// needsOf lists the tokens that data at these locations need, the smallest that
// will do.
func needsOf(sources []Source, locations []string) ([]Need, error) {
	var needs []Need
	for _, location := range locations {
		source, path, err := match(sources, location)
		if err != nil {
			return nil, err
		}
		if source == nil {
			continue
		}
		words, err := source.words(path)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(needs, func(n Need) bool { return n.Source == *source })
		if i < 0 {
			i = len(needs)
			needs = append(needs, Need{Source: *source})
		}
		for _, word := range words {
			if !slices.Contains(needs[i].Words, word) {
				needs[i].Words = append(needs[i].Words, word)
			}
		}
		if len(strings.Join(needs[i].Words, " ")) > maxScope {
			return nil, fmt.Errorf("no token has room for so many paths at %s; ask for fewer data in one session", source.URL)
		}
	}
	return needs, nil
}

// origin is a URL's (RFC 6454).
func origin(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
