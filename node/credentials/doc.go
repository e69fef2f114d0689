// Package credentials gets, keeps and renews the tokens with which the data of
// sessions are fetched.
//
// Some data are given only to who shows a token of the user's. She is there when
// she accepts an offer, and gone when its session begins, at night perhaps; and
// her own token is not for passing on. So a [Keeper] exchanges it, at accept, at
// her own issuer: for one storage's audience, and for the paths that the session
// reads and no others. Where the issuer gives a refresh token, an access token is
// got with it when an executor comes for the session; where it gives none, the
// access token itself must last until then.
//
// What is kept is sealed (AES-256-GCM) for its session, with a key of the data
// directory that lies beside the session store and not in it: whoever comes by a
// copy of the one has nothing without the other. It is erased with the end of the
// session.
package credentials
