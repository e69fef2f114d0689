package consensus

import "time"

// Timing is how long the nodes wait for each other, and how much is under way
// between them. LAN and WAN are profiles; the reasons for their numbers are
// beside them.
type Timing struct {
	// Heartbeat is the silence after which a follower wants another leader.
	Heartbeat time.Duration
	// Election is how long a candidate waits for votes before it asks again.
	Election time.Duration
	// Lease is how long a leader without a majority goes on believing in itself;
	// at most Heartbeat.
	Lease time.Duration
	// Commit is how soon followers learn what was committed when nothing else is
	// sent to them.
	Commit time.Duration
	// RPC bounds one exchange between two nodes.
	RPC time.Duration
	// InFlight is how many entries and how many exchanges per follower are under
	// way at once.
	InFlight int
	// Request bounds what a follower asks of the leader, commit included.
	Request time.Duration

	// Trailing is how many entries are kept behind the state, for followers that
	// were away: more are cheaper than sending them the whole state.
	Trailing uint64
	// Compact is after how many more entries the log is trimmed, and CompactEvery
	// how often that is looked at.
	Compact      uint64
	CompactEvery time.Duration
}

// LAN suits nodes whose round trips take milliseconds.
func LAN() Timing {
	return Timing{
		Heartbeat:    500 * time.Millisecond, // a new leader within 2 s, election and first entry included
		Election:     500 * time.Millisecond, // votes take two flushes and a round trip, a hundredth of this
		Lease:        400 * time.Millisecond, // below Heartbeat: the old leader stops before the new one starts
		Commit:       20 * time.Millisecond,  // a follower's own barrier waits for this; 50 idle messages a second
		RPC:          5 * time.Second,        // a disk that stalls is slow, not dead
		InFlight:     2,                      // more only queues: raft's own measurements (#541)
		Request:      10 * time.Second,       // longer than any change of leader
		Trailing:     4096,                   // minutes of a busy site; half a gigabyte at the very most
		Compact:      1024,                   // trimming is one transaction: often and little
		CompactEvery: 30 * time.Second,
	}
}

// WAN suits nodes on several continents, 100 to 300 ms apart.
func WAN() Timing {
	return Timing{
		Heartbeat:    3 * time.Second,        // ten round trips: a lost packet and its repeats are no death
		Election:     3 * time.Second,        // the same, with a handshake for the connection before it
		Lease:        2 * time.Second,        // several heartbeats (sent every Heartbeat/10) must all be lost
		Commit:       100 * time.Millisecond, // a third of what a round trip costs anyway
		RPC:          15 * time.Second,       // an entry of 128 KiB over a bad line
		InFlight:     16,                     // 150 ms × 16 entries: 790/s became 3,000/s when measured
		Request:      30 * time.Second,       // longer than any change of leader
		Trailing:     16384,                  // sending the whole state across an ocean is dear
		Compact:      4096,
		CompactEvery: 2 * time.Minute,
	}
}
