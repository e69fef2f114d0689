package auth

import (
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"starling/federation/identity"
)

// Audience is whom development tokens are for.
const Audience = "starling"

// Claims are what a token says.
type Claims struct {
	jwt.RegisteredClaims
	Groups   []string        `json:"groups,omitempty"`
	Roles    []identity.Role `json:"roles,omitempty"` // none: user
	Proposal string          `json:"proposal,omitempty"`
}

// Bounds of what a token may say of somebody.
const (
	maxName   = 256 // bytes of a user's, group's or proposal's name
	maxGroups = 256
)

// claimable are the roles that a token may carry.
var claimable = [...]identity.Role{
	identity.RoleUser, identity.RoleExecutor, identity.RoleOperator, identity.RoleAuditor, identity.RoleAccountant,
}

// EveryRole returns all roles that a token may carry.
func EveryRole() []identity.Role { return slices.Clone(claimable[:]) }

// Validate checks our own claims; the parser calls it after it has checked the
// registered ones.
func (c *Claims) Validate() error {
	if err := name("subject", c.Subject); err != nil {
		return err
	}
	if len(c.Groups) > maxGroups {
		return fmt.Errorf("%d groups; at most %d", len(c.Groups), maxGroups)
	}
	for _, group := range c.Groups {
		if err := name("group", group); err != nil {
			return err
		}
	}
	for _, role := range c.Roles {
		if !slices.Contains(claimable[:], role) {
			return fmt.Errorf("role %.40q is not one that a token can carry: want %v", string(role), claimable)
		}
	}
	if c.Proposal == "" {
		return nil
	}
	return name("proposal", c.Proposal)
}

// caller is the identity that the claims describe.
func (c *Claims) caller() identity.Caller {
	roles := c.Roles
	if len(roles) == 0 {
		roles = []identity.Role{identity.RoleUser}
	}
	return identity.Caller{User: c.Subject, Groups: c.Groups, Roles: roles, Proposal: c.Proposal}
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
	for _, r := range text {
		if unicode.IsControl(r) {
			return errors.New("the " + what + " has characters that do not print")
		}
	}
	return nil
}
