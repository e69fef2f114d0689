package login

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"starling/cmd/starling/internal/words"
)

// Peek reads what a token says of itself, if it is a JWT: who has issued it, and
// when it ends. Nothing is verified: it is for its bearer to see.
func Peek(token string) (issuer string, expires time.Time) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", time.Time{}
	}
	var claims struct {
		Issuer  string  `json:"iss"`
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(text, &claims) != nil || claims.Expires < 0 || claims.Expires > maxTime {
		return "", time.Time{}
	}
	if claims.Expires > 0 {
		expires = time.Unix(int64(claims.Expires), 0)
	}
	return words.Cut(words.Clean(claims.Issuer), 200), expires
}

// maxTime is the last second that a date can be of.
const maxTime = 253402300799
