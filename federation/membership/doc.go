// Package membership knows who is there: the nodes of a federation, what each
// says of itself, and whether it answers.
//
// It is gossip, with hashicorp/memberlist at its heart, and this package puts
// around it what a federation needs and memberlist leaves to its user:
//
//	Start       listens, asks those it is to join whose federation theirs is,
//	            joins, and says why if that is refused            (join.go)
//	wire        labels packets and connections with the federation's id, so that
//	            two federations never mix; bounds what strangers cost
//	                                           (wire.go, stream.go, label.go)
//	delegates   admit or refuse what is heard of others         (delegates.go)
//	roster      who is known, with the newest note of each; merges without
//	            regard to order                                   (roster.go)
//	redial      those who are gone are asked again, for ever: a partition that
//	            heals, or a restart, needs nobody's help          (redial.go)
//	announce    the node's own note, told when it changes: to all, by the node
//	            itself, and passed on by those who hear it (announce.go, spread.go)
//	peers       what must be known after a restart, in a file      (peers.go)
//	Err, Leave  why this node is kept out; and how it goes (trouble.go, leave.go)
//
// What a member says of itself (Self) is checked for form and bounds, not for
// truth: whoever has the gossip key can say anything. Identity is proven where
// nodes connect (package line), and who votes is decided by the log.
//
// A note is a few hundred bytes that mean nothing here. Of two notes of a node
// the later one counts (by the node's start, then by number), however often and
// in whatever order they arrive.
package membership
