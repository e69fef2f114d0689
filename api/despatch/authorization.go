package despatch

import (
	"time"

	"starling/federation/identity"
)

// KindDataToken is what an executor registers among its kinds that fetches data
// with the token of a Stage's Authorization, and shows that to nobody else.
const KindDataToken = "urn:starling:data:token-1.0"

// SchemeBearer is the scheme of every Authorization that there is so far
// (RFC 6750).
const SchemeBearer = "Bearer"

// Authorization is what the server of a data resource wants to see: its scheme
// and token are the value of the Authorization header, for the very origin of
// Stage.Location and no other, wherever that redirects to. It is good for that
// resource alone, and is kept in memory only: an executor that was restarted asks
// for another attempt.
type Authorization struct {
	Scheme  string    `json:"scheme"`
	Token   Token     `json:"token,omitempty"`
	Expires time.Time `json:"expires"`
}

// Token is a Secret on its way to an executor. It is printed as any Secret is, and
// encoded as nothing, so that no file, log or message has it: but for a despatch
// of which ShowTokens was called, and that is its answer to the executor.
type Token struct {
	identity.Secret
	shown bool
}

// NewToken returns a token that isn't shown.
func NewToken(secret identity.Secret) Token { return Token{Secret: secret} }

// MarshalText implements encoding.TextMarshaler: a token that isn't shown is
// empty.
func (t Token) MarshalText() ([]byte, error) {
	if !t.shown {
		return nil, nil
	}
	return []byte(t.Reveal()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Token) UnmarshalText(text []byte) error {
	*t = NewToken(identity.NewSecret(string(text)))
	return nil
}

// ShowTokens lets a despatch be encoded with its tokens, for the executor that
// holds its lease.
func (d *Despatch) ShowTokens() {
	for i := range d.Sequence {
		if s := d.Sequence[i].Stage; s != nil && s.Authorization != nil {
			s.Authorization.Token.shown = true
		}
	}
}
