// Package consensustest is a bad day for the replicated log: a network between
// nodes of one process that delays, loses and cuts, in one direction or both, and
// a disk that is slow, full or forgets what was not flushed.
//
// It knows nothing of the log itself, so that the log's own tests can use it as
// well as those of rooms above it. A node of a test is made of the parts that the
// log asks for:
//
//	network := consensustest.NewNetwork(seed)
//	disk := new(consensustest.Disk)
//	stream, err := network.Listen("a")
//	log, err := consensus.OpenRaft(consensus.RaftOptions{
//		Options: consensus.Options{Node: "a", Write: disk.Write, …},
//		Stream:  stream, Forward: network.Courier("a"), …})
//	network.Attach("a", log.Answer)
//
// All of it works in a testing/synctest bubble: nothing waits but on channels and
// timers, and no lock is held meanwhile. There a run takes as long as its
// computing does, however long its elections are, and a busy machine changes
// nothing of its course.
package consensustest
