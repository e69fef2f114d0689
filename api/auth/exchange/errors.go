package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

var (
	// ErrUnavailable says that an issuer gave no answer, or none that means
	// anything: the same a little later may fare better.
	ErrUnavailable = errors.New("the issuer can't be asked now")
	// ErrUnusable says that an issuer answered with a token that is not the one
	// that was asked for.
	ErrUnusable = errors.New("the issuer's token is not used")
	// ErrNotOffered says that an issuer doesn't exchange tokens.
	ErrNotOffered = errors.New("the issuer doesn't exchange tokens")
)

// Refusal is an issuer's answer that it gives no token (RFC 6749, section 5.2).
type Refusal struct {
	Issuer string
	Client string // as which the node asked
	Want   Want
	Status int    // of HTTP
	Code   string // invalid_grant and the like; "" where it gave none
	Detail string // its words, bounded and printable; "" where it has none
}

// Error says who refused, why, and what to do.
func (r *Refusal) Error() string {
	why := r.Code
	if why == "" {
		why = fmt.Sprintf("it answered %d %s", r.Status, http.StatusText(r.Status))
	}
	if r.Detail != "" {
		why += " (" + r.Detail + ")"
	}
	text := fmt.Sprintf("issuer %s gives no token: %s", r.Issuer, why)
	if advice := r.advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

func (r *Refusal) advice() string {
	switch r.Code {
	case "invalid_client":
		return "the site's operator should look at clientID and secretFile of this issuer's exchange"
	case "unauthorized_client", "unsupported_grant_type":
		return fmt.Sprintf("the site's operator should have the issuer let client %q exchange tokens", r.Client)
	case "invalid_target":
		return fmt.Sprintf("it doesn't know, or doesn't serve, the audience %q", r.Want.Audience+r.Want.Resource)
	case "invalid_scope":
		return fmt.Sprintf("you may not have the scope %q there", strings.Join(r.Want.words(), " "))
	case "invalid_grant", "invalid_request", "access_denied":
		return "it takes your token no more, or not for this: log in again"
	}
	return ""
}

// Explained reports whether an error is one of this package's, which say why there
// is no token and can be shown to whoever wanted it.
func Explained(err error) bool {
	for _, known := range []error{ErrUnavailable, ErrUnusable, ErrNotOffered} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.As(err, new(*Refusal))
}

// OfUser reports whether the refusal is about the user or her token, rather than
// about how the node and the issuer know each other.
func (r *Refusal) OfUser() bool {
	return slices.Contains([]string{"invalid_grant", "invalid_request", "access_denied"}, r.Code)
}

// Bounds of what is repeated of an issuer's words.
const (
	maxDetail = 200 // bytes
	maxWord   = 48  // bytes; what is longer may be a token
)

// clean makes an issuer's words fit for a message: printable, short, and without
// anything that could be a token.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	words := strings.Fields(text)
	for i, word := range words {
		if len(word) > maxWord {
			words[i] = "…"
		}
	}
	text = strings.Join(words, " ")
	return strings.ToValidUTF8(text[:min(len(text), maxDetail)], "")
}
