// Package exchange gets tokens in exchange for a user's, as RFC 8693 says: for
// one audience, with one scope, and for nothing else.
//
// A node never passes a user's own token on. What a peer, or a storage element,
// is to be asked on her behalf is asked with a token that her issuer gives for
// that audience alone; [Client] fetches it. The issuer decides what it gives, but
// not what is used: an answer that is of another kind, for anybody else or for
// more than was asked is refused here ([ErrUnusable]), since whoever receives the
// token could use all of it.
//
// The user's token goes to the token endpoint of the issuer that made it, over
// TLS, and nowhere else: no redirect is followed, and no error or log line has it.
package exchange
