// Package line is the one TCP port at which the nodes of a federation reach each
// other, for Raft and for HTTP requests.
//
// A connection is made in three steps. TLS first, mutual: a caller that has no
// certificate of a node of this federation's CA gets no further (package
// certificate; without it a node speaks to loopback only). Then the caller says
// hello: what it will speak, who it is, whom it wants and which federation it
// belongs to. Then the called answers yes, or no and why, in words that reach
// the person in front of the other node. Only what was greeted is handed to Raft
// (Port.Stream) or to the HTTP server (Port.Serve), which therefore know for
// certain with which node they speak.
//
// All that comes before the greeting is bounded in size, time and number, costs
// little, and is counted by the reason for which it ended.
package line
