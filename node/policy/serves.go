package policy

import (
	"slices"

	"starling/federation/identity"
)

// admits reports whether a caller is one of those whom a site serves.
func (s Serves) admits(c identity.Caller) bool {
	if len(s.Issuers) > 0 && !slices.Contains(s.Issuers, c.Subject.Issuer) {
		return false
	}
	if len(s.Users)+len(s.Groups)+len(s.Proposals) == 0 {
		return true
	}
	return slices.Contains(s.Users, c.User) ||
		slices.ContainsFunc(c.Groups, func(g string) bool { return slices.Contains(s.Groups, g) }) ||
		c.Proposal != "" && slices.Contains(s.Proposals, c.Proposal)
}

// judge says why a caller isn't served, nil where it is.
func (s Serves) judge(c identity.Caller) *Message {
	if s.admits(c) {
		return nil
	}
	proposal := c.Proposal
	if proposal == "" {
		proposal = "none"
	}
	return &Message{"{user} (proposal: {proposal}) is none of those whom this site serves", []string{"user", clean(c.User), "proposal", clean(proposal)}}
}

// restricts reports whether anybody is not served.
func (s Serves) restricts() bool {
	return len(s.Issuers)+len(s.Users)+len(s.Groups)+len(s.Proposals) > 0
}
