// Package auth tells who sends a request from the bearer token that it carries.
//
// A development node is its own issuer: an [Issuer] keeps an Ed25519 key in the
// node's data directory and signs tokens with it, a [Verifier] that holds the
// public half reads them. Whoever can read the data directory can speak for
// anybody, which is what development means; institutes' own issuers will be
// further keys of the same verifier.
//
// A token says who somebody is, never more than [Claims] has room for. The role
// of a built-in executor is not among the roles that a token can carry:
// [Verifier.Verify] refuses a token that claims it.
package auth
