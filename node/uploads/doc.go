// Package uploads keeps the files of sessions that ran on machines with which
// the node shares no file system: their executors send them, piece by piece.
//
// A piece says where in the file it belongs. What is there already is skipped,
// and what would leave a gap isn't taken; the answer is always how much of the
// file is there, so that a sender that lost an answer, or its memory, goes on
// from that. A file is whole when its size and checksum are as its sender said.
// Until then it is the file so far, as a program's output is while it runs.
//
// Names are users' and never become paths: in the directory of its attempt, a
// file is called after the SHA-256 of its role and name,
//
//	DIR/<historyRef>/<hash>.part      so far
//	DIR/<historyRef>/<hash>.<sha256>  whole, with this checksum, and on disk
package uploads
