// Package placement ranks ways to run a session by what a policy is after.
//
// An [Option] is one way, at one site: a live offer, or what a digest lets one expect. A [Policy] says how good an
// option is beside the others, [Rank] puts the best first, and says in words why each comes where it does.
//
// Options are measured against each other alone: what counts is how much each loses against the best of them in each
// respect ([Losses]), as a part between 0 and 1. This is simple additive weighting with ratios to the best (Hwang and
// Yoon, Multiple Attribute Decision Making, 1981), chosen since it needs no scale for euros, kilograms or hours, blows
// up no small difference, as stretching from the best to the worst does, and lets no absurd option, whoever makes it,
// change the order of the others.
//
// What somebody doesn't say never counts for him: an option that quotes no cost loses as much as the dearest could,
// and so does one whose currency few others use, since there is no rate of exchange here.
package placement
