package node

import (
	"slices"
	"strconv"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/store"
)

// leave notes what storage a session leaves behind as it ends; b.mu is held. It
// is as the executor was told: from now on it has its time.
func (b *Broker) leave(s *store.Session, a *attempt, now store.Millis) []*store.Kept {
	if s.Plan.Simulated || s.Attempt.Running == 0 || !store.Terminal(s.Phase) {
		return nil
	}
	var left []*store.Kept
	s.Storage = slices.Clone(s.Storage)
	for i := range s.Storage {
		st := &s.Storage[i]
		if st.Until = st.Lasts(now); st.Until == 0 {
			continue
		}
		k := &store.Kept{Storage: *st, User: string(s.Owners.User.ID), Session: s.ID, Executor: a.executor}
		b.keepStorage(k)
		left = append(left, k)
	}
	return left
}

// keptFrom is a session's storage as an attempt at it begins. What is kept for a
// while from the session's beginning is so whether that takes all of its time or
// not.
func keptFrom(s *store.Session, now store.Millis) []store.Storage {
	all := slices.Clone(s.Storage)
	for i := range all {
		if all[i].Keep > 0 {
			all[i].KeepUntil = all[i].Lasts(now + s.Plan.Preparing + s.Plan.Duration)
		}
	}
	return all
}

// keepStorage counts kept storage in, until its time is up; b.mu is held.
func (b *Broker) keepStorage(k *store.Kept) {
	b.state.kept[k.ID] = k
	id := k.ID
	b.at(k.Until, func(now store.Millis) {
		if k := b.state.kept[id]; k != nil && now >= k.Until {
			delete(b.state.kept, id)
			b.submit(write{extra: func(tx *store.Tx) error { return tx.DeleteKept(id) }})
		}
	})
}

// keptGiB is how much storage is kept beyond its sessions' ends, or has been
// promised to be; b.mu is held.
func (b *Broker) keptGiB() (sum int64) {
	for _, k := range b.state.kept {
		sum += k.Size
	}
	for _, s := range b.state.live {
		for _, st := range s.Storage {
			if st.Lasts(0) > 0 && st.Until == 0 && !st.Existing {
				sum += st.Size
			}
		}
	}
	return sum
}

// fullOfKept says that a question's storage can't be kept beside all that is;
// nil: it can. b.mu is held.
func (b *Broker) fullOfKept(q *question, now store.Millis) []ivoa.Message {
	if !slices.Contains(q.dataKinds, despatch.KindKeptStorage) {
		return nil
	}
	limit, want := b.options.Offers.MaxStorageKept, int64(0)
	if limit == 0 {
		limit = b.options.Capacity.Storage
	}
	for _, w := range q.storages {
		if w.kept && w.existing == nil {
			want += w.least
		}
	}
	if want == 0 {
		return nil
	}
	kept := b.keptGiB()
	if kept+want <= limit {
		return nil
	}
	return []ivoa.Message{ivoa.NewMessage(wall(now), ivoa.LevelError, ivoa.MessageResourceLimit,
		"{site} keeps at most {limit} GiB of storage after its sessions' ends, of which {kept} GiB are taken: {want} GiB more can't be kept",
		"site", string(b.options.Name), "limit", strconv.FormatInt(limit, 10), "kept", strconv.FormatInt(kept, 10), "want", strconv.FormatInt(want, 10))}
}

// released marks in a copy of a session what storage has been released by now.
func released(s *store.Session, now store.Millis) *store.Session {
	over := func(st store.Storage) bool { return st.Until > 0 && now >= st.Until }
	if !slices.ContainsFunc(s.Storage, over) {
		return s
	}
	c := *s
	c.Storage = slices.Clone(s.Storage)
	for i := range c.Storage {
		c.Storage[i].Released = over(c.Storage[i])
	}
	return &c
}

// goneStorage lists, by id, the storage of a session whose files are not its any
// more: it has been released, or a later session has had it.
func (b *Broker) goneStorage(s *store.Session) map[string]bool {
	gone := map[string]bool{}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, st := range s.Storage {
		if k := b.state.kept[st.ID]; st.Until > 0 && (now >= st.Until || k != nil && k.Session != s.ID) {
			gone[st.ID.String()] = true
		}
	}
	return gone
}
