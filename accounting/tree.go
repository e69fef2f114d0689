package accounting

// An OwnerRecord is what is known of an owner: its latest name, and what it is
// part of.
type OwnerRecord struct {
	Owner  Owner  `json:"owner"`
	Name   string `json:"name,omitempty"`
	Parent Owner  `json:"parent,omitzero"`
}

// meet remembers the owners that a command names. The last name and place win;
// a command that names none leaves them as they are.
func (s *state) meet(o Owners) error {
	var parent Owner
	branch := []struct {
		kind  OwnerKind
		party Party
	}{{KindTAG, o.TAG}, {KindProgramme, o.Programme}, {KindProposal, o.Proposal}}
	for _, level := range branch {
		if level.party.ID == "" {
			continue
		}
		owner := Owner{level.kind, level.party.ID}
		if err := s.remember(OwnerRecord{Owner: owner, Name: level.party.Name, Parent: parent}); err != nil {
			return err
		}
		parent = owner
	}
	return s.remember(OwnerRecord{Owner: User(o.User.ID), Name: o.User.Name})
}

func (s *state) remember(r OwnerRecord) error {
	known, err := s.owner(r.Owner)
	if err != nil {
		return err
	}
	if r.Name == "" {
		r.Name = known.Name
	}
	if r.Parent.IsZero() {
		r.Parent = known.Parent
	}
	if known == r {
		return nil
	}
	return s.putJSON(ownerRowKey(r.Owner), r)
}

func (s *state) owner(o Owner) (known OwnerRecord, err error) {
	_, err = readRow(s.get(ownerRowKey(o)), &known)
	return known, err
}

func ownerRowKey(o Owner) []byte { return nameKey(tagOwner, string(o.Kind), string(o.ID)) }

// FindOwner is what is known of an owner.
func FindOwner(view View, owner Owner) (OwnerRecord, error) {
	var r OwnerRecord
	found, err := readRow(view.Get(ownerRowKey(owner)), &r)
	if err == nil && !found {
		err = notFound("owner " + owner.String())
	}
	return r, err
}
