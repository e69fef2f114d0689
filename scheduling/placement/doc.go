// Package placement ranks ways to run a session by what a policy is after.
//
// An Option is one way, at one site: a live offer, or what a digest lets one expect.
// A Policy scores it, and says why it comes where it does.
package placement
