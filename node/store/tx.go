package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/consensus/seal"
	"starling/federation/identity"
)

// The buckets. UUIDs are keys as 16 bytes and sort by time.
var (
	bucketOfferSets  = []byte("offersets")
	bucketSessions   = []byte("sessions")
	bucketLive       = []byte("live")       // session: none; those that are not at their end
	bucketOwners     = []byte("owners")     // user NUL session: phase
	bucketAttempts   = []byte("attempts")   // ref: AttemptRef
	bucketUpdates    = []byte("updates")    // ref and key digest: none; of live attempts
	bucketFiles      = []byte("files")      // session, role NUL name: File; of the newest attempt
	bucketExecutors  = []byte("executors")  // executor
	bucketKeys       = []byte("keys")       // user NUL idempotency key: session
	bucketAllowances = []byte("allowances") // the budget's names: Allowance
	bucketKept       = []byte("kept")       // storage: Kept
	bucketLearned    = []byte("learned")    // source of data: transfer.Learned
	bucketTidings    = []byte("tidings")    // node NUL set and what it is about: Tiding
	// session: what package node/credentials has sealed for it, until its end
	bucketCredentials = []byte("credentials")
	bucketMeta        = []byte("meta")
)

func createBuckets(tx *bbolt.Tx) error {
	for _, name := range [][]byte{
		bucketOfferSets, bucketSessions, bucketLive, bucketOwners, bucketAttempts,
		bucketUpdates, bucketFiles, bucketExecutors, bucketKeys, bucketAllowances, bucketKept, bucketLearned, bucketTidings, bucketCredentials, bucketMeta,
	} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// Tx is a transaction: of a Write, or of a View, which can't put.
type Tx struct{ *bbolt.Tx }

// put stores a record as JSON, sealed.
func (tx *Tx) put(bucket []byte, key []byte, record any) error {
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode a record of %s: %w", bucket, err)
	}
	return tx.Bucket(bucket).Put(key, seal.Seal(value))
}

// get reads a record and reports whether it is there.
func (tx *Tx) get(bucket []byte, key []byte, record any) (bool, error) {
	value := tx.Bucket(bucket).Get(key)
	if value == nil {
		return false, nil
	}
	if err := decode(bucket, key, value, record); err != nil {
		return false, err
	}
	return true, nil
}

// decode reads a value that put has stored.
func decode(bucket, key, value []byte, record any) error {
	text, whole := seal.Open(value)
	if !whole {
		return damaged(bucket, key, errChecksum)
	}
	if err := json.Unmarshal(text, record); err != nil {
		return damaged(bucket, key, err)
	}
	return nil
}

// PutOfferSet stores an offer set.
func (tx *Tx) PutOfferSet(set *OfferSet) error { return tx.put(bucketOfferSets, set.ID[:], set) }

// OfferSet reads an offer set; nil where there is none.
func (tx *Tx) OfferSet(id identity.UUID) (*OfferSet, error) {
	var set OfferSet
	found, err := tx.get(bucketOfferSets, id[:], &set)
	if !found {
		return nil, err
	}
	return &set, nil
}

// PutSession stores a session and keeps the indices: live ones, and those of
// each user. At its end it erases the session's credentials.
func (tx *Tx) PutSession(s *Session) error {
	if err := tx.put(bucketSessions, s.ID[:], s); err != nil {
		return err
	}
	if err := tx.Bucket(bucketOwners).Put(ownerKey(string(s.Owners.User.ID), s.ID), []byte(s.Phase)); err != nil {
		return err
	}
	if Terminal(s.Phase) {
		if err := tx.eraseCredentials(s.ID); err != nil {
			return err
		}
	}
	if s.Live() {
		return tx.Bucket(bucketLive).Put(s.ID[:], nil)
	}
	return tx.Bucket(bucketLive).Delete(s.ID[:])
}

// Live reports whether something is still to happen to the session: it is not
// at its end, or its work has not been seen to stop.
func (s *Session) Live() bool {
	return !Terminal(s.Phase) || !s.Attempt.Ref.IsZero() && !s.Attempt.Ended
}

// Terminal reports whether a phase is the last.
func Terminal(p ivoa.SessionPhase) bool {
	switch p {
	case ivoa.SessionRejected, ivoa.SessionExpired, ivoa.SessionCompleted, ivoa.SessionFailed, ivoa.SessionCancelled:
		return true
	}
	return false
}

// Session reads a session; nil where there is none.
func (tx *Tx) Session(id identity.UUID) (*Session, error) {
	var s Session
	found, err := tx.get(bucketSessions, id[:], &s)
	if !found {
		return nil, err
	}
	return &s, nil
}

// DeleteOfferSet forgets an offer set and its sessions.
func (tx *Tx) DeleteOfferSet(set *OfferSet) error {
	for _, id := range set.Offers {
		if err := tx.Bucket(bucketSessions).Delete(id[:]); err != nil {
			return err
		}
		if err := tx.Bucket(bucketOwners).Delete(ownerKey(set.User, id)); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketOfferSets).Delete(set.ID[:])
}

// LiveSessions calls visit with every live session, oldest first.
func (tx *Tx) LiveSessions(visit func(*Session) error) error {
	return tx.Bucket(bucketLive).ForEach(func(key, _ []byte) error {
		s, err := tx.Session(identity.UUID(key))
		if err != nil {
			return err
		}
		if s == nil {
			return fmt.Errorf("session %x is in the index of live ones, but not there", key)
		}
		return visit(s)
	})
}

// OfferSetsBefore calls visit with the offer sets made before a time, oldest
// first, until visit returns false.
func (tx *Tx) OfferSetsBefore(before Millis, visit func(*OfferSet) (more bool, err error)) error {
	return tx.OfferSetsAfter(identity.UUID{}, before, visit)
}

// OfferSetsAfter is OfferSetsBefore, from behind the offer set given.
func (tx *Tx) OfferSetsAfter(after identity.UUID, before Millis, visit func(*OfferSet) (more bool, err error)) error {
	cursor := tx.Bucket(bucketOfferSets).Cursor()
	key, _ := cursor.Seek(after[:])
	if key != nil && bytes.Equal(key, after[:]) {
		key, _ = cursor.Next()
	}
	for ; key != nil; key, _ = cursor.Next() {
		id := identity.UUID(key)
		if id.Milliseconds() >= before {
			return nil
		}
		set, err := tx.OfferSet(id)
		if err != nil {
			return err
		}
		if more, err := visit(set); err != nil || !more {
			return err
		}
	}
	return nil
}

// SessionsOf calls visit with the id and phase of a user's sessions, newest
// first, from before the id given (zero: from the newest), until visit returns
// false. The user "" stands for everybody.
func (tx *Tx) SessionsOf(user string, before identity.UUID, visit func(identity.UUID, ivoa.SessionPhase) (more bool, err error)) error {
	if user == "" {
		return tx.allSessions(before, visit)
	}
	prefix := append([]byte(user), 0)
	start := append(bytes.Clone(prefix), before[:]...)
	if before.IsZero() {
		start = append([]byte(user), 1)
	}
	cursor := tx.Bucket(bucketOwners).Cursor()
	for key, phase := last(cursor, start); key != nil && bytes.HasPrefix(key, prefix); key, phase = cursor.Prev() {
		if more, err := visit(identity.UUID(key[len(prefix):]), ivoa.SessionPhase(phase)); err != nil || !more {
			return err
		}
	}
	return nil
}

func (tx *Tx) allSessions(before identity.UUID, visit func(identity.UUID, ivoa.SessionPhase) (bool, error)) error {
	cursor := tx.Bucket(bucketSessions).Cursor()
	start := bytes.Repeat([]byte{0xff}, len(before))
	if !before.IsZero() {
		start = before[:]
	}
	for key, value := last(cursor, start); key != nil; key, value = cursor.Prev() {
		var phase struct {
			Phase ivoa.SessionPhase `json:"phase"`
		}
		if err := decode(bucketSessions, key, value, &phase); err != nil {
			return err
		}
		if more, err := visit(identity.UUID(key), phase.Phase); err != nil || !more {
			return err
		}
	}
	return nil
}

// last moves a cursor to the last key before a bound.
func last(cursor *bbolt.Cursor, bound []byte) (key, value []byte) {
	if key, _ := cursor.Seek(bound); key == nil {
		return cursor.Last()
	}
	return cursor.Prev()
}

// PutAttempt stores what is kept of an attempt.
func (tx *Tx) PutAttempt(ref identity.UUID, a AttemptRef) error {
	return tx.put(bucketAttempts, ref[:], a)
}

// Attempt reads what is kept of an attempt, and reports whether it is known.
func (tx *Tx) Attempt(ref identity.UUID) (AttemptRef, bool, error) {
	var a AttemptRef
	found, err := tx.get(bucketAttempts, ref[:], &a)
	return a, found, err
}

// PutUpdates remembers the digests of the keys of an attempt's updates.
func (tx *Tx) PutUpdates(ref identity.UUID, digests []uint64) error {
	for _, digest := range digests {
		if err := tx.Bucket(bucketUpdates).Put(binary.BigEndian.AppendUint64(ref[:len(ref):len(ref)], digest), nil); err != nil {
			return err
		}
	}
	return nil
}

// Updates reads the digests of the keys of an attempt's updates.
func (tx *Tx) Updates(ref identity.UUID) []uint64 {
	var digests []uint64
	cursor := tx.Bucket(bucketUpdates).Cursor()
	for key, _ := cursor.Seek(ref[:]); bytes.HasPrefix(key, ref[:]); key, _ = cursor.Next() {
		digests = append(digests, binary.BigEndian.Uint64(key[len(ref):]))
	}
	return digests
}

// DeleteUpdates forgets an attempt's updates, once it has ended.
func (tx *Tx) DeleteUpdates(ref identity.UUID) error {
	cursor := tx.Bucket(bucketUpdates).Cursor()
	for key, _ := cursor.Seek(ref[:]); bytes.HasPrefix(key, ref[:]); key, _ = cursor.Seek(ref[:]) {
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// PutExecutor stores a registration.
func (tx *Tx) PutExecutor(e *Executor) error { return tx.put(bucketExecutors, e.ID[:], e) }

// Executor reads a registration; nil where there is none.
func (tx *Tx) Executor(id identity.UUID) (*Executor, error) {
	var e Executor
	found, err := tx.get(bucketExecutors, id[:], &e)
	if !found {
		return nil, err
	}
	return &e, nil
}

// DeleteExecutor forgets one.
func (tx *Tx) DeleteExecutor(id identity.UUID) error { return tx.Bucket(bucketExecutors).Delete(id[:]) }

// Executors reads all registrations.
func (tx *Tx) Executors() ([]*Executor, error) {
	var all []*Executor
	err := tx.Bucket(bucketExecutors).ForEach(func(key, _ []byte) error {
		var e Executor
		if _, err := tx.get(bucketExecutors, key, &e); err != nil {
			return err
		}
		all = append(all, &e)
		return nil
	})
	return all, err
}

// PutKey remembers which session a user's idempotency key made.
func (tx *Tx) PutKey(user, key string, session identity.UUID) error {
	return tx.Bucket(bucketKeys).Put(append(append([]byte(user), 0), key...), session[:])
}

// Key returns the session that a user's idempotency key made; zero: none.
func (tx *Tx) Key(user, key string) identity.UUID {
	if value := tx.Bucket(bucketKeys).Get(append(append([]byte(user), 0), key...)); len(value) == len(identity.UUID{}) {
		return identity.UUID(value)
	}
	return identity.UUID{}
}

// OldKeys finds the keys of sessions that were made before a time, looking at so
// many keys from a place on. It also returns where to go on; nil at the end.
func (tx *Tx) OldKeys(from []byte, before Millis, most int) (old [][]byte, next []byte) {
	cursor := tx.Bucket(bucketKeys).Cursor()
	key, value := cursor.Seek(from)
	for ; key != nil && most > 0; key, value = cursor.Next() {
		most--
		if len(value) != len(identity.UUID{}) || identity.UUID(value).Milliseconds() < before {
			old = append(old, bytes.Clone(key))
		}
	}
	return old, bytes.Clone(key)
}

// DeleteKeys forgets keys that OldKeys has found.
func (tx *Tx) DeleteKeys(keys [][]byte) error {
	for _, key := range keys {
		if err := tx.Bucket(bucketKeys).Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// PutAllowance stores the node's count of an allowance.
func (tx *Tx) PutAllowance(a Allowance) error {
	names := []string{string(a.Budget.Owner.Kind), string(a.Budget.Owner.ID), string(a.Budget.Period), string(a.Budget.Resource), string(a.Budget.Unit)}
	return tx.put(bucketAllowances, []byte(strings.Join(names, "\x00")), a)
}

// Allowances reads all of them.
func (tx *Tx) Allowances() (map[accounting.BudgetID]Allowance, error) {
	all := map[accounting.BudgetID]Allowance{}
	err := tx.Bucket(bucketAllowances).ForEach(func(key, _ []byte) error {
		var a Allowance
		_, err := tx.get(bucketAllowances, key, &a)
		all[a.Budget] = a
		return err
	})
	return all, err
}

// HighWater returns the time of the newest UUID that the store has seen, in
// Unix milliseconds.
func (tx *Tx) HighWater() Millis {
	var high Millis
	for _, name := range [][]byte{bucketOfferSets, bucketSessions, bucketAttempts, bucketExecutors} {
		if key, _ := tx.Bucket(name).Cursor().Last(); key != nil {
			high = max(high, identity.UUID(key).Milliseconds())
		}
	}
	if value := tx.Bucket(bucketMeta).Get([]byte("highwater")); len(value) == 8 {
		high = max(high, Millis(binary.BigEndian.Uint64(value)))
	}
	return high
}

// PutHighWater remembers the time of the newest UUID, before what bears it is
// deleted.
func (tx *Tx) PutHighWater(high Millis) error {
	return tx.Bucket(bucketMeta).Put([]byte("highwater"), binary.BigEndian.AppendUint64(nil, uint64(high)))
}

// touch writes something, to see whether the disk takes it.
func (tx *Tx) touch() error {
	n := binary.BigEndian.AppendUint64(nil, uint64(tx.ID()))
	return tx.Bucket(bucketMeta).Put([]byte("probe"), n)
}

// ownerKey is the index key of a user's session. User names have no NUL.
func ownerKey(user string, session identity.UUID) []byte {
	key := make([]byte, 0, len(user)+1+len(session))
	return append(append(append(key, user...), 0), session[:]...)
}
