package membership

import (
	"errors"
	"fmt"
	"strings"
)

// Why a node is not let in, or does not let another in.
var (
	// ErrFederation says that two nodes belong to different federations.
	ErrFederation = errors.New("another federation")
	// ErrName says that another server goes by the same name.
	ErrName = errors.New("the name is taken")
	// ErrCollision says that two names can't be told apart in UUIDs.
	ErrCollision = errors.New("identities collide")
	// ErrKeys says that two nodes don't have the same gossip key.
	ErrKeys = errors.New("the gossip keys differ")
	// ErrUnreachable says that nobody could be reached.
	ErrUnreachable = errors.New("nobody answered")

	errTooMany   = errors.New("too many members")
	errMalformed = errors.New("malformed")
)

// A refusal is an error of one of the kinds above that says in its own words
// what is wrong and what to do.
type refusal struct {
	kind       error
	text       string
	federation string // of an ErrFederation: whose the other one is
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func foreign(theirs, ours string) error {
	text := fmt.Sprintf("it belongs to federation %s, this node to %s: a node belongs to one. "+
		"Join a node of the same federation, or start with an empty data directory to become part of the other", theirs, ours)
	switch {
	case theirs == "":
		text = "it belongs to no federation yet: join one that does, or let it begin one (--bootstrap)"
	case ours == "":
		text = "it belongs to federation " + theirs + ", this node to none yet"
	}
	return &refusal{kind: ErrFederation, text: text, federation: theirs}
}

func taken(name, server, at, ours string) error {
	return &refusal{kind: ErrName, text: fmt.Sprintf("the name %s is taken by server %s at %s, and this is %s: "+
		"give this node another name, or, if it replaces that one, stop the other and wait until it is no longer alive (starling nodes)", name, server, at, ours)}
}

func collision(a, b string) error {
	return &refusal{kind: ErrCollision, text: fmt.Sprintf("the names %s and %s have the same identity in UUIDs (the first 48 bits of their SHA-256), "+
		"so that nobody could tell whose a session is: give the newer node another name", a, b)}
}

// explain finds in memberlist's words, which carry no types, what kind of error
// it was, and puts it into ours where they say nothing to an operator.
func explain(err error) error {
	text := plain(err.Error())
	for _, known := range []struct {
		words string
		kind  error
	}{
		{"it belongs to ", ErrFederation}, {"the name ", ErrName}, {"the names ", ErrCollision},
	} {
		if strings.HasPrefix(text, known.words) {
			return &refusal{kind: known.kind, text: text}
		}
	}
	if strings.Contains(text, "no installed keys could decrypt") ||
		strings.Contains(text, "encryption is configured but remote state is not encrypted") ||
		strings.Contains(text, "remote state is encrypted and encryption is not configured") ||
		strings.Contains(text, "unsupported encryption version") {
		return &refusal{kind: ErrKeys, text: "the gossip keys differ: give this node the federation's own (starling keygen gossip makes one, for all of its nodes)"}
	}
	if text == "EOF" || strings.HasSuffix(text, "unexpected EOF") || strings.Contains(text, "reset by peer") {
		return errors.New("it closed the connection without an answer: what listens there is no node of Starling, or has too many callers")
	}
	return errors.New(text)
}

// plain takes the frames off what memberlist.Join returns for one address, and
// keeps what another node may have put into it on one line.
func plain(text string) string {
	const most = 600
	text = strings.TrimPrefix(strings.TrimSpace(text), "1 error occurred:")
	text = strings.TrimPrefix(strings.TrimSpace(text), "* ")
	if rest, framed := strings.CutPrefix(text, "failed to join "); framed {
		if _, rest, framed = strings.Cut(rest, ": "); framed {
			text = rest
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	return text[:min(len(text), most)]
}
