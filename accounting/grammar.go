package accounting

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Version is the newest version of the commands that this program knows. It knows
// the earlier ones, too, and writes each command as of the earliest version that can
// say it, so that nodes with older programs take part for as long as they can. A new
// type, or a new field, is a new version.
const Version = 3

// A grammar is what a program knows of commands.
type grammar struct {
	newest int
	types  map[string]commandType
}

// A commandType is one type of command: the version that it came with, and how it is
// read.
type commandType struct {
	since  int
	decode func(body []byte) (Command, error)
}

// ours is what this program knows. It is never changed.
var ours = grammar{newest: Version, types: map[string]commandType{
	"open-attempt":       {1, decodeAs[OpenAttempt]},
	"record-updates":     {1, decodeAs[RecordUpdates]},
	"stall-attempt":      {1, decodeAs[StallAttempt]},
	"complete-attempt":   {1, decodeAs[CompleteAttempt]},
	"add-note":           {1, decodeAs[AddNote]},
	"place-hold":         {1, decodeAs[PlaceHold]},
	"void-hold":          {1, decodeAs[VoidHold]},
	"allocate":           {1, decodeAs[Allocate]},
	"enrol-owner":        {1, decodeAs[EnrolOwner]},
	"grant-allowance":    {1, decodeAs[GrantAllowance]},
	"return-allowance":   {1, decodeAs[ReturnAllowance]},
	"correct":            {1, decodeAs[Correct]},
	"credit":             {1, decodeAs[Credit]},
	"revoke-certificate": {2, decodeAs[RevokeCertificate]},
	"record-audit":       {2, decodeAs[RecordAudit]},
}}

// An updated command has fields that came after its type.
type updated interface {
	// needs is the version that what it says needs.
	needs() int
}

// A dispensable command has fields of a later version that it can do without.
type dispensable interface {
	Command
	// without is the command without what needs a later version than the given.
	without(version int) Command
}

// Within says what a command of ours says so that programs of a version take it:
// without what they don't know, where that can be done without. What can't, and what
// is no command of ours, comes back as it is.
func Within(data []byte, version int) []byte {
	if VersionOf(data) <= version {
		return data
	}
	c, err := Decode(data)
	if err != nil {
		return data
	}
	d, ok := c.(dispensable)
	if !ok {
		return data
	}
	plain, err := Encode(d.without(version))
	if err != nil || VersionOf(plain) > version {
		return data
	}
	return plain
}

// versionOf is the earliest version that can say a command.
func (g grammar) versionOf(c Command) int {
	version := g.types[c.commandType()].since
	if u, ok := c.(updated); ok {
		version = max(version, u.needs())
	}
	return version
}

// envelope is a command as it is stored and sent.
type envelope struct {
	Version int            `json:"v"`
	Type    string         `json:"type"`
	Body    jsontext.Value `json:"body"`
}

// Encode validates a command and writes it as JSON: {"v", "type", "body"}.
func Encode(c Command) ([]byte, error) { return ours.encode(c) }

func (g grammar) encode(c Command) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.commandType(), err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"v":%d,"type":%q,"body":`, g.versionOf(c), c.commandType())
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

// Decode reads what Encode wrote, here or in an earlier program. Every error is a
// *Refusal: ErrUnknownVersion and ErrUnknownType for what a newer program wrote,
// ErrInvalid for the rest. Fields that are not known are refused: a node that
// ignored them would come to hold another state than those that know them.
func Decode(data []byte) (Command, error) { return ours.decode(data) }

func (g grammar) decode(data []byte) (Command, error) {
	if len(data) > MaxCommandBytes {
		return nil, invalid("command", "%d bytes; at most %d", len(data), MaxCommandBytes)
	}
	var e envelope
	if err := decodeJSON(data, &e); err != nil {
		return nil, invalid("command", "%v", err)
	}
	if e.Version < 1 || e.Version > g.newest {
		return nil, &Refusal{Subject: "command", Reason: fmt.Sprintf("version %d", e.Version), Kind: ErrUnknownVersion}
	}
	t, known := g.types[e.Type]
	if !known || t.since > e.Version { // an older program would not have taken it
		return nil, &Refusal{Subject: "command", Reason: fmt.Sprintf("%.40q", e.Type), Kind: ErrUnknownType}
	}
	c, err := t.decode(e.Body)
	if err != nil {
		return nil, invalid(e.Type, "%v", err)
	}
	if u, ok := c.(updated); ok && u.needs() > e.Version {
		return nil, invalid(e.Type, "it says what only version %d can", u.needs())
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

func decodeAs[C Command](body []byte) (Command, error) {
	var c C
	err := decodeJSON(body, &c)
	return c, err
}
