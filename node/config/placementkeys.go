package config

import "time"

// Placement is how the best place for a session is found, here or at another node
// of the federation.
type Placement struct {
	// What the best offer is, where the request doesn't say: balanced weighs the end
	// of the work, its cost and the transfer of its data; fastest, cheapest and
	// greenest (carbon, or energy) look at one of them; data-local moves the fewest
	// bytes.
	Policy string `key:"policy" oneof:"balanced fastest cheapest greenest data-local"`
	// The most other nodes that are asked for offers, those that promise most first;
	// 0 asks none.
	Ask int `key:"ask" min:"0" max:"64"`
	// How long other nodes may take to answer. Who is slower is left out.
	Deadline time.Duration `key:"deadline" min:"10ms" max:"1m"`
	// The most offers in one answer, of this node and others. offers.perRequest is the
	// most that are this node's.
	Offers int `key:"offers" min:"1" max:"64"`
}
