// Package delegation is how a node says to another on whose behalf it asks.
//
// A user's token is for the node that it was sent to, and goes no further. What
// that node passes on is an assertion of its own: "jodrell says to kth that it
// asks GET /sessions/… for her of whom this issuer says that, and that it came
// by way of these nodes". It is a JWS (RFC 7515) with the claims of a JWT (RFC
// 7519), signed with the key that the node proves to have on the connection
// that carries it. It is good for one node, one method, one path and query,
// half a minute and one use, and never longer than the token that it was made
// from.
//
// What it carries is a [identity.Subject], which is what an issuer has said. What
// that means at the other node, that node's own configuration decides.
//
// [Signer] makes assertions, [Verifier] believes them or says why not.
package delegation
