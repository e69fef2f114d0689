package exchange

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"starling/federation/identity"
)

// Bounds of an answer.
const (
	maxAnswer   = 64 << 10 // bytes
	maxToken    = 16 << 10 // bytes; no header takes more
	maxLifetime = 365 * 24 * time.Hour
	// unsaid is how long a token is taken to last that doesn't say it.
	unsaid = time.Minute
)

// accessToken is the type of token that is asked for, and the only one taken.
const accessToken = "urn:ietf:params:oauth:token-type:access_token"

// answer is a token endpoint's, good (RFC 6749 section 5.1, RFC 8693 section
// 2.2.1) or bad (5.2).
type answer struct {
	AccessToken      string  `json:"access_token"`
	IssuedTokenType  string  `json:"issued_token_type"`
	TokenType        string  `json:"token_type"`
	ExpiresIn        *int64  `json:"expires_in"`
	Scope            *string `json:"scope"`
	RefreshToken     string  `json:"refresh_token"`
	Error            string  `json:"error"`
	ErrorDescription string  `json:"error_description"`
}

// decode reads an answer's body.
func decode(header http.Header, body []byte) (answer, error) {
	var a answer
	if len(body) > maxAnswer {
		return a, fmt.Errorf("its answer is larger than %d KiB", maxAnswer>>10)
	}
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || media != "application/json" {
		return a, errors.New("its answer is not application/json")
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return answer{}, errors.New("its answer is not the JSON of a token endpoint")
	}
	return a, nil
}

// token takes the token out of a good answer, if it is what was asked for and no
// more. Exchanged says that it answers an exchange and not a refresh.
func (a answer) token(w Want, exchanged bool, now time.Time) (Token, error) {
	switch {
	case !strings.EqualFold(a.TokenType, "Bearer"):
		return Token{}, fmt.Errorf("token_type is %q; want Bearer", clean(a.TokenType))
	case exchanged && a.IssuedTokenType != accessToken:
		return Token{}, fmt.Errorf("issued_token_type is %q; want %s", clean(a.IssuedTokenType), accessToken)
	case !bearer(a.AccessToken):
		return Token{}, errors.New("access_token is missing, or none that a header can carry")
	case a.RefreshToken != "" && !printable(a.RefreshToken):
		return Token{}, errors.New("refresh_token is none that can be sent again")
	case a.ExpiresIn != nil && *a.ExpiresIn <= 0:
		return Token{}, errors.New("it has expired already")
	}
	t := Token{Access: identity.NewSecret(a.AccessToken), Refresh: identity.NewSecret(a.RefreshToken), Scope: w.words()}
	if a.Scope != nil { // where it is left out it is as asked
		t.Scope = strings.Fields(*a.Scope)
	}
	said := claimsOf(a.AccessToken)
	if err := w.holds(t.Scope, said); err != nil {
		return Token{}, err
	}
	t.Expires = now.Add(unsaid)
	switch {
	case a.ExpiresIn != nil:
		t.Expires = now.Add(time.Duration(min(*a.ExpiresIn, int64(maxLifetime/time.Second))) * time.Second)
	case said.expires > 0:
		t.Expires = time.Unix(min(said.expires, now.Add(maxLifetime).Unix()), 0)
	}
	if !t.Expires.After(now) {
		return Token{}, errors.New("it has expired already")
	}
	return t, nil
}

// holds refuses a token that is good for more than was wanted.
func (w Want) holds(scope []string, said claims) error {
	asked := w.words()
	for _, word := range slices.Concat(scope, said.scope) {
		if len(asked) > 0 && !slices.Contains(asked, word) {
			return fmt.Errorf("its scope has %q, which was not asked for", clean(word))
		}
	}
	if !said.legible {
		return nil
	}
	if len(said.audience) == 0 {
		return errors.New("it names no audience, and would be good for anybody")
	}
	for _, one := range said.audience {
		if one != w.Audience && one != w.Resource {
			return fmt.Errorf("it is for %q too, and was asked for %q", clean(one), w.Audience+w.Resource)
		}
	}
	return nil
}

// claims are what a token says of itself, where it is a JWT. Nobody has verified
// them: they are looked at to find a token that is too good, and whoever is shown
// it verifies it.
type claims struct {
	legible  bool
	audience []string
	scope    []string
	expires  int64 // Unix seconds
}

func claimsOf(token string) claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims{}
	}
	var has struct {
		Aud   any     `json:"aud"`
		Scope any     `json:"scope"`
		Exp   float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &has) != nil {
		return claims{}
	}
	c := claims{legible: true, audience: texts(has.Aud), expires: int64(min(max(has.Exp, 0), 1e12))}
	for _, text := range texts(has.Scope) { // RFC 9068 wants one text; some issuers make a list
		c.scope = append(c.scope, strings.Fields(text)...)
	}
	return c
}

// texts reads a claim that is a text or a list of texts.
func texts(claim any) []string {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		var all []string
		for _, one := range claim {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return nil
}

// bearer reports whether a text is a token as RFC 6750 section 2.1 has it.
func bearer(token string) bool {
	plain := strings.TrimRight(token, "=")
	return plain != "" && len(token) <= maxToken && !strings.ContainsFunc(plain, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("-._~+/", r)
	})
}

// printable reports whether a text has only the characters that RFC 6749 appendix
// A.17 lets a refresh token have.
func printable(token string) bool {
	return len(token) <= maxToken && !strings.ContainsFunc(token, func(r rune) bool { return r < 0x20 || r > 0x7e })
}
