package auth

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"starling/federation/identity"
)

// Bounds of what may be said of somebody.
const (
	maxName   = 256 // bytes of a user's, group's or proposal's name, and of a capability
	maxGroups = 256 // groups, and capabilities
)

// groupClaims are where groups are looked for unless configuration says
// otherwise: INDIGO IAM's own claim, the WLCG profile's, and eduGAIN's
// entitlements (AARC-G069).
func groupClaims() []string { return []string{"groups", "wlcg.groups", "eduperson_entitlement"} }

// claimable are the roles that a token may carry.
var claimable = [...]identity.Role{
	identity.RoleUser, identity.RoleExecutor, identity.RoleOperator, identity.RoleAuditor, identity.RoleAccountant,
}

// EveryRole returns all roles that a token may carry.
func EveryRole() []identity.Role { return slices.Clone(claimable[:]) }

// claims are a token's payload.
type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
	// Others are read as far as somebody asks for them.
	Others map[string]jsontext.Value `json:",embed"`
}

// read decodes one of the others, if it is there.
func (c claims) read(name string, into any) error {
	raw, ok := c.Others[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("its claim %s is of another type than it should be", name)
	}
	return nil
}

// subject is whom the claims of a trusted issuer describe.
func (c claims) subject(of Trusted) (identity.Subject, error) {
	s := identity.Subject{
		Issuer: c.Issuer, Name: c.Subject, Capabilities: strings.Fields(c.Scope), Expires: c.ExpiresAt.UTC(),
	}
	if s.Expires.Year() > 9999 {
		return identity.Subject{}, errors.New("it expires beyond the years that can be written")
	}
	for _, name := range of.groupClaims() {
		var groups groupList
		if err := c.read(name, &groups); err != nil {
			return identity.Subject{}, err
		}
		s.Groups = append(s.Groups, groups...)
	}
	if of.Development {
		if err := errors.Join(c.read("roles", &s.Claims.Roles), c.read("proposal", &s.Claims.Proposal)); err != nil {
			return identity.Subject{}, err
		}
	}
	return s, checkSubject(s)
}

// groupList is a claim with groups as issuers write it: a list of names, of
// objects that have one (RFC 7643, section 4.1.2), or a single name.
type groupList []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *groupList) UnmarshalJSON(text []byte) error {
	if jsontext.Value(text).Kind() == 'n' {
		return nil
	}
	if jsontext.Value(text).Kind() == '"' {
		*l = make(groupList, 1)
		return json.Unmarshal(text, &(*l)[0])
	}
	if names := []string(nil); json.Unmarshal(text, &names) == nil {
		*l = names
		return nil
	}
	var many []jsontext.Value
	if err := json.Unmarshal(text, &many); err != nil {
		return err
	}
	for _, entry := range many {
		name, err := groupName(entry)
		if err != nil {
			return err
		}
		*l = append(*l, name)
	}
	return nil
}

// groupName reads an entry of a list of groups.
func groupName(entry jsontext.Value) (string, error) {
	if entry.Kind() == '{' {
		var object struct {
			Value   string `json:"value"`
			Display string `json:"display"`
		}
		err := json.Unmarshal(entry, &object)
		// value is an id where there is a name to show.
		return cmp.Or(object.Display, object.Value), err
	}
	var name string
	err := json.Unmarshal(entry, &name)
	return name, err
}

// checkSubject holds what is said of somebody to its bounds, whoever says it: an
// issuer, or another node.
func checkSubject(s identity.Subject) error {
	if err := name("subject", s.Name); err != nil {
		return err
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"group", s.Groups}, {"capability", s.Capabilities}} {
		if len(list.names) > maxGroups {
			return fmt.Errorf("%d times %s; at most %d", len(list.names), list.what, maxGroups)
		}
		for _, text := range list.names {
			if err := name(list.what, text); err != nil {
				return err
			}
		}
	}
	if len(s.Claims.Roles) > len(claimable) {
		return fmt.Errorf("%d roles; there are %d", len(s.Claims.Roles), len(claimable))
	}
	for _, role := range s.Claims.Roles {
		if !slices.Contains(claimable[:], role) {
			return fmt.Errorf("role %.40q is not one that a token can carry: want %v", string(role), claimable)
		}
	}
	if s.Claims.Proposal == "" {
		return nil
	}
	return name("proposal", s.Claims.Proposal)
}

// name checks a name that will stand in logs, keys and answers.
func name(what, text string) error {
	if text == "" {
		return errors.New("the " + what + " is missing")
	}
	if len(text) > maxName {
		return fmt.Errorf("the %s has %d bytes; at most %d", what, len(text), maxName)
	}
	if !utf8.ValidString(text) {
		return errors.New("the " + what + " is not UTF-8")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("the " + what + " has characters that do not print")
	}
	return nil
}
