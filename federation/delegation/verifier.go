package delegation

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"starling/federation/identity"
)

var (
	// ErrRefused says that an assertion isn't believed. The text of an error that
	// wraps it may be shown to the node that sent it.
	ErrRefused = errors.New("the assertion is not valid")
	// ErrTooMany says that a node sends more of them than can be remembered.
	ErrTooMany = errors.New("too many assertions of one node")
)

// Peer is a node that asks: who it is, as the connection has proven, and the key
// by which it has done so, or which it has gossiped in development.
type Peer struct {
	Node identity.NodeName
	Key  crypto.PublicKey
}

// A Verifier believes other nodes' assertions, each once. It is safe for
// concurrent use.
type Verifier struct {
	node       identity.NodeName
	federation func() string
	now        func() time.Time
	used       *memory
}

// NewVerifier returns a verifier of what other nodes of the federation (by its
// id) assert to this one.
func NewVerifier(node identity.NodeName, federation func() string, now func() time.Time) *Verifier {
	return &Verifier{node: node, federation: federation, now: now, used: newMemory()}
}

// Verify returns on whose behalf a node makes a request of this method and
// target, and by way of which nodes, the one that asks last. Errors wrap
// ErrRefused, or are ErrTooMany. The same assertion is refused ever after.
func (v *Verifier) Verify(assertion string, from Peer, method, target string) (identity.Subject, []identity.NodeName, error) {
	said, err := v.read(assertion, from)
	if err == nil {
		err = v.check(said, from, method, target)
	}
	if err != nil {
		return identity.Subject{}, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	// Last, so that nobody fills the memory with what isn't to be believed.
	if err := v.used.use(from.Node, said.ID, v.now()); err != nil {
		return identity.Subject{}, nil, err
	}
	return said.Subject.arrived(), said.Via, nil
}

// read takes an assertion apart, and checks who signed it, for whom and when.
func (v *Verifier) read(assertion string, from Peer) (*claims, error) {
	if len(assertion) > maxAssertion {
		return nil, fmt.Errorf("it has %d bytes, at most %d are read", len(assertion), maxAssertion)
	}
	method, err := methodOf(from.Key)
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{method.Alg()}),
		jwt.WithIssuer(string(from.Node)),
		jwt.WithAudience(string(v.node)),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(skew),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(v.now),
	)
	said := &claims{}
	_, err = parser.ParseWithClaims(assertion, said, func(token *jwt.Token) (any, error) {
		if token.Header["typ"] != kind {
			return nil, errKind
		}
		if _, critical := token.Header["crit"]; critical {
			return nil, errCritical
		}
		return from.Key, nil
	})
	if err != nil {
		return nil, reason(err)
	}
	return said, nil
}

var (
	errKind     = errors.New("it is no assertion, but something else that was signed")
	errCritical = errors.New("it has extensions that must be understood, and aren't")
)

// check finds what is wrong with an assertion that the peer has signed for this
// node.
func (v *Verifier) check(said *claims, from Peer, method, target string) error {
	if err := said.Subject.check(); err != nil {
		return err
	}
	if err := said.times(); err != nil {
		return err
	}
	federation := v.federation()
	switch {
	case federation == "" || said.Federation != federation:
		return fmt.Errorf("it is for federation %.64q, this is %q", said.Federation, federation)
	case len(said.Audience) != 1:
		return errors.New("it is for others, too")
	case said.Method != method || said.Target != digest(target):
		return errors.New("it is for another request")
	case len(said.ID) < shortestID || len(said.ID) > longestID:
		return fmt.Errorf("its id has %d characters: want %d to %d", len(said.ID), shortestID, longestID)
	}
	return v.checkVia(said.Via, from.Node)
}

// An id must not be met again by chance; 128 random bits have 22 characters.
const (
	shortestID = 16
	longestID  = 64
)

// checkVia checks the way that a request has come, which ends with the node that
// asks.
func (v *Verifier) checkVia(via []identity.NodeName, from identity.NodeName) error {
	if len(via) == 0 || via[len(via)-1] != from {
		return fmt.Errorf("the request has not come by way of %s, as it says", from)
	}
	for i, name := range via {
		if name.Validate() != nil || slices.Contains(via[:i], name) {
			return errors.New("the way by which the request has come is none")
		}
	}
	_, err := onward(via[:len(via)-1], from, v.node)
	return err
}

// reason says what is wrong without repeating what an assertion holds.
func reason(err error) error {
	for _, known := range []struct {
		is   error
		text string
	}{
		{errKind, errKind.Error()},
		{errCritical, errCritical.Error()},
		{jwt.ErrTokenExpired, "it has expired; compare the clocks of the nodes"},
		{jwt.ErrTokenUsedBeforeIssued, "it was made in the future; compare the clocks of the nodes"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet"},
		{jwt.ErrTokenInvalidAudience, "it is for another node"},
		{jwt.ErrTokenInvalidIssuer, "another node has made it"},
		{jwt.ErrTokenRequiredClaimMissing, "a required claim is missing"},
		{jwt.ErrTokenSignatureInvalid, "it is not signed with the key of the node that sends it"},
		{jwt.ErrTokenUnverifiable, "it is not signed with the key of the node that sends it"},
	} {
		if errors.Is(err, known.is) {
			return errors.New(known.text)
		}
	}
	return errors.New("it is malformed")
}
