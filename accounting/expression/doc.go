// Package expression is CEL (cel.dev) as operators write it in a node's
// configuration: what a session costs, what a site's policy allows.
//
// A [Language] has names of its own, each with a type, and a bound on the work
// that one evaluation may be. Everything that can be wrong with an expression is
// found when it is compiled, said in words for people, and where it stands:
// names, also those of the members of maps, of which CEL takes any; types;
// patterns; and how much work it could be at most.
//
// It is a leaf: which names there are, and what becomes of a result, is for
// those who use it.
package expression
