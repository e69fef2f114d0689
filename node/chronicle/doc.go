// Package chronicle tells what became of a session, chapter by chapter: how long it was
// in each phase, and why. It answers "why did my session wait?" from what a node has on
// record: the session's own trail and the reasons that were noted as they were decided
// (store.Wait), the history of its attempts, and when the node was down.
//
// It is pure: Tell makes an Explanation of Material and reads no clock. What isn't on
// record it says it doesn't know; of other sessions it tells how many there were, and
// never which.
package chronicle
