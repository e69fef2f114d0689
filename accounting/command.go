package accounting

// A Command is one thing that happened. The concrete types are [OpenAttempt],
// [RecordUpdates], [StallAttempt], [CompleteAttempt], [AddNote], [PlaceHold],
// [VoidHold], [Allocate], [EnrolOwner], [GrantAllowance], [ReturnAllowance],
// [Correct], [Credit], [RevokeCertificate] and [RecordAudit].
type Command interface {
	// Validate checks all that can be checked without the state. Encode and
	// Apply call it; the error is a *Refusal of kind ErrInvalid.
	Validate() error

	commandType() string
	apply(s *state) (Result, error)
}

// OpenAttempt opens the history entry of an execution attempt; the executor is
// told its Ref only when this is durable.
type OpenAttempt struct {
	Ref          Ref        `json:"ref"`
	Session      SessionID  `json:"session"`
	Attempt      int        `json:"attempt"` // from 1
	Node         NodeName   `json:"node"`
	Executor     ExecutorID `json:"executor,omitempty"`
	ExecutorName string     `json:"executorName,omitempty"`
	Owners       Owners     `json:"owners"`
	Period       Period     `json:"period"`
	Time         Instant    `json:"time"`
	Trace        Trace      `json:"trace,omitempty"` // of the request that accepted the session
}

// RecordUpdates adds what the executor reported, in order.
type RecordUpdates struct {
	Ref     Ref      `json:"ref"`
	Updates []Update `json:"updates"`
}

// StallAttempt says that the executor's lease was lost.
type StallAttempt struct {
	Ref  Ref     `json:"ref"`
	Time Instant `json:"time"`
}

// CompleteAttempt ends an attempt: the outcome, what was used and what it
// costs, in one. The same report again (see Digest) is a duplicate, whatever
// it would be charged by then; another report of the same attempt conflicts.
type CompleteAttempt struct {
	Ref      Ref     `json:"ref"`
	Key      Key     `json:"key,omitempty"`
	Time     Instant `json:"time"`             // the executor's clock
	Recorded Instant `json:"recorded"`         // the node's clock
	Started  Instant `json:"started,omitzero"` // if it was never reported

	Outcome   Phase      `json:"outcome"`
	Failure   *Failure   `json:"failure,omitempty"`
	Resources []Quantity `json:"resources,omitempty"`
	Quality   []Quality  `json:"quality,omitempty"`

	Charges  []Quantity `json:"charges,omitempty"`
	Estimate []Quantity `json:"estimate,omitempty"`
	Tariff   TariffHash `json:"tariff,omitempty"`

	// Hold is the session's hold if this was its last attempt: it is released
	// as the charges are posted. Empty if the session will be despatched again.
	Hold HoldID `json:"hold,omitempty"`
	// Draws are what the node spends of its allowances for what it costs more
	// than was held.
	Draws []Draw `json:"draws,omitempty"`
}

// AddNote keeps something that changes nothing, such as a report that came
// after its executor had lost the lease.
type AddNote struct {
	Ref  Ref     `json:"ref"`
	Key  Key     `json:"key"`
	Time Instant `json:"time"`
	Text string  `json:"text"`
}

// PlaceHold holds the estimate of an accepted offer on the payer's account. One
// that would pass a hard limit is refused (ErrFunds).
type PlaceHold struct {
	Hold     HoldID     `json:"hold"`
	Session  SessionID  `json:"session"`
	Node     NodeName   `json:"node"`
	Owners   Owners     `json:"owners"`
	Period   Period     `json:"period"`
	Estimate []Quantity `json:"estimate,omitempty"`
	Tariff   TariffHash `json:"tariff,omitempty"`
	Time     Instant    `json:"time"`
	// Draws are what the node spent of its allowances as it accepted: the
	// estimate, from each hard-limited budget that the session must pass.
	Draws []Draw `json:"draws,omitempty"`
	// Apart is since when the node had heard nothing from the federation as it
	// accepted, if it hadn't: it says why a soft limit may be overdrawn.
	Apart Instant `json:"apart,omitzero"`
}

// VoidHold gives a hold back: the session ended and nothing is charged.
type VoidHold struct {
	Hold HoldID  `json:"hold"`
	Time Instant `json:"time"`
}

func (OpenAttempt) commandType() string       { return "open-attempt" }
func (RecordUpdates) commandType() string     { return "record-updates" }
func (StallAttempt) commandType() string      { return "stall-attempt" }
func (CompleteAttempt) commandType() string   { return "complete-attempt" }
func (AddNote) commandType() string           { return "add-note" }
func (PlaceHold) commandType() string         { return "place-hold" }
func (VoidHold) commandType() string          { return "void-hold" }
func (Allocate) commandType() string          { return "allocate" }
func (EnrolOwner) commandType() string        { return "enrol-owner" }
func (GrantAllowance) commandType() string    { return "grant-allowance" }
func (ReturnAllowance) commandType() string   { return "return-allowance" }
func (Correct) commandType() string           { return "correct" }
func (Credit) commandType() string            { return "credit" }
func (RevokeCertificate) commandType() string { return "revoke-certificate" }
func (RecordAudit) commandType() string       { return "record-audit" }

// TypeOf is the name of a command's type: "open-attempt" and so on.
func TypeOf(c Command) string { return c.commandType() }
