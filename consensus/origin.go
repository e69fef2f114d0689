package consensus

import (
	"fmt"
	"io"
	"strings"

	"go.etcd.io/bbolt"
)

// An origin says whose record a state is: of which federation, whose id was minted
// with its first entry and comes to every node with the state; and how often a lost
// majority of it was given up (Recover).
type origin struct {
	federation string
	recoveries uint64
}

// Where the state keeps it.
var (
	federationKey = []byte("federation") // -> the federation's id
	recoveriesKey = []byte("recoveries") // -> number
)

// lineage tells apart what must not be mixed: federations, and what is left of
// those that were given up.
func (o origin) lineage() string {
	if o.recoveries == 0 {
		return o.federation
	}
	return fmt.Sprintf("%s+%d", o.federation, o.recoveries)
}

// sameFederation reports whether two lineages are of one federation.
func sameFederation(a, b string) bool {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	return a == b
}

func readOrigin(tx *bbolt.Tx) origin {
	meta := tx.Bucket(metaBucket)
	return origin{string(meta.Get(federationKey)), uint64(sequenceOf(meta.Get(recoveriesKey)))}
}

// beginFederation mints the federation's id.
func beginFederation(c *change, random io.Reader) error {
	id, err := mint(random)
	if err != nil {
		return err
	}
	return c.rows(metaBucket).Put(federationKey, []byte(id))
}

// whose is the file's origin; empty before it has one.
func (f *stateFile) whose() origin {
	if o := f.origin.Load(); o != nil {
		return *o
	}
	return origin{}
}

// settle remembers the origin that a transaction sees.
func (f *stateFile) settle(tx *bbolt.Tx) {
	o := readOrigin(tx)
	f.origin.Store(&o)
}

// Federation is the id of the federation that this node's record is of: 32
// hexadecimal digits; "" before the leader has sent its state.
func (r *Raft) Federation() string { return r.state.whose().federation }
