package delegation

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"starling/federation/identity"
)

// kind is the type in an assertion's header (RFC 8725 section 3.11): no token of
// an issuer can be taken for an assertion, nor an assertion for a token.
const kind = "starling-hop+jwt"

// claims are what an assertion says. The issuer is the node that signs, the
// audience the one that is asked.
type claims struct {
	jwt.RegisteredClaims
	Federation string `json:"fed"`
	// Method and Target are what is asked, named as RFC 9449 does; the target is a
	// digest, since it may be long.
	Method string `json:"htm"`
	Target string `json:"htu"`
	// Via are the nodes that the request has come through, the signer last.
	Via     []identity.NodeName `json:"via"`
	Subject subject             `json:"subject"`
}

// subject is an identity.Subject on its way.
type subject struct {
	Issuer       string           `json:"iss"`
	Name         string           `json:"sub"`
	Groups       []string         `json:"groups,omitempty"`
	Capabilities []string         `json:"capabilities,omitempty"`
	Expires      *jwt.NumericDate `json:"exp"`
	Roles        []identity.Role  `json:"roles,omitempty"`
	Proposal     string           `json:"proposal,omitempty"`
}

func digest(target string) string {
	sum := sha256.Sum256([]byte(target))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func onItsWay(s identity.Subject) subject {
	return subject{
		Issuer: s.Issuer, Name: s.Name, Groups: s.Groups, Capabilities: s.Capabilities,
		Expires: jwt.NewNumericDate(s.Expires), Roles: s.Claims.Roles, Proposal: s.Claims.Proposal,
	}
}

func (s subject) arrived() identity.Subject {
	return identity.Subject{
		Issuer: s.Issuer, Name: s.Name, Groups: s.Groups, Capabilities: s.Capabilities,
		Expires: s.Expires.Time, Claims: identity.Claims{Roles: s.Roles, Proposal: s.Proposal},
	}
}

// The bounds of one text in a subject, in bytes, and of one list. The whole is
// bounded by maxAssertion.
const (
	maxText    = 1024
	maxEntries = 1024
)

// check finds what makes a subject nobody's, or too much: it will stand in logs,
// keys and answers.
func (s subject) check() error {
	if s.Name == "" || s.Issuer == "" {
		return errors.New("it says nothing of anybody: subject or issuer are missing")
	}
	if s.Expires == nil {
		return errors.New("it doesn't say until when its subject is one")
	}
	if slices.Contains(s.Roles, identity.RoleBuiltIn) {
		return fmt.Errorf("role %s is given by nobody but the node itself", identity.RoleBuiltIn)
	}
	if n := max(len(s.Groups), len(s.Capabilities), len(s.Roles)); n > maxEntries {
		return fmt.Errorf("a list of %d entries: at most %d", n, maxEntries)
	}
	texts := slices.Concat([]string{s.Issuer, s.Name, s.Proposal}, s.Groups, s.Capabilities)
	for _, role := range s.Roles {
		texts = append(texts, string(role))
	}
	for _, text := range texts {
		if len(text) > maxText || !utf8.ValidString(text) || slices.ContainsFunc([]rune(text), unicode.IsControl) {
			return fmt.Errorf("a name or group that isn't one: want at most %d bytes of UTF-8 without control characters", maxText)
		}
	}
	return nil
}

// times checks what the parser leaves open: for how long it holds at all, and
// that it doesn't outlive what it was made from.
func (c *claims) times() error {
	switch {
	case c.IssuedAt == nil:
		return errors.New("it doesn't say when it was made")
	case c.ExpiresAt.Sub(c.IssuedAt.Time) > lifetime:
		return fmt.Errorf("it holds for longer than %s", lifetime)
	case c.ExpiresAt.After(c.Subject.Expires.Time):
		return errors.New("it outlives what it was made from")
	}
	return nil
}

// validUntil is when an assertion that is made now ends.
func validUntil(now, subject time.Time) time.Time {
	end := now.Truncate(time.Second).Add(lifetime)
	if !subject.IsZero() && subject.Before(end) {
		return subject.Truncate(time.Second)
	}
	return end
}
