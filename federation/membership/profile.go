package membership

import (
	"time"

	"github.com/hashicorp/memberlist"
)

// Profile is how eagerly nodes talk. LAN and WAN are the profiles to choose
// from; the reasons for their numbers are beside them.
type Profile struct {
	// ProbeInterval is how often each node asks one of the others whether it is
	// there, ProbeTimeout how long it waits for the answer before it asks by way
	// of others and by TCP.
	ProbeInterval, ProbeTimeout time.Duration
	// Suspicion is for how many probe intervals (times the logarithm of the
	// number of nodes) a silent node is suspected before it is called dead.
	Suspicion int
	// Gossip is how often news is passed on, Fanout to how many at a time.
	Gossip time.Duration
	Fanout int
	// PushPull is how often a node compares all it knows with one other. It is
	// the only sure repair of what gossip missed.
	PushPull time.Duration
	// Stream bounds one exchange by TCP, Dial the making of its connection.
	Stream, Dial time.Duration
	// Dead is for how long gossip goes on telling a dead node of its death, so
	// that it can object.
	Dead time.Duration
	// Announce is the least time between two notes of this node.
	Announce time.Duration
	// Youth is for how long after its start a node repeats its note: not all know it
	// yet, and who doesn't keeps none.
	Youth time.Duration
	// RedialFirst and RedialMost are how soon, and at the latest how often, those
	// who are gone are asked again.
	RedialFirst, RedialMost time.Duration
	// Patience is for how long a newcomer waits for one of those it is to join.
	Patience time.Duration
	// Save is the least time between two writings of the file of peers.
	Save time.Duration
}

// LAN suits nodes whose round trips take milliseconds. A dead node is noticed
// after about 6 s.
func LAN() Profile {
	return Profile{
		ProbeInterval: time.Second,            // with four of Suspicion: 6 s from silence to death
		ProbeTimeout:  500 * time.Millisecond, // hundreds of round trips; a pause for garbage is no loss
		Suspicion:     4,                      // memberlist's own; three called busy nodes dead
		Gossip:        200 * time.Millisecond, // all of 5 nodes know after 0.1 s, 0.3 s at worst
		Fanout:        3,
		PushPull:      10 * time.Second, // a federation is tens of nodes: some kilobytes each time
		Stream:        10 * time.Second, // a megabyte at worst
		Dial:          3 * time.Second,  // one lost SYN is sent again after 1 s
		Dead:          30 * time.Second, // three comparisons
		Announce:      time.Second,      // the design's promise for digests
		Youth:         10 * time.Second, // one comparison
		RedialFirst:   time.Second,
		RedialMost:    30 * time.Second, // a site that returns is back within a minute
		Patience:      15 * time.Second, // all nodes of a site started at once
		Save:          time.Second,
	}
}

// WAN suits nodes on several continents, 100 to 300 ms apart. A dead node is
// noticed after 37 to 50 s.
func WAN() Profile {
	return Profile{
		ProbeInterval: 5 * time.Second, // five probes a dead node: long-distance lines fail for seconds
		ProbeTimeout:  3 * time.Second, // ten round trips
		Suspicion:     6,
		Gossip:        500 * time.Millisecond, // 20 nodes: half know after 0.7 s, 95 % after 1.2 s
		Fanout:        4,
		PushPull:      15 * time.Second, // where UDP is blocked between institutes this is how all news travels
		Stream:        30 * time.Second, // a megabyte over a bad line
		Dial:          10 * time.Second, // SYNs lost at 0, 1 and 3 s
		Dead:          60 * time.Second,
		Announce:      time.Second,
		Youth:         30 * time.Second, // two comparisons
		RedialFirst:   2 * time.Second,
		RedialMost:    time.Minute,
		Patience:      time.Minute,
		Save:          time.Second,
	}
}

// Quick is for tests with all nodes in one process on a machine that does much
// else: a dead node is noticed after some 2 s.
func Quick() Profile {
	return Profile{
		ProbeInterval: 400 * time.Millisecond, ProbeTimeout: 300 * time.Millisecond, Suspicion: 4,
		Gossip: 50 * time.Millisecond, Fanout: 3, PushPull: time.Second,
		Stream: 10 * time.Second, Dial: 2 * time.Second, Dead: 3 * time.Second,
		Announce: 50 * time.Millisecond, Youth: time.Second, RedialFirst: 100 * time.Millisecond, RedialMost: time.Second,
		Patience: 5 * time.Second, Save: 20 * time.Millisecond,
	}
}

// config turns a profile into memberlist's settings, with those that are the
// same for all.
func (p Profile) config() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.ProbeInterval, c.ProbeTimeout = p.ProbeInterval, p.ProbeTimeout
	c.SuspicionMult = p.Suspicion
	c.GossipInterval, c.GossipNodes = p.Gossip, p.Fanout
	c.PushPullInterval = p.PushPull
	c.TCPTimeout = p.Stream
	c.GossipToTheDeadTime = p.Dead
	c.RetransmitMult = retransmit
	c.EnableCompression = false // notes are dense already, and compressed packets can bomb
	c.UDPBufferSize = mostPacket - labelRoom
	// Who is dead may come back anywhere at once: moving a node is no conflict.
	c.DeadNodeReclaimTime = time.Nanosecond
	c.DelegateProtocolMin, c.DelegateProtocolMax, c.DelegateProtocolVersion = recordLayout, recordLayout, recordLayout
	return c
}

// retransmit times the logarithm of the number of nodes is how often one node
// passes on the same news. With memberlist's 4, nine of 150 broadcasts to up to
// nine nodes missed somebody without any packet loss; with 8, none.
const retransmit = 8
