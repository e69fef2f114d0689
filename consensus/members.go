package consensus

import (
	"time"

	"go.etcd.io/bbolt"

	"starling/accounting"
)

// A Member is what is known of a node beside the log: what gossip carries.
type Member struct {
	Node string
	// Server is the id of its log now; "" if it isn't known.
	Server string
	// Address is where its log is reached now; "" if it isn't known.
	Address string
	// Alive is whether it is there, and Since for how long it is, or is not.
	Alive bool
	Since time.Time
	// Applied is the log's last entry that its state had when it last said so.
	Applied uint64
	// CommandVersion is the newest version of commands that it understands.
	CommandVersion int
}

// living finds out which servers are alive, as of now. Of a node that came back as
// another server the one that it was is dead.
func (r *Raft) living() func(Server) bool {
	if r.members == nil {
		return func(Server) bool { return true }
	}
	found := make(map[string]Member)
	for _, m := range r.members() {
		found[m.Node] = m
	}
	return func(s Server) bool { return s.ID == r.id || found[s.Node].is(s) }
}

// is reports whether the member is a server, and alive.
func (m Member) is(s Server) bool {
	return m.Node == s.Node && m.Alive && (m.Server == "" || m.Server == s.ID)
}

// commandVersion is the newest version of commands that may be put into the log:
// what all members have announced, or what the log has already.
func (r *Raft) commandVersion() int {
	if r.members == nil {
		return accounting.Version
	}
	return max(commonVersion(accounting.Version, r.Servers(), r.id, r.members()), r.state.version())
}

// commonVersion is what all servers understand, if this one understands so much. One
// that was never heard of may be of the first version.
func commonVersion(own int, servers []Server, self string, members []Member) int {
	heard := make(map[string]int, len(members))
	for _, m := range members {
		heard[m.Node] = m.CommandVersion
	}
	common := own
	for _, s := range servers {
		if s.ID != self {
			common = min(common, max(1, heard[s.Node]))
		}
	}
	return common
}

// versionKey holds the newest version of commands that the log has had.
var versionKey = []byte("version")

// version is the newest version of commands that was applied. All members had
// announced it, whether they are heard of now or not.
func (f *stateFile) version() (n int) {
	_ = f.view(func(tx *bbolt.Tx) error {
		n = appliedVersion(tx)
		return nil
	})
	return n
}

// appliedVersion is 1 before there was another.
func appliedVersion(tx *bbolt.Tx) int {
	return max(1, int(sequenceOf(tx.Bucket(metaBucket).Get(versionKey))))
}
