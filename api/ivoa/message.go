package ivoa

import (
	"strings"
	"time"
)

// Level is how much a message matters.
type Level string

const (
	LevelDebug Level = "DEBUG"
	LevelInfo  Level = "INFO"
	LevelWarn  Level = "WARN"
	LevelError Level = "ERROR"
	LevelOther Level = "OTHER"
)

// Message kinds in use among brokers; reuse them where they fit.
const (
	MessageMissingRequiredValue = "urn:missing-required-value"
	MessageInvalidValue         = "urn:invalid-value"
	MessageNotSupported         = "urn:not-supported"
	MessageResourceLimit        = "urn:resource-limit"
	MessageResourceNotFound     = "urn:resource-not-found"
	MessageDuplicateResource    = "urn:duplicate-resource"
	MessageStorageRequired      = "urn:storage-required"
	MessageExecutableRequired   = "urn:executable-required"
	MessageInputSyntaxFail      = "urn:input-syntax-fail"
	MessageImageDigestMismatch  = "urn:image-digest-mismatch"
	MessageReservedLabel        = "urn:reserved-label"
	MessageUnknownType          = "uri:unknown-type"
)

// Message says something about a component, to people (Text) and to programs
// (Kind, Template and Values).
type Message struct {
	Kind     string            `json:"kind,omitempty"`
	Time     Time              `json:"time,omitzero"`
	Level    Level             `json:"level,omitempty"`
	Template string            `json:"template,omitempty"`
	Values   map[string]string `json:"values,omitempty"`
	Text     string            `json:"message,omitempty"`
}

// NewMessage returns a complete message: the text is the template with each
// {name} replaced by its value. Pairs are names and values in turn.
func NewMessage(at time.Time, level Level, kind, template string, pairs ...string) Message {
	m := Message{Kind: kind, Time: At(at), Level: level, Template: template, Text: template}
	if len(pairs) < 2 {
		return m
	}
	m.Values = make(map[string]string, len(pairs)/2)
	replacements := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Values[pairs[i]] = pairs[i+1]
		replacements = append(replacements, "{"+pairs[i]+"}", pairs[i+1])
	}
	m.Text = strings.NewReplacer(replacements...).Replace(template)
	return m
}
