package accounting

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of things that other rooms make. The UUIDs are in canonical form: 36
// characters, lower case.
type (
	// A Ref is a historyRef: the UUID of one execution attempt.
	Ref string
	// A SessionID is a session's UUID.
	SessionID string
	// A HoldID is a hold's UUID, chosen by who places it: the session's own
	// will do.
	HoldID string
	// An AdjustmentID is the UUID of an allocation, a correction, a discount or
	// a refund, chosen by who makes it: the same again is a duplicate.
	AdjustmentID string
	// A NodeName is the name of the node that owns the session.
	NodeName string
	// An ExecutorID is the UUID of the executor that has the attempt.
	ExecutorID string
	// A TariffHash names the exact tariff that made a charge.
	TariffHash string
	// A Key is the idempotency key of an update, chosen by the executor.
	Key string
)

// uuidBytes reads a canonical UUID. The hyphens are where they should be, and
// the digits are lower case, so that one UUID has one spelling.
func uuidBytes(text string) (id [16]byte, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	var digits [32]byte
	n := copy(digits[:], text[:8])
	n += copy(digits[n:], text[9:13])
	n += copy(digits[n:], text[14:18])
	n += copy(digits[n:], text[19:23])
	copy(digits[n:], text[24:])
	for _, c := range digits {
		if c >= 'A' && c <= 'F' {
			return id, false
		}
	}
	_, err := hex.Decode(id[:], digits[:])
	return id, err == nil
}

// formatUUID writes a UUID in canonical form.
func formatUUID(raw []byte) string {
	h := hex.EncodeToString(raw)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func validateUUID(subject, what, text string) error {
	if _, ok := uuidBytes(text); !ok {
		return invalid(subject, "%s %.40q is not a lower-case UUID", what, text)
	}
	return nil
}

func validateName(subject, what, text string, limit int) error {
	switch {
	case text == "":
		return invalid(subject, "%s is missing", what)
	case len(text) > limit:
		return invalid(subject, "%s of %d bytes; at most %d", what, len(text), limit)
	case !printable(text):
		return invalid(subject, "%s %.40q has characters that do not print", what, text)
	}
	return nil
}

// printable names can be index keys, in which a NUL ends a name.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
