package store

import "slices"

// Wait is why a session was to begin no earlier than it was, as of when that was
// decided. It names no other session: only how many there were.
type Wait struct {
	At    Millis `json:"at"`             // when it was decided, or noticed
	From  Millis `json:"from,omitzero"`  // since when it might have begun but for that
	Until Millis `json:"until,omitzero"` // when it was to begin by then
	Cause Cause  `json:"cause"`
	// Lacks are the resources of which there was too little, and Others how many
	// bookings and open offers were to end until then; More: there were more.
	Lacks  []string `json:"lacks,omitempty"`
	Others int      `json:"others,omitzero"`
	More   bool     `json:"more,omitzero"`
}

// Cause is why a session waits.
type Cause string

// The causes.
const (
	Wanted  Cause = "wanted"   // the request lets it begin no earlier, or its price does
	Chosen  Cause = "chosen"   // the offer was one that begins later, for less or with more
	Taken   Cause = "taken"    // there was too little free before
	Closed  Cause = "closed"   // the executor doesn't work before
	Offered Cause = "offered"  // there was too little free when it was offered
	Gave    Cause = "gave-way" // one that was late came first
	Moved   Cause = "moved"    // it was booked anew
	Nobody  Cause = "nobody"   // it was due, and no executor asked for it
	Crowded Cause = "crowded"  // it was due, and what ran there before hadn't ended
	Unpaid  Cause = "unpaid"   // it was due, and what it holds wasn't placed yet
)

// maxWaits bounds what is kept of one session; of more, those in the middle are left out.
const maxWaits = 64

// Waits keeps a reason with a session, which must be the caller's own copy.
func (s *Session) Waits(w Wait) {
	kept := slices.Clip(s.Waited)
	if len(kept) >= maxWaits {
		kept = slices.Delete(slices.Clone(kept), maxWaits/2, maxWaits/2+1)
	}
	s.Waited = append(kept, w)
}

// Outage is a time in which the node was down.
type Outage struct {
	From  Millis `json:"from"` // the last sign of life before
	Until Millis `json:"until"`
}

// maxOutages bounds how many are remembered.
const maxOutages = 64

var (
	keyAlive   = []byte("alive")
	keyOutages = []byte("outages")
)

// alive notes that the node is.
func (tx *Tx) alive(now Millis) error { return tx.put(bucketMeta, keyAlive, now) }

// Alive is when the node wrote something last; 0: it never did.
func (tx *Tx) Alive() (last Millis, err error) {
	_, err = tx.get(bucketMeta, keyAlive, &last)
	return last, err
}

// PutOutage remembers that the node was down.
func (tx *Tx) PutOutage(o Outage) error {
	list, err := tx.Outages()
	if err != nil {
		return err
	}
	list = append(list, o)
	return tx.put(bucketMeta, keyOutages, list[max(0, len(list)-maxOutages):])
}

// Outages are when the node was down, the last that are remembered, the oldest first.
func (tx *Tx) Outages() (list []Outage, err error) {
	_, err = tx.get(bucketMeta, keyOutages, &list)
	return list, err
}
