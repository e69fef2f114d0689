package identity

import (
	"fmt"
	"log/slog"
)

// Secret is a text that nobody may read by accident: a token, a password. It
// prints as "(secret)" wherever it is printed, logged or encoded.
type Secret struct{ text string }

// NewSecret keeps a text from being shown.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text, for the one place that sends it.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.text == "" }

const hidden = "(secret)"

// String implements fmt.Stringer.
func (Secret) String() string { return hidden }

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
