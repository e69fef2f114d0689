// Package oidc knows OpenID Connect providers, the issuers of users' tokens: with
// which keys each signs now, and where its endpoints are (OpenID Connect
// Discovery 1.0, RFC 8414).
//
// A [Provider] fetches both by itself, every five minutes and whatever the answer
// says of caching: that is how long a key that its issuer has withdrawn is
// believed, at most, while the issuer answers. A token that names a key which isn't
// there has them fetched at once, but never sooner than 30 s after the last time,
// and waits for that a few seconds at most. A token whose key is known never waits.
//
// While an issuer is down, the last keys that it had go on counting, for however
// long: users must not be locked out of their work by somebody else's outage. A
// node starts without it, too.
//
// Everything that an issuer's server says is bounded and checked: the document
// must name the very issuer that was configured, all of its URLs are https (or, in
// development, of loopback), nothing is redirected. To which addresses it may lead
// is for the HTTP client that it is given to decide; see federation/outbound.
package oidc
