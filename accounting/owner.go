package accounting

import (
	"fmt"
	"strings"
)

// An OwnerKind is a level of the owner tree, or a node that provides.
type OwnerKind string

// The kinds of owners. Nodes own the counter-accounts.
const (
	KindTAG       OwnerKind = "tag"
	KindProgramme OwnerKind = "programme"
	KindProposal  OwnerKind = "proposal"
	KindGroup     OwnerKind = "group"
	KindUser      OwnerKind = "user"
	KindNode      OwnerKind = "node"
)

// An OwnerID names an owner among those of its kind: a proposal's number, a
// user's subject in the tokens.
type OwnerID string

// An Owner is who an account belongs to. As text it is "kind:id".
type Owner struct {
	Kind OwnerKind
	ID   OwnerID
}

// User, Proposal and Node are owners of that kind.
func User(id OwnerID) Owner     { return Owner{KindUser, id} }
func Proposal(id OwnerID) Owner { return Owner{KindProposal, id} }
func Node(name NodeName) Owner  { return Owner{KindNode, OwnerID(name)} }

func (o Owner) String() string { return string(o.Kind) + ":" + string(o.ID) }

// IsZero reports whether it is nobody.
func (o Owner) IsZero() bool { return o == Owner{} }

// MarshalText writes "kind:id".
func (o Owner) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads "kind:id".
func (o *Owner) UnmarshalText(text []byte) error {
	kind, id, found := strings.Cut(string(text), ":")
	owner := Owner{OwnerKind(kind), OwnerID(id)}
	if !found || id == "" || !owner.known() {
		return fmt.Errorf("owner %.80q is not kind:id", text)
	}
	*o = owner
	return nil
}

func (o Owner) known() bool {
	switch o.Kind {
	case KindTAG, KindProgramme, KindProposal, KindGroup, KindUser, KindNode:
		return true
	}
	return false
}

// A Party is one owner as a session names it.
type Party struct {
	ID   OwnerID `json:"id"`
	Name string  `json:"name,omitempty"`
}

// Owners is a session's line of the owner tree: a TAG (time allocation group)
// has programmes, those have proposals, and those groups, which are requests.
// The user stands beside the tree. Everything but the user may be missing.
type Owners struct {
	TAG       Party `json:"tag,omitzero"`
	Programme Party `json:"programme,omitzero"`
	Proposal  Party `json:"proposal,omitzero"`
	User      Party `json:"user"`
	Group     Party `json:"group,omitzero"`
}

// Payer is who pays: the proposal, or the user's own account where there is
// none.
func (o Owners) Payer() Owner {
	if o.Proposal.ID != "" {
		return Proposal(o.Proposal.ID)
	}
	return User(o.User.ID)
}

// Has reports whether an owner is one of them.
func (o Owners) Has(owner Owner) bool {
	switch owner.Kind {
	case KindTAG:
		return o.TAG.ID == owner.ID
	case KindProgramme:
		return o.Programme.ID == owner.ID
	case KindProposal:
		return o.Proposal.ID == owner.ID
	case KindUser:
		return o.User.ID == owner.ID
	case KindGroup:
		return o.Group.ID == owner.ID
	}
	return false
}

// maxOwnerName bounds an owner's id and name, in bytes.
const maxOwnerName = 256

func (o Owners) validate(subject string) error {
	if err := validateName(subject, "user id", string(o.User.ID), maxOwnerName); err != nil {
		return err
	}
	for _, p := range []Party{o.TAG, o.Programme, o.Proposal, o.User, o.Group} {
		if len(p.ID) > maxOwnerName || !printable(string(p.ID)) {
			return invalid(subject, "owner id %.40q", string(p.ID))
		}
		if len(p.Name) > maxOwnerName || !printable(p.Name) {
			return invalid(subject, "owner name %.40q", p.Name)
		}
	}
	return nil
}
