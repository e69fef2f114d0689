package issuer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Grant is what somebody has been granted; tokens say so.
type Grant struct {
	User     string   `json:"user"`             // "sub"
	Groups   []string `json:"groups,omitempty"` // as ska/pulsars; a slash before it is the profile's affair
	Audience []string `json:"audience,omitempty"`
	Scope    []string `json:"scope,omitempty"`
	Client   string   `json:"client"` // to whom
}

// Bounds of what is granted.
const (
	maxName      = 256 // bytes of a user's or a group's name
	maxGroups    = 100
	maxAudiences = 8
	maxAudience  = 512 // bytes
	maxScopes    = 64
	maxScope     = 512 // bytes of one word
)

// Validate returns nil for a grant that can stand in a token.
func (g Grant) Validate() error {
	if err := checkName("user", g.User); err != nil {
		return err
	}
	if len(g.Groups) > maxGroups {
		return fmt.Errorf("%d groups; at most %d", len(g.Groups), maxGroups)
	}
	for _, group := range g.Groups {
		if err := checkName("group", strings.Trim(group, "/")); err != nil {
			return err
		}
	}
	return errors.Join(checkAudience(g.Audience), checkScope(g.Scope))
}

// checkName checks a name that stands in tokens, pages and logs.
func checkName(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("the %s's name is missing", what)
	case len(text) > maxName:
		return fmt.Errorf("the %s's name has %d bytes; at most %d", what, len(text), maxName)
	case !printable(text):
		return fmt.Errorf("the %s's name has characters that do not print", what)
	}
	return nil
}

func printable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func checkAudience(audience []string) error {
	if len(audience) > maxAudiences {
		return fmt.Errorf("%d audiences; at most %d", len(audience), maxAudiences)
	}
	for _, a := range audience {
		if a == "" || len(a) > maxAudience || !printable(a) {
			return fmt.Errorf("the audience %.40q is none: want 1 to %d bytes that print", a, maxAudience)
		}
	}
	return nil
}
