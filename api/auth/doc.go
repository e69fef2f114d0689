// Package auth tells who sends a request from the bearer token that it carries.
//
// It takes two steps, which are kept apart. A [Verifier] reads a token of an issuer
// that the node trusts and says whom it describes: an identity.Subject, which is
// the issuer's word and nobody else's. A [Mapping] says who that is at this node,
// by its configuration: an identity.Caller, with a name, roles and the proposals
// that may be charged. Subjects come from other nodes, too, and are mapped in the
// same way; callers never do. [Bearer] does both for an HTTP request.
//
// The keys of issuers are found by package oidc and read by package jwks. A node is
// an issuer of its own, for development: an [Issuer] keeps an Ed25519 key in the
// node's data directory and signs tokens with it. Whoever can read the data
// directory can speak for anybody, which is what development means. Its tokens may
// claim roles and a proposal; those of other issuers may not.
//
// The role of a built-in executor is not among the roles that anything outside can
// give: a subject that claims it is refused.
package auth
