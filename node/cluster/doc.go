// Package cluster is a node's place in its federation: it brings together the
// port between the nodes, the gossip that says who is there, and this node's part
// of the replicated log, and keeps them in step.
//
// [Open] starts all three. A node that belongs to a federation already is up at
// once, whether anybody answers or not (promise 6), and is taken in again in the
// background where it was taken out. A newcomer waits until the leader has taken it in
// and it has the record, or is told why not.
//
// From then on the leader places voters (see consensus), every node announces
// how far its copy is, and [Cluster.Members] is the table of all. A node goes for
// good by [Cluster.Leave]; one that is gone for good is taken out by
// [Cluster.Expel].
//
// Each node tells the others how it is (digest.go), as [Cluster.Describe] has it; what
// they have told is [Cluster.Known], read once as it comes (known.go). What a node can do
// and what it asks changes seldom and is longer: that is fetched from it (slow.go).
//
// What one node asks of another on behalf of its users goes by way of it, too
// (errand.go): [Cluster.Authorize] says on whose behalf, [Cluster.RoundTrip] sends it,
// and the other's [Cluster.Delegated] finds out whether to believe it.
package cluster
