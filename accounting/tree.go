package accounting

// An OwnerRecord is what is known of an owner: its latest name, and what it is
// part of.
type OwnerRecord struct {
	Owner  Owner  `json:"owner"`
	Name   string `json:"name,omitempty"`
	Parent Owner  `json:"parent,omitzero"`
}

// meet remembers the owners that a command names. The last name wins.
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
	k := nameKey(tagOwner, string(r.Owner.Kind), string(r.Owner.ID))
	var known OwnerRecord
	if _, err := readRow(s.get(k), &known); err != nil {
		return err
	}
	if known == r {
		return nil
	}
	return s.putJSON(k, r)
}

// FindOwner is what is known of an owner.
func FindOwner(view View, owner Owner) (OwnerRecord, error) {
	var r OwnerRecord
	found, err := readRow(view.Get(nameKey(tagOwner, string(owner.Kind), string(owner.ID))), &r)
	if err == nil && !found {
		err = notFound("owner " + owner.String())
	}
	return r, err
}
