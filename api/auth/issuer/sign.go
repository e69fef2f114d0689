package issuer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxLifetime bounds how long a token may live. A key that signs no more is
// published for so long.
const MaxLifetime = 90 * 24 * time.Hour

// The types that stand in a token's header, so that none is taken for the other
// (RFC 9068 section 2.1).
const (
	typeAccess = "at+jwt"
	typeID     = "JWT"
)

// Issue signs an access token that is good from now on for the lifetime, with
// the key that signs at present.
func (d *Directory) Issue(grant Grant, lifetime time.Duration) (string, error) {
	s, err := d.read()
	if err != nil {
		return "", err
	}
	return s.access(grant, d.now(), lifetime)
}

// access makes an access token as INDIGO IAM does.
func (s *state) access(grant Grant, now time.Time, lifetime time.Duration) (string, error) {
	if err := grant.Validate(); err != nil {
		return "", fmt.Errorf("issue a token: %w", err)
	}
	claims, err := s.claims(grant, now, lifetime)
	if err != nil {
		return "", err
	}
	claims["nbf"] = now.Unix()
	claims["client_id"] = grant.Client
	if len(grant.Scope) > 0 {
		claims["scope"] = strings.Join(grant.Scope, " ")
	}
	if len(grant.Audience) > 0 {
		claims["aud"] = audienceClaim(grant.Audience)
	}
	if s.Profile == ProfileWLCG {
		claims["wlcg.ver"] = "1.0"
	}
	return s.signing(now).sign(typeAccess, claims)
}

// id makes an ID token, which is for the client (OpenID Connect Core section 2).
func (s *state) id(grant Grant, now time.Time, lifetime time.Duration) (string, error) {
	claims, err := s.claims(grant, now, lifetime)
	if err != nil {
		return "", err
	}
	claims["aud"] = grant.Client
	claims["preferred_username"] = grant.User
	return s.signing(now).sign(typeID, claims)
}

// claims are those of every token.
func (s *state) claims(grant Grant, now time.Time, lifetime time.Duration) (jwt.MapClaims, error) {
	if lifetime < time.Second || lifetime > MaxLifetime {
		return nil, fmt.Errorf("issue a token: lifetime %s is not between a second and %s", lifetime, MaxLifetime)
	}
	claims := jwt.MapClaims{
		"iss": s.URL, "sub": grant.User, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
	if len(grant.Groups) > 0 {
		name, slash := "groups", ""
		if s.Profile == ProfileWLCG {
			name, slash = "wlcg.groups", "/"
		}
		groups := make([]string, len(grant.Groups))
		for i, group := range grant.Groups {
			groups[i] = slash + strings.Trim(group, "/")
		}
		claims[name] = groups
	}
	return claims, nil
}

// audienceClaim is a text where there is one audience (RFC 7519 section 4.1.3).
func audienceClaim(audience []string) any {
	if len(audience) == 1 {
		return audience[0]
	}
	return audience
}

func (k *key) sign(typ string, claims jwt.MapClaims) (string, error) {
	token := jwt.NewWithClaims(k.Algorithm.method(), claims)
	token.Header["kid"], token.Header["typ"] = k.ID, typ
	signed, err := token.SignedString(k.private)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

// issued is what the issuer reads of an access token of its own.
type issued struct {
	jwt.RegisteredClaims
	Client     string   `json:"client_id"`
	Scope      string   `json:"scope"`
	Groups     []string `json:"groups"`
	WLCGGroups []string `json:"wlcg.groups"`
}

// grant is what the token was made of.
func (i *issued) grant() Grant {
	groups := i.Groups
	if len(groups) == 0 {
		groups = i.WLCGGroups
	}
	return Grant{User: i.Subject, Groups: groups, Audience: i.Audience, Scope: words(i.Scope), Client: i.Client}
}

// maxToken bounds a token that somebody shows, in bytes.
const maxToken = 16 << 10

var errNotOurs = errors.New("the token is not an access token of this issuer that is still good")

// verify returns what an access token of this issuer says. The error is
// errNotOurs, whatever is wrong: whoever shows it has no need to know.
func (s *state) verify(token string, now func() time.Time) (*issued, error) {
	if len(token) > maxToken {
		return nil, errNotOurs
	}
	claims := new(issued)
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{string(EdDSA), string(ES256), string(RS256)}),
		jwt.WithIssuer(s.URL), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(now),
	)
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		for _, k := range s.published(now()) {
			if k.ID == t.Header["kid"] && string(k.Algorithm) == t.Method.Alg() && t.Header["typ"] == typeAccess {
				return k.private.Public(), nil
			}
		}
		return nil, errNotOurs
	})
	if err != nil || claims.Subject == "" || claims.ID == "" {
		return nil, errNotOurs
	}
	return claims, nil
}
