package accounting

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Version is the newest version of the commands that this program knows.
const Version = 1

// A Command is one thing that happened. The concrete types are [OpenAttempt],
// [RecordUpdates], [StallAttempt], [CompleteAttempt], [AddNote], [PlaceHold],
// [VoidHold], [Allocate], [EnrolOwner], [GrantAllowance], [ReturnAllowance],
// [Correct] and [Credit].
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
}

// VoidHold gives a hold back: the session ended and nothing is charged.
type VoidHold struct {
	Hold HoldID  `json:"hold"`
	Time Instant `json:"time"`
}

func (OpenAttempt) commandType() string     { return "open-attempt" }
func (RecordUpdates) commandType() string   { return "record-updates" }
func (StallAttempt) commandType() string    { return "stall-attempt" }
func (CompleteAttempt) commandType() string { return "complete-attempt" }
func (AddNote) commandType() string         { return "add-note" }
func (PlaceHold) commandType() string       { return "place-hold" }
func (VoidHold) commandType() string        { return "void-hold" }
func (Allocate) commandType() string        { return "allocate" }
func (EnrolOwner) commandType() string      { return "enrol-owner" }
func (GrantAllowance) commandType() string  { return "grant-allowance" }
func (ReturnAllowance) commandType() string { return "return-allowance" }
func (Correct) commandType() string         { return "correct" }
func (Credit) commandType() string          { return "credit" }

// TypeOf is the name of a command's type: "open-attempt" and so on.
func TypeOf(c Command) string { return c.commandType() }

// envelope is a command as it is stored and sent.
type envelope struct {
	Version int            `json:"v"`
	Type    string         `json:"type"`
	Body    jsontext.Value `json:"body"`
}

// Encode validates a command and writes it as JSON: {"v", "type", "body"}.
func Encode(c Command) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.commandType(), err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"v":%d,"type":%q,"body":`, Version, c.commandType())
	body, err := encodeJSON(c)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.commandType(), err)
	}
	out.Write(body)
	out.WriteByte('}')
	if out.Len() > MaxCommandBytes {
		return nil, fmt.Errorf("encode: %w",
			invalid(c.commandType(), "%d bytes; at most %d", out.Len(), MaxCommandBytes))
	}
	return out.Bytes(), nil
}

// Decode reads what Encode wrote. Every error is a *Refusal: ErrUnknownVersion
// and ErrUnknownType for what a newer program wrote, ErrInvalid for the rest.
// Fields that are not known are refused: a node that ignored them would come
// to hold another state than those that know them.
func Decode(data []byte) (Command, error) {
	if len(data) > MaxCommandBytes {
		return nil, invalid("command", "%d bytes; at most %d", len(data), MaxCommandBytes)
	}
	var e envelope
	if err := decodeJSON(data, &e); err != nil {
		return nil, invalid("command", "%v", err)
	}
	if e.Version != Version {
		return nil, &Refusal{Subject: "command", Reason: fmt.Sprintf("version %d", e.Version), Kind: ErrUnknownVersion}
	}
	decode, known := decoders[e.Type]
	if !known {
		return nil, &Refusal{Subject: "command", Reason: fmt.Sprintf("%.40q", e.Type), Kind: ErrUnknownType}
	}
	c, err := decode(e.Body)
	if err != nil {
		return nil, invalid(e.Type, "%v", err)
	}
	return c, c.Validate()
}

// VersionOf is the version of what Encode wrote, 0 of anything else. It reads no
// further than that.
func VersionOf(data []byte) (version int) {
	digits, ok := bytes.CutPrefix(data, []byte(`{"v":`))
	if !ok {
		return 0
	}
	for i := 0; i < len(digits) && i < 9 && '0' <= digits[i] && digits[i] <= '9'; i++ {
		version = 10*version + int(digits[i]-'0')
	}
	return version
}

// decoders is the set of version 1.
var decoders = map[string]func([]byte) (Command, error){
	"open-attempt":     decodeAs[OpenAttempt],
	"record-updates":   decodeAs[RecordUpdates],
	"stall-attempt":    decodeAs[StallAttempt],
	"complete-attempt": decodeAs[CompleteAttempt],
	"add-note":         decodeAs[AddNote],
	"place-hold":       decodeAs[PlaceHold],
	"void-hold":        decodeAs[VoidHold],
	"allocate":         decodeAs[Allocate],
	"enrol-owner":      decodeAs[EnrolOwner],
	"grant-allowance":  decodeAs[GrantAllowance],
	"return-allowance": decodeAs[ReturnAllowance],
	"correct":          decodeAs[Correct],
	"credit":           decodeAs[Credit],
}

func decodeAs[C Command](body []byte) (Command, error) {
	var c C
	err := decodeJSON(body, &c)
	return c, err
}
