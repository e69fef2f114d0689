package api

import (
	"math"
	"strconv"

	"starling/node"
)

// The headers of every answer from the record.
const (
	appliedHeader = "Starling-Applied" // the log's last entry that was read
	ageHeader     = "Starling-Age"     // for how many seconds the copy may have been behind
	pendingHeader = "Starling-Pending" // records that were read and are not in the log
)

// consistency is the parameter by which a client says how the record is to be
// read: "local", which is for those who don't say, or "strong".
const consistency = "consistency"

// look is how the record is to be read.
func (q *query) look() *node.Look {
	switch q.text(consistency) {
	case "", "local":
		return new(node.Look)
	case "strong":
		return &node.Look{Strong: true}
	}
	q.wrong(consistency, "want local (this node's own copy) or strong (all that any node has recorded)")
	return nil
}

// tell says what an answer was read from.
func (v *visit) tell(read *node.Look) {
	h := v.header()
	h.Set(appliedHeader, strconv.FormatUint(read.Applied, 10))
	h.Set(ageHeader, itoa(int(math.Ceil(read.Age.Seconds()))))
	pending := itoa(read.Pending)
	if read.Omitted > 0 {
		pending += "; omitted=" + itoa(read.Omitted)
	}
	h.Set(pendingHeader, pending)
}
