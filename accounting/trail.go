package accounting

import "fmt"

// The audit trail is the part of the record that says who did what, and who was
// refused: which decisions a node made on whose behalf, and by which rule. It is
// beside history (what ran) and ledger (who pays), and takes part in neither. What
// proves the ledger is Audit, in proof.go.

// An AuditID is the UUID of an audit record, chosen by the node that decided.
type AuditID string

// A Verdict is what was decided.
type Verdict string

// The verdicts.
const (
	Allowed Verdict = "allowed"
	Denied  Verdict = "denied"
)

// An AuditRecord is one decision, or as many of the same as a node has put into one.
type AuditRecord struct {
	ID   AuditID    `json:"id"`
	Time Instant    `json:"time"`
	Node NodeName   `json:"node"`          // that decided
	Via  []NodeName `json:"via,omitempty"` // the nodes that it was asked through, the first one first
	// User is who asked, and Issuer who says that it was she; empty: the node itself.
	User   OwnerID  `json:"user"`
	Issuer string   `json:"issuer,omitempty"`
	Roles  []string `json:"roles,omitempty"` // hers, at that node
	// Action is what was asked for ("accept"), and Object of what ("session:UUID").
	Action   string  `json:"action"`
	Object   string  `json:"object"`
	Decision Verdict `json:"decision"`
	Rule     string  `json:"rule"`             // what decided it: "owner", "role operator", a rule of the site
	Reason   string  `json:"reason,omitempty"` // what the caller was told
	// Concealed says that the caller was told that there is no such thing. She isn't
	// shown this record: it would tell her that there is.
	Concealed bool `json:"concealed,omitzero"`
	// Count is how many decisions it stands for, where they are several, and Until when
	// the last of them was made.
	Count int     `json:"count,omitzero"`
	Until Instant `json:"until,omitzero"`
	// Trace is that of the request; of several, of the first.
	Trace Trace `json:"trace,omitempty"`
}

// RecordAudit puts decisions into the audit trail. One that is there already, by its
// time and id, is a duplicate, unless it stands for more decisions than it did: then
// it counts those, too.
type RecordAudit struct {
	Records []AuditRecord `json:"records"`
}

// Bounds of audit records.
const (
	// MaxAuditRecords is how many are in one command.
	MaxAuditRecords = 100
	// MaxAuditReason bounds a reason, in bytes.
	MaxAuditReason = 512

	maxVia       = 16
	maxRoles     = 16
	maxDecisions = 1_000_000_000 // in one record
)

// Validate is described at Command.
func (c RecordAudit) Validate() error {
	err := check(len(c.Records) > 0 && len(c.Records) <= MaxAuditRecords, "audit", fmt.Sprintf("a command has 1 to %d records", MaxAuditRecords))
	for i := 0; err == nil && i < len(c.Records); i++ {
		err = c.Records[i].validate()
	}
	return err
}

func (r AuditRecord) validate() error {
	subject := "audit record " + clip(string(r.ID))
	err := firstOf(
		validateUUID(subject, "id", string(r.ID)),
		validateTime(subject, "time", r.Time),
		validateName(subject, "node", string(r.Node), maxShort),
		check(len(r.Via) <= maxVia, subject, "it came through too many nodes"),
		validateName(subject, "user", string(r.User), maxOwnerName),
		optionalName(subject, "issuer", r.Issuer, maxShort),
		check(len(r.Roles) <= maxRoles, subject, "too many roles"),
		validateName(subject, "action", r.Action, maxShort),
		validateName(subject, "object", r.Object, maxShort),
		check(r.Decision == Allowed || r.Decision == Denied, subject, `the decision is neither "allowed" nor "denied"`),
		validateName(subject, "rule", r.Rule, maxShort),
		optionalName(subject, "reason", r.Reason, MaxAuditReason),
		check(r.Count >= 0 && r.Count <= maxDecisions, subject, "it stands for too many decisions, or for less than none"),
		optionalTime(subject, "until", r.Until),
		r.Trace.validate(subject),
	)
	for i := 0; err == nil && i < len(r.Via); i++ {
		err = validateName(subject, "node that it came through", string(r.Via[i]), maxShort)
	}
	for i := 0; err == nil && i < len(r.Roles); i++ {
		err = validateName(subject, "role", r.Roles[i], maxShort)
	}
	return err
}

func (c RecordAudit) apply(s *state) (Result, error) {
	var result Result
	for _, r := range c.Records {
		added, err := s.trail(r)
		if err != nil {
			return Result{}, err
		}
		if added {
			result.Accepted++
		} else {
			result.Duplicates++
		}
	}
	result.Duplicate = result.Accepted == 0
	return result, nil
}

// trail adds a record to the trail, or what it counts to the one that is there.
func (s *state) trail(r AuditRecord) (added bool, err error) {
	id, _ := uuidBytes(string(r.ID))
	k := timedKey([]byte{tagTrail}, r.Time, id)
	var known AuditRecord
	found, err := readRow(s.get(k), &known)
	switch {
	case err != nil:
		return false, fmt.Errorf("audit record %s: %w", r.ID, err)
	case found && r.Count <= known.Count:
		return false, nil
	case found:
		known.Count, known.Until = r.Count, r.Until
		return true, s.putJSON(k, known)
	}
	s.put(timedKey(nameKey(tagTrailByUser, string(r.User)), r.Time, id), present)
	return true, s.putJSON(k, r)
}
