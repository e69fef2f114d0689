// Package login gets users' tokens from the issuers that nodes name, and keeps
// them.
//
// A node says which issuers it believes (RFC 9728, [Named]); an issuer says where
// its endpoints are ([Discover]). A user logs in by the device flow (RFC 8628,
// [Issuer.Begin] and [Issuer.Wait]): she opens a page, wherever she has a browser,
// and types the code that she is shown.
//
// What comes of that is a [Login]: it is for one node, and it is kept in a file
// named for it, mode 0600 ([Store]). Its token goes to the origin of that node and
// to no other; [Tokens] refreshes it before it is over. A refresh token may work
// only once, so that a refresh is made under a lock that all processes of the user
// share, isn't broken off half-way, and is written before it is used.
//
// Issuers and nodes are not trusted: their answers are bounded, and what they say
// is shown only as far as it prints. There are libraries for the device flow;
// that of golang.org/x/oauth2 doesn't end with its context when it asks for a
// code, and gives up at the first answer that is lost.
package login
