package store

import (
	"bytes"

	"starling/api/despatch"
	"starling/federation/identity"
)

// FileKey tells a session's files apart: by what they are and by their name.
func FileKey(f despatch.File) string {
	role := f.Role
	if role == despatch.RoleOutput { // as where nothing is said
		role = ""
	}
	return role + "\x00" + f.Name
}

// PutFile stores a file of a session, or what is newly known of one. Files have
// rows of their own: a session may have thousands, and changes often.
func (tx *Tx) PutFile(session identity.UUID, f despatch.File) error {
	return tx.put(bucketFiles, append(session[:len(session):len(session)], FileKey(f)...), f)
}

// Files calls visit with the files of a session, by role and name, until it
// returns false.
func (tx *Tx) Files(session identity.UUID, visit func(despatch.File) (more bool)) error {
	cursor := tx.Bucket(bucketFiles).Cursor()
	for key, _ := cursor.Seek(session[:]); bytes.HasPrefix(key, session[:]); key, _ = cursor.Next() {
		var f despatch.File
		if _, err := tx.get(bucketFiles, key, &f); err != nil {
			return err
		}
		if !visit(f) {
			return nil
		}
	}
	return nil
}

// DeleteFiles forgets the files of a session: another attempt writes its own.
func (tx *Tx) DeleteFiles(session identity.UUID) error {
	cursor := tx.Bucket(bucketFiles).Cursor()
	for key, _ := cursor.Seek(session[:]); bytes.HasPrefix(key, session[:]); key, _ = cursor.Seek(session[:]) {
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	return nil
}
