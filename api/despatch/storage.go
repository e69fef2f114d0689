package despatch

import "time"

// KindKeptStorage is what an executor registers among its kinds that keeps
// storage beyond its session, and mounts again what an earlier session has left.
const KindKeptStorage = "urn:starling:storage:kept-1.0"

// Storage is a storage resource of a session, which the volumes that name it
// mount. It may outlive the session.
type Storage struct {
	ID   string `json:"id"` // the UUID of the storage resource
	Name string `json:"name,omitempty"`
	Size int64  `json:"size"` // GiB; more is a failure
	// KeepSeconds is how long after the end what it holds is kept, KeepUntil
	// until when at least; then it is removed. Neither: it is kept as long as the
	// executor keeps outputs.
	KeepSeconds int64     `json:"keepSeconds,omitzero"`
	KeepUntil   time.Time `json:"keepUntil,omitzero"`
	// Existing says that an earlier session has left it: it is mounted with what
	// it holds.
	Existing bool `json:"existing,omitzero"`
}

// Kept reports whether the storage outlives the session.
func (s Storage) Kept() bool { return s.Existing || s.KeepSeconds > 0 || !s.KeepUntil.IsZero() }
