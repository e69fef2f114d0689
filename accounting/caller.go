package accounting

import "slices"

// A Caller is who asks a question. The zero Caller sees nothing.
type Caller struct {
	// User sees the history of her own sessions and her personal accounts.
	User OwnerID
	// Proposals whose accounts she may see too: those she is a member of.
	Proposals []OwnerID
	// All is set for operators and for the node itself.
	All bool
}

// Everyone is the caller who sees all.
func Everyone() Caller { return Caller{All: true} }

// seesSession reports whether a session of these owners is hers.
func (c Caller) seesSession(o Owners) bool {
	return c.All || c.User != "" && o.User.ID == c.User
}

// seesAccount reports whether an account of this owner is hers to read.
func (c Caller) seesAccount(o Owner) bool {
	if c.All {
		return true
	}
	switch o.Kind {
	case KindUser:
		return c.User != "" && o.ID == c.User
	case KindProposal:
		return slices.Contains(c.Proposals, o.ID)
	}
	return false
}

// owners lists whose accounts she may see, in the order of the account index.
func (c Caller) owners() []Owner {
	var list []Owner
	if c.User != "" {
		list = append(list, User(c.User))
	}
	for _, id := range c.Proposals {
		list = append(list, Proposal(id))
	}
	slices.SortFunc(list, compareOwners)
	return slices.Compact(list)
}
