package accounting

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// An AccountID names an account. It follows from the account's owner, period,
// resource, unit and side, so that all nodes find the same without asking.
type AccountID [16]byte

func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes 32 hexadecimal digits.
func (id AccountID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads 32 hexadecimal digits.
func (id *AccountID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("account id %.40q is not 32 hexadecimal digits", text)
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("account id %.40q: %w", text, err)
	}
	return nil
}

// A Side is what an account of a resource counts.
type Side string

// The sides. Each of an owner's has its counterpart at the node: what was used
// was provided, what is charged is earned, what is held is reserved, what is
// allocated was granted; what is due and a hard limit keeps from being charged
// is unbilled, and waived. Balances of the counterparts are negative.
const (
	Used      Side = "used"
	Charged   Side = "charged"
	Held      Side = "held"
	Allocated Side = "allocated"
	Unbilled  Side = "unbilled"
	Provided  Side = "provided"
	Income    Side = "income"
	Reserved  Side = "reserved"
	Granted   Side = "granted"
	Waived    Side = "waived"
)

// counterpart is the node's side of an owner's side.
var counterpart = map[Side]Side{
	Used: Provided, Charged: Income, Held: Reserved, Allocated: Granted, Unbilled: Waived,
}

// An Account is one balance: of one owner, resource, period and side.
type Account struct {
	ID       AccountID `json:"id"`
	Owner    Owner     `json:"owner"`
	Resource Resource  `json:"resource"`
	Unit     Unit      `json:"unit,omitempty"`
	Period   Period    `json:"period"`
	Side     Side      `json:"side"`
	Balance  Decimal   `json:"balance"`
	Entries  uint64    `json:"entries"`
	Pending  bool      `json:"pending,omitzero"` // with entries that are not on record yet
}

// An EntryKind is why an entry was made.
type EntryKind string

// The kinds of entries.
const (
	EntryUsage      EntryKind = "usage"      // reported by the executor
	EntryCharge     EntryKind = "charge"     // by the tariff
	EntryHold       EntryKind = "hold"       // an estimate, at accept
	EntryRelease    EntryKind = "release"    // of a hold, at completion
	EntryVoid       EntryKind = "void"       // of a hold, at cancellation
	EntryAllocation EntryKind = "allocation" // granted, raised or lowered
	EntryCorrection EntryKind = "correction" // the difference to what was reported before
	EntryDiscount   EntryKind = "discount"   // given back, as a favour
	EntryRefund     EntryKind = "refund"     // given back, since something went wrong
)

// An Entry is one signed amount in one account; nothing ever changes it.
type Entry struct {
	Account    AccountID `json:"account"`
	Number     uint64    `json:"number"` // from 1, within the account
	Time       Instant   `json:"time"`
	Amount     Decimal   `json:"amount"`
	Unit       Unit      `json:"unit,omitempty"`
	Kind       EntryKind `json:"kind"`
	Session    SessionID `json:"session,omitempty"`
	HistoryRef Ref       `json:"historyRef,omitempty"`
	Hold       HoldID    `json:"hold,omitempty"`
	// Adjustment is the allocation, correction, discount or refund.
	Adjustment AdjustmentID `json:"adjustment,omitempty"`
	Tariff     TariffHash   `json:"tariff,omitempty"`
	Counter    AccountID    `json:"counter"`          // the account of the opposite entry
	Pending    bool         `json:"pending,omitzero"` // not on record yet
}

// accountHead is what never changes of an account.
type accountHead struct {
	Owner    Owner    `json:"owner"`
	Resource Resource `json:"resource"`
	Unit     Unit     `json:"unit"`
	Period   Period   `json:"period"`
	Side     Side     `json:"side"`
}

func (h accountHead) id() AccountID {
	sum := sha256.Sum256(h.indexKey())
	return AccountID(sum[:16])
}

func (h accountHead) indexKey() []byte {
	return nameKey(tagAccountIndex,
		string(h.Owner.Kind), string(h.Owner.ID), string(h.Period), string(h.Resource), string(h.Unit), string(h.Side))
}

// balance is what does change: small, for it is read and written with each
// entry.
type balance struct {
	total   Total
	entries uint64
}

func (b balance) bytes() []byte {
	return binary.BigEndian.AppendUint64(b.total.append(make([]byte, 0, totalBytes+8)), b.entries)
}

func readBalance(value []byte) (balance, error) {
	if len(value) != totalBytes+8 {
		return balance{}, fmt.Errorf("%w: a balance of %d bytes", ErrCorrupt, len(value))
	}
	return balance{total: totalOf(value), entries: binary.BigEndian.Uint64(value[totalBytes:])}, nil
}

func readAccount(view View, id AccountID) (Account, error) {
	var head accountHead
	found, err := readRow(view.Get(key(tagAccount, id)), &head)
	if err != nil {
		return Account{}, fmt.Errorf("account %s: %w", id, err)
	}
	if !found {
		return Account{}, notFound("account " + id.String())
	}
	b, err := readBalance(view.Get(key(tagBalance, id)))
	if err != nil {
		return Account{}, fmt.Errorf("account %s: %w", id, err)
	}
	return Account{
		ID: id, Owner: head.Owner, Resource: head.Resource, Unit: head.Unit, Period: head.Period, Side: head.Side,
		Balance: b.total.Format(head.Unit), Entries: b.entries, Pending: pending(view, key(tagBalance, id)),
	}, nil
}
