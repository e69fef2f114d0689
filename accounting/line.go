package accounting

// A line is where one attempt, or one session's hold, stands in the statements
// of its payer and of its user. The lines of a session are neighbours.
type line struct {
	owners  Owners
	period  Period
	session SessionID
	ref     Ref // empty for the session's own hold
}

// lineRow is the line's part of a statement.
type lineRow struct {
	User      OwnerID    `json:"user"`
	Phase     Phase      `json:"phase,omitempty"`
	Ended     Instant    `json:"ended,omitzero"`
	Estimate  []Quantity `json:"estimate,omitempty"`
	Resources []Quantity `json:"resources,omitempty"`
	Charges   []Quantity `json:"charges,omitempty"` // on the payer's account
	Unbilled  []Quantity `json:"unbilled,omitempty"`
	adjustments

	Placed  bool `json:"placed,omitzero"`  // the line of a hold
	Settled bool `json:"settled,omitzero"` // that holds no more
	Voided  bool `json:"voided,omitzero"`
}

// putLine writes a line into the payer's statement, and into the user's where
// that is another.
func (s *state) putLine(l line, row lineRow) error {
	row.User = l.owners.User.ID
	if err := s.putJSON(l.key(l.owners.Payer()), row); err != nil {
		return err
	}
	if user := User(l.owners.User.ID); user != l.owners.Payer() {
		return s.putJSON(l.key(user), row)
	}
	return nil
}

func (l line) key(owner Owner) []byte {
	session, _ := uuidBytes(string(l.session))
	ref, _ := uuidBytes(string(l.ref)) // all zero, and so first, for a hold
	return append(append(l.prefix(owner), session[:]...), ref[:]...)
}

// prefix is that of all lines of the owner's period.
func (l line) prefix(owner Owner) []byte {
	return nameKey(tagLine, string(owner.Kind), string(owner.ID), string(l.period))
}

// adjustments are what each kind of adjustment changed of what an attempt owes:
// corrections either way, the others downwards, as amounts above zero.
type adjustments struct {
	Corrected  []Quantity `json:"corrected,omitempty"`
	Discounted []Quantity `json:"discounted,omitempty"`
	Refunded   []Quantity `json:"refunded,omitempty"`
}

// add counts what one adjustment changed.
func (a *adjustments) add(kind EntryKind, changes []Quantity) error {
	list, sign := &a.Corrected, Amount(1)
	switch kind {
	case EntryDiscount:
		list, sign = &a.Discounted, -1
	case EntryRefund:
		list, sign = &a.Refunded, -1
	}
	for _, q := range changes {
		q.Amount *= sign
		if err := addTo(list, q); err != nil {
			return err
		}
	}
	return nil
}

// addTo adds a quantity to that of the same resource in a list.
func addTo(list *[]Quantity, q Quantity) (err error) {
	for i := range *list {
		if old := &(*list)[i]; old.Name == q.Name && old.Unit == q.Unit {
			old.Amount, err = old.Amount.Add(q.Amount)
			return err
		}
	}
	*list = append(*list, q)
	return nil
}
