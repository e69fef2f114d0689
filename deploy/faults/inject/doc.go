// Package inject hurts a federation on purpose.
//
// A Fault is one way to do so, with a name and the number of times that it is tried.
// Its Inject hurts the sites of a Scene and tells what it did as a Wound: a sentence
// for the table, how long it is to last, who is cut off from the majority meanwhile,
// and how it is healed. The runner (package main, above) keeps users and executors
// busy all the time, waits, heals, and checks what was promised.
//
// Families stand in files of their own: kills, stops, pauses, partitions, links,
// members, …; All lists them. A family knows the sites as they are declared here and
// nothing of the load; what it decides by chance it draws from the scene's Random
// alone, so that a seed names a run.
package inject
