package accounting

import (
	"encoding/hex"
	"strings"
)

// A Fingerprint is the SHA-256 of a certificate (its DER), in lower-case
// hexadecimal.
type Fingerprint string

// RevokeCertificate says that a node's certificate is good for nothing any more,
// whatever its CA and its dates say. It is never taken back: the node gets another
// certificate. The first to say so of a certificate is the one that is recorded.
type RevokeCertificate struct {
	Fingerprint Fingerprint `json:"fingerprint"`
	Node        NodeName    `json:"node"` // whose it is
	Reason      string      `json:"reason,omitempty"`
	By          OwnerID     `json:"by"`
	Time        Instant     `json:"time"`
}

// Validate is described at Command.
func (c RevokeCertificate) Validate() error {
	subject := "certificate " + clip(string(c.Fingerprint))
	return firstOf(
		c.Fingerprint.validate(subject),
		validateName(subject, "node", string(c.Node), maxShort),
		validateName(subject, "by", string(c.By), maxOwnerName),
		validateText(subject, "reason", c.Reason),
		check(len(c.Reason) <= maxRevocationReason, subject, "the reason is longer than 500 bytes"),
		validateTime(subject, "time", c.Time),
	)
}

// maxRevocationReason bounds a reason, in bytes: every node keeps all of them at
// hand, and tells them to whom it refuses.
const maxRevocationReason = 500

func (f Fingerprint) validate(subject string) error {
	_, err := hex.DecodeString(string(f))
	return check(err == nil && len(f) == 64 && strings.ToLower(string(f)) == string(f),
		subject, "a fingerprint is the SHA-256 of a certificate, 64 digits of lower-case hexadecimal")
}

func (c RevokeCertificate) apply(s *state) (Result, error) {
	k := revocationKey(c.Fingerprint)
	if s.has(k) {
		return Result{Duplicate: true}, nil
	}
	return Result{}, s.putJSON(k, c)
}

func revocationKey(f Fingerprint) []byte { return nameKey(tagRevocation, string(f)) }

// Revocations are all certificates that were revoked, by fingerprint. Nodes enforce
// them; who else may see them is for the API to say.
func Revocations(view View) (list []RevokeCertificate, err error) {
	for _, row := range view.Scan(Prefix([]byte{tagRevocation})) {
		var r RevokeCertificate
		if _, err := readRow(row, &r); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// CountRevocations is how many there are. None ever goes, so that who knows as many
// knows all.
func CountRevocations(view View) (n int) {
	for range view.Scan(Prefix([]byte{tagRevocation})) {
		n++
	}
	return n
}
