package accounting

import (
	"encoding/binary"
)

// The state is one ordered set of keys. The first byte says what follows;
// identifiers are raw bytes, numbers big-endian, and names end with a NUL,
// which no valid name contains.
const (
	tagAccount      = 'a' // account               -> accountHead
	tagBalance      = 'b' // account               -> total, number of entries
	tagEntry        = 'e' // account, number       -> entryRow
	tagAttempt      = 'h' // ref                   -> attemptHead
	tagByTime       = 't' // opened, ref           -> nothing
	tagByUser       = 'x' // user, opened, ref     -> nothing
	tagByProposal   = 'y' // proposal, opened, ref -> nothing
	tagBySession    = 'z' // session, opened, ref  -> nothing
	tagHold         = 'p' // hold                  -> holdRow
	tagUpdate       = 'u' // ref, number           -> Update
	tagUpdateKey    = 'k' // ref, key              -> nothing
	tagNote         = 'n' // ref, number           -> Note
	tagOwner        = 'w' // kind, id              -> OwnerRecord
	tagAccountIndex = 'o' // owner, period, resource, unit, side -> account
	tagLine         = 'l' // owner, period, session, ref -> lineRow
	tagBudget       = 'g' // owner, period, resource, unit -> Budget
	tagAllowance    = 'q' // node, owner, period, resource, unit -> Allowance
	tagAdjustment   = 'd' // adjustment            -> digest of its order
	tagAllocation   = 'f' // owner, time, adjustment -> Allocate
	tagAdjusted     = 'j' // ref, number           -> Adjustment
	tagRevocation   = 'c' // fingerprint           -> RevokeCertificate
	tagTrail        = 'r' // time, audit record   -> AuditRecord
	tagTrailByUser  = 's' // user, time, audit record -> nothing
	tagOverdraft    = 'v' // owner, period, resource, unit, hold or ref -> overdraftRow
)

const nul = 0

func key(tag byte, id [16]byte) []byte {
	return append(append(make([]byte, 0, 17), tag), id[:]...)
}

func numberedKey(tag byte, id [16]byte, n uint64) []byte {
	k := append(append(make([]byte, 0, 25), tag), id[:]...)
	return binary.BigEndian.AppendUint64(k, n)
}

func nameKey(tag byte, names ...string) []byte {
	k := append(make([]byte, 0, 96), tag)
	for _, name := range names {
		k = append(append(k, name...), nul)
	}
	return k
}

// timedKey ends every index of attempts and of the audit trail, so that each is in
// order of time.
func timedKey(prefix []byte, at Instant, ref [16]byte) []byte {
	return append(binary.BigEndian.AppendUint64(prefix, uint64(at)), ref[:]...)
}

// timedRef takes the end of a timed key apart.
func timedRef(k []byte) (at Instant, ref [16]byte) {
	tail := k[len(k)-24:]
	return Instant(binary.BigEndian.Uint64(tail)), [16]byte(tail[8:])
}
