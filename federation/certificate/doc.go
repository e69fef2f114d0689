// Package certificate is how nodes of a federation know each other.
//
// A federation has a CA of its own (Authority), which vouches for nodes and for
// nothing else. A node's certificate says its role and its name in one DNS name,
// jodrell.node.starling: whoever has another role, or another name, is another.
// What a node presents, and whom it believes, are its Credentials, read from
// three files and read again when they were exchanged (Reload). They give the
// TLS configurations for both ends of a connection: mutual, TLS 1.3 and nothing
// older, the role and the name checked before the first byte is passed on.
//
// What clients see is a certificate of another CA, one that they believe (Public).
// A Reloader has all of it read again when the files are exchanged, and tells
// before it is over.
//
// Gossip goes over UDP, where there are no certificates: its keys are shared by
// all nodes (GossipKeys), and tell members from strangers, not from each other.
//
// Every error says which file is meant, what is wrong, and what to do.
package certificate
