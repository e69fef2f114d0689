package node

import (
	"slices"
	"strconv"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// Storage that a session has left can be used again by its owner's later ones: a
// request refers to it by its UUID, as that of a storage resource of its own or
// straight from a volume. It is mounted with what it holds, where it lies.

// recall finds the kept storage of the caller's that a request refers to, adds a
// storage resource for each that only a volume names, and lists it.
func (b *Broker) recall(caller identity.Caller, req *ivoa.ExecutionRequest) []*store.Kept {
	taken := map[string]bool{}
	for _, c := range walk(&req.Components) {
		taken[c.Base().Name()], taken[c.Base().UUID()] = true, true
	}
	var found []*store.Kept
	b.mu.Lock()
	defer b.mu.Unlock()
	find := func(ref string) bool {
		id, err := identity.ParseUUID(ref)
		if err != nil {
			return false
		}
		k := b.keptFor(caller, id)
		if k == nil {
			return false
		}
		if !slices.Contains(found, k) {
			found = append(found, k)
		}
		return true
	}
	for _, s := range req.Storage {
		find(s.Base().UUID())
	}
	if req.Compute == nil {
		return found
	}
	for _, v := range req.Compute.Mounted().Volumes {
		v, ok := v.(*ivoa.SimpleVolumeMount)
		if !ok || taken[v.Resource] || !find(v.Resource) {
			continue
		}
		taken[v.Resource] = true
		s := &ivoa.SimpleStorageResource{}
		s.Kind, s.NeedMeta().UUID = ivoa.KindSimpleStorage, v.Resource
		req.Storage = append(req.Storage, s)
	}
	return found
}

// reuse reads a storage resource whose UUID is that of storage that is kept: it
// has the size that it has, and the session must begin while it is there.
func (r *reader) reuse(w *wanted, size *ivoa.Range) {
	id, err := identity.ParseUUID(r.components[w.place].Base().UUID())
	if err != nil {
		return
	}
	at := slices.IndexFunc(r.kept, func(k *store.Kept) bool { return k.ID == id })
	if at < 0 {
		if r.ours != (identity.Tag{}) && id.Owner() == r.ours {
			r.object(ivoa.MessageResourceNotFound, "{path}: storage {uuid} is unknown, has been released, or isn't yours; leave its uuid out to get new storage",
				"path", w.path, "uuid", id.String())
		}
		return
	}
	k := r.kept[at]
	if size != nil && w.least > k.Size {
		r.object(ivoa.MessageResourceLimit, "{path}: storage {uuid} has {size} GiB, and {want} GiB were asked for",
			"path", w.path, "uuid", id.String(), "size", strconv.FormatInt(k.Size, 10), "want", strconv.FormatInt(w.least, 10))
	}
	w.least, w.most, w.existing = k.Size, k.Size, k
	if r.executor != (identity.UUID{}) && r.executor != k.Executor {
		r.object(ivoa.MessageNotSupported, "{path}: storage {uuid} is kept by another executor than the other storage of this request", "path", w.path, "uuid", id.String())
	}
	r.executor = k.Executor
}

// inUse objects to storage that another session has, or is to have; b.mu is held.
func (b *Broker) inUse(q *question, now store.Millis) (objections []ivoa.Message) {
	for _, w := range q.storages {
		if w.existing == nil {
			continue
		}
		if s := b.userOf(w.existing.ID, identity.UUID{}); s != nil {
			objections = append(objections, ivoa.NewMessage(wall(now), ivoa.LevelError, ivoa.MessageResourceLimit,
				"{path}: storage {uuid} is in use by session {session}, which is planned to end at {end}", "path", w.path, "uuid", w.existing.ID.String(),
				"session", s.ID.String(), "end", ivoa.FormatInstant(wall(s.Plan.End))))
		}
	}
	return objections
}

// userOf is the accepted session that uses kept storage, or is to use it, but for
// the one given; b.mu is held.
func (b *Broker) userOf(storage, but identity.UUID) *store.Session {
	for _, s := range b.state.live {
		if s.Phase != ivoa.SessionOffered && s.ID != but &&
			slices.ContainsFunc(s.Storage, func(st store.Storage) bool { return st.Existing && st.ID == storage }) {
			return s
		}
	}
	return nil
}

// maySettleIn says why an offer can't be accepted: the storage that it was to
// use again is another's by now, or gone; b.mu is held.
func (b *Broker) maySettleIn(s *store.Session) error {
	for _, st := range s.Storage {
		if !st.Existing {
			continue
		}
		if other := b.userOf(st.ID, s.ID); other != nil {
			return problem(CodeConflict, "storage %s is in use by session %s by now; ask again when that has ended", st.ID, other.ID)
		}
		if b.state.kept[st.ID] == nil {
			return problem(CodeConflict, "storage %s has been released; ask again without it", st.ID)
		}
	}
	return nil
}
