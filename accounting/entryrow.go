package accounting

import (
	"encoding/binary"
	"fmt"
)

// entryRow is an entry without what its key and its account say. There are
// more of these rows than of all others together, so that they are not JSON
// but a fixed layout, and then the tariff:
//
//	form 1 · kind 1 · time 8 · amount 8 · session 16 · ref 16 · cause 16 · counter 16 · tariff
//
// The cause is the hold or the adjustment, as the kind says.
type entryRow struct {
	Time    Instant
	Amount  Amount
	Kind    EntryKind
	Session SessionID
	Ref     Ref
	Cause   string // UUID of the hold or the adjustment, if there is one
	Tariff  TariffHash
	Counter AccountID
}

const (
	entryForm  = 1
	entryBytes = 2 + 8 + 8 + 4*16
)

// entryKinds give each kind its byte. They are only ever added to.
var entryKinds = [...]EntryKind{
	EntryUsage, EntryCharge, EntryHold, EntryRelease, EntryVoid,
	EntryAllocation, EntryCorrection, EntryDiscount, EntryRefund,
}

func (r entryRow) bytes() []byte {
	b := make([]byte, 0, entryBytes+len(r.Tariff))
	b = append(b, entryForm, r.kindByte())
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Amount))
	for _, id := range []string{string(r.Session), string(r.Ref), r.Cause} {
		raw, _ := uuidBytes(id) // all zero if there is none
		b = append(b, raw[:]...)
	}
	b = append(b, r.Counter[:]...)
	return append(b, r.Tariff...)
}

func (r entryRow) kindByte() byte {
	for i, kind := range entryKinds {
		if kind == r.Kind {
			return byte(i)
		}
	}
	return 0xff
}

func readEntryRow(b []byte) (entryRow, error) {
	if len(b) < entryBytes || b[0] != entryForm || int(b[1]) >= len(entryKinds) {
		return entryRow{}, fmt.Errorf("%w: an entry of %d bytes", ErrCorrupt, len(b))
	}
	ids := b[18:]
	return entryRow{
		Kind:    entryKinds[b[1]],
		Time:    Instant(binary.BigEndian.Uint64(b[2:])),
		Amount:  Amount(binary.BigEndian.Uint64(b[10:])),
		Session: SessionID(optionalUUID(ids[:16])),
		Ref:     Ref(optionalUUID(ids[16:32])),
		Cause:   optionalUUID(ids[32:48]),
		Counter: AccountID(ids[48:64]),
		Tariff:  TariffHash(ids[64:]),
	}, nil
}

func optionalUUID(raw []byte) string {
	if [16]byte(raw) == [16]byte{} {
		return ""
	}
	return formatUUID(raw)
}

func readEntry(account Account, number uint64, value []byte) (Entry, error) {
	row, err := readEntryRow(value)
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d of account %s: %w", number, account.ID, err)
	}
	entry := Entry{
		Account: account.ID, Number: number, Time: row.Time, Unit: account.Unit,
		Amount: row.Amount.Format(account.Unit), Kind: row.Kind, Session: row.Session,
		HistoryRef: row.Ref, Tariff: row.Tariff, Counter: row.Counter,
	}
	switch row.Kind {
	case EntryHold, EntryRelease, EntryVoid:
		entry.Hold = HoldID(row.Cause)
	default:
		entry.Adjustment = AdjustmentID(row.Cause)
	}
	return entry, nil
}
