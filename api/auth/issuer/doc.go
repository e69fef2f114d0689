// Package issuer is an OpenID Connect issuer for development and tests. It
// speaks what institutes' issuers speak, so that a node, an executor and the
// command line meet the real protocol, and it believes whoever asks: on its page
// one types the name that one wants to have.
//
// A [Directory] holds what it is known by: its URL and its keys, of which the
// newest signs. [Directory.Rotate] publishes another one, which signs a moment
// later, and leaves the old ones published until whatever they have signed is
// over; [Directory.Withdraw] takes a key back at once. Whoever can read the directory can sign tokens,
// with [Directory.Issue]; a server notices what others change there.
//
// A [Server] is the http.Handler above a directory. It has discovery and the
// keys (OpenID Connect Discovery 1.0, RFC 7517), and tokens by device flow
// (RFC 8628), refresh (RFC 6749; each refresh token works once, and using one
// twice ends all of its family, as RFC 9700 has it), client credentials and
// exchange (RFC 8693, which narrows and never widens), introspection (RFC 7662)
// and revocation (RFC 7009). What must outlive the process is in the directory;
// logins that wait for their user are not.
//
// Everything that a stranger can make it keep is bounded, in number and in time.
package issuer
