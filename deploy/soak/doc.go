// Soak runs federations of one node and of five for an hour, or as long as it is told,
// under a mixed load, and looks whether they keep what they should give back: memory,
// goroutines, open files.
//
//	go run ./deploy/soak -duration 1h bin/starling
//
// Each federation goes through four times. In the first, it is warmed up: a short load
// fills what fills once. Then it rests until nothing is held, and what a node has then
// is its level. Then comes the load. After it, the federation rests again, until offers,
// keys and leases have lapsed; and what a node has at the end must be its level again,
// within a tolerance (see level.go). A line that is fitted through the samples of the
// load must not rise, either: what grows steadily for an hour grows for a year.
//
// What is on disk grows with the history, and that is no leak; how much each session
// takes is told.
package main
