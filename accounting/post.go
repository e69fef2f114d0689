package accounting

import "fmt"

// A posting is one transaction of the ledger: for each quantity, one entry in
// an account of the owner and the opposite one in the node's counterpart.
type posting struct {
	owner  Owner
	node   NodeName
	period Period
	side   Side // the owner's
	sign   Amount
	row    entryRow // all but amount and counter
}

// post makes the entries. Quantities of nothing make none.
func (s *state) post(p posting, quantities []Quantity) error {
	for _, q := range quantities {
		if q.Amount == 0 {
			continue
		}
		own := accountHead{Owner: p.owner, Resource: q.Name, Unit: q.Unit, Period: p.period, Side: p.side}
		counter := own
		counter.Owner, counter.Side = Node(p.node), counterpart[p.side]
		ownID, counterID := own.id(), counter.id()
		if err := s.enter(own, ownID, p.sign*q.Amount, counterID, p.row); err != nil {
			return err
		}
		if err := s.enter(counter, counterID, -p.sign*q.Amount, ownID, p.row); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) enter(head accountHead, id AccountID, amount Amount, counter AccountID, row entryRow) error {
	b, err := s.open(head, id)
	if err != nil {
		return err
	}
	if b.total, err = b.total.Add(amount); err != nil {
		return overflow("account "+id.String(), "its balance would not fit")
	}
	b.entries++
	row.Amount, row.Counter = amount, counter
	s.put(key(tagBalance, id), b.bytes())
	s.put(numberedKey(tagEntry, id, b.entries), row.bytes())
	return nil
}

// open reads an account's balance, and makes the account if there is none.
func (s *state) open(head accountHead, id AccountID) (balance, error) {
	if value := s.get(key(tagBalance, id)); value != nil {
		b, err := readBalance(value)
		if err != nil {
			return b, fmt.Errorf("account %s: %w", id, err)
		}
		return b, nil
	}
	s.put(head.indexKey(), id[:])
	return balance{}, s.putJSON(key(tagAccount, id), head)
}
