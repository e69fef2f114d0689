package store

import "starling/federation/identity"

// PutCredentials keeps what was sealed for a session, until its end: PutSession
// erases it then, so that no way to an end can forget to.
func (tx *Tx) PutCredentials(session identity.UUID, sealed []byte) error {
	return tx.Bucket(bucketCredentials).Put(session[:], sealed)
}

// Credentials reads what was sealed for a session; nil: nothing. It is the caller's.
func (tx *Tx) Credentials(session identity.UUID) []byte {
	return append([]byte(nil), tx.Bucket(bucketCredentials).Get(session[:])...)
}

// eraseCredentials forgets what was sealed for a session, if anything was.
func (tx *Tx) eraseCredentials(session identity.UUID) error {
	return tx.Bucket(bucketCredentials).Delete(session[:])
}
