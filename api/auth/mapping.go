package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"starling/federation/identity"
	"starling/node/config"
)

// ErrNoRole says that somebody is known, but may do nothing here.
var ErrNoRole = errors.New("no rule of this node gives you a role; ask its operator (auth.roles)")

// maxProposals bounds the proposals that somebody may choose from.
const maxProposals = 256

// A Mapping makes callers of this node of what issuers say of somebody, by the
// node's configuration. It doesn't change, and is safe for concurrent use.
type Mapping struct {
	issuers   map[string]config.Issuer // by their names
	roles     []config.RoleRule
	proposals []config.ProposalRule
	only      bool // whose proposal is the only one pays from it
	own       string
	dev       bool
}

// MappingOptions are what a Mapping is made of.
type MappingOptions struct {
	// Rules must have been checked (config.Load).
	Rules config.Auth
	// Own is the name of the node's own development issuer, if its word counts;
	// roles and proposal that its tokens claim are granted. Empty: it doesn't.
	Own string
	// Dev believes the development issuers of all nodes so.
	Dev bool
}

// NewMapping returns the mapping that the options describe.
func NewMapping(o MappingOptions) *Mapping {
	m := &Mapping{
		issuers: make(map[string]config.Issuer), proposals: o.Rules.Proposals,
		only: o.Rules.Payer == "only", own: o.Own, dev: o.Dev,
	}
	for _, issuer := range o.Rules.Issuers {
		m.issuers[issuer.URL] = issuer
	}
	for _, rule := range o.Rules.Roles {
		rule.Group = spelling(rule.Group)
		m.roles = append(m.roles, rule)
	}
	return m
}

// Caller returns who a subject is at this node. It says nothing of whether the
// subject was named by who it says: a Verifier, or an assertion, does. The error
// wraps ErrBadToken, or is ErrNoRole.
func (m *Mapping) Caller(s identity.Subject) (identity.Caller, error) {
	if err := checkSubject(s); err != nil {
		return identity.Caller{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	issuer, configured := m.issuers[s.Issuer]
	development := m.believes(s.Issuer)
	if !configured && !development {
		return identity.Caller{}, fmt.Errorf("%w: its issuer is not known here", ErrBadToken)
	}
	user := issuer.Prefix + s.Name
	if len(user) > maxName {
		return identity.Caller{}, fmt.Errorf("%w: the subject has %d bytes; at most %d", ErrBadToken, len(s.Name), maxName-len(issuer.Prefix))
	}
	if issuer.Prefix == "" && m.taken(user) {
		return identity.Caller{}, fmt.Errorf("%w: its subject looks like a user of another issuer", ErrBadToken)
	}
	c := identity.Caller{User: user, Groups: groupsOf(s.Groups, issuer.Namespaces), Subject: s}
	c.Roles = m.rolesOf(c, s, development)
	if len(c.Roles) == 0 {
		return identity.Caller{}, ErrNoRole
	}
	c.Proposals = m.proposalsOf(c, s)
	if m.only && len(c.Proposals) == 1 {
		c.Proposal = c.Proposals[0]
	}
	if development && s.Claims.Proposal != "" {
		c.Proposal = s.Claims.Proposal
		c.Proposals = union(c.Proposals, c.Proposal)
	}
	return c, nil
}

// developer is whom a development node takes for the sender of a request without
// a token.
func (m *Mapping) developer(now time.Time) identity.Subject {
	return identity.Subject{
		Issuer: m.own, Name: DevUser, Expires: now.Add(time.Hour), Claims: identity.Claims{Roles: EveryRole()},
	}
}

// believes reports whether an issuer is a development issuer whose word on roles
// and proposals counts here.
func (m *Mapping) believes(issuer string) bool {
	return issuer != "" && issuer == m.own || m.dev && strings.HasPrefix(issuer, issuerPrefix)
}

// taken reports whether a user's name belongs to the users of an issuer that has
// a prefix.
func (m *Mapping) taken(user string) bool {
	for _, issuer := range m.issuers {
		if issuer.Prefix != "" && strings.HasPrefix(user, issuer.Prefix) {
			return true
		}
	}
	return false
}

// rolesOf is what the rules, and the claims of a development issuer, let somebody
// be. A development token that says nothing is a user's.
func (m *Mapping) rolesOf(c identity.Caller, s identity.Subject, development bool) []identity.Role {
	var roles []identity.Role
	for _, rule := range m.roles {
		if rule.Issuer != "" && rule.Issuer != s.Issuer {
			continue
		}
		if rule.User == "*" || rule.User != "" && rule.User == c.User ||
			rule.Group != "" && slices.Contains(c.Groups, rule.Group) ||
			rule.Capability != "" && slices.Contains(s.Capabilities, rule.Capability) {
			roles = union(roles, identity.Role(rule.Role))
		}
	}
	if !development {
		return roles
	}
	roles = union(roles, s.Claims.Roles...)
	if len(roles) == 0 {
		roles = []identity.Role{identity.RoleUser}
	}
	return roles
}

// proposalsOf are the proposals that somebody may have charged.
func (m *Mapping) proposalsOf(c identity.Caller, s identity.Subject) []string {
	var proposals []string
	for _, rule := range m.proposals {
		if rule.Issuer != "" && rule.Issuer != s.Issuer {
			continue
		}
		for _, group := range c.Groups {
			proposal, ok := rule.Of(group)
			if !ok || name("proposal", proposal) != nil || len(proposals) == maxProposals {
				continue
			}
			proposals = union(proposals, proposal)
		}
	}
	return proposals
}

// groupsOf are the groups that rules speak of: as the issuer has them but for a
// leading slash, which some write and some don't, and those which its
// entitlements name.
func groupsOf(said, namespaces []string) []string {
	var groups []string
	for _, text := range said {
		groups = union(groups, spelling(text))
		for _, namespace := range namespaces {
			if group, ok := entitlement(text, namespace); ok {
				groups = union(groups, group)
			}
		}
	}
	return groups
}

// spelling is the one of several spellings of a group's name that is used here.
func spelling(group string) string { return strings.TrimPrefix(group, "/") }

// union adds what isn't there yet.
func union[T comparable](set []T, more ...T) []T {
	for _, one := range more {
		if !slices.Contains(set, one) {
			set = append(set, one)
		}
	}
	return set
}
