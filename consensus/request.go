package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/raft"
)

// What one node asks another: a kind, and what it is about.
const (
	askSubmit  = 1 // a group -> how far the store is applied
	askIndex   = 2 // -> the index that a strong read waits for
	askJoin    = 3 // a Candidate -> it is a member
	askLeave   = 4 // a node -> it is none
	askRelayed = 5 // for whom, and one of the two before
	askTerm    = 6 // a server's id -> its term
)

// What the other answers: one of these and a number.
const (
	answerDone      = 1
	answerNotLeader = 2
	answerGap       = 3 // with the sequence that is expected
	answerUnknown   = 4
	answerTooEarly  = 5
	answerBad       = 6 // what was asked makes no sense
	answerRefused   = 7 // and why, in words
)

const (
	// RequestBytes bounds a request: what a node submits at once, and its names.
	RequestBytes = submitBytes + accountingMost + 64<<10
	// AnswerBytes bounds an answer.
	AnswerBytes = 1024
	// wordsBytes bounds why something was refused.
	wordsBytes = 512
)

// ForNewcomers reports whether a request is one that a node may make that belongs
// to no federation yet: to be let in.
func ForNewcomers(request []byte) bool { return len(request) > 0 && request[0] == askJoin }

// Answer answers a request of another node. from is that node's name, of which the
// caller has made sure. What this node can't answer as the leader it does not pass
// on, but for those who ask to join or to leave: they may know no leader.
func (r *Raft) Answer(ctx context.Context, from string, request []byte) []byte {
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	defer cancel()
	if len(request) == 0 || len(request) > RequestBytes {
		return answer(answerBad, 0)
	}
	switch request[0] {
	case askJoin, askLeave:
		return r.answerMembership(ctx, from, request)
	case askRelayed:
		return r.answerRelayed(ctx, from, request[1:])
	case askSubmit, askIndex:
		if r.raft.State() != raft.Leader { // it may not know yet who the members are
			return answer(answerNotLeader, 0)
		}
		if err := r.member(from); err != nil {
			return answerOf(0, err)
		}
	}
	switch request[0] {
	case askTerm: // of any voter, whoever leads
		if err := r.member(from); err != nil {
			return answerOf(0, err)
		}
		return r.ownTerm(string(request[1:]))
	case askSubmit:
		g, rest, err := readGroup(request[1:])
		if err != nil || len(rest) > 0 {
			return answer(answerBad, 0)
		}
		return answerOf(r.proposeInTurn(ctx, g))
	case askIndex:
		index, err := r.leaderIndex(ctx)
		return answerOf(Sequence(index), err)
	}
	return answer(answerBad, 0)
}

// member refuses a node that has no server in the log.
func (r *Raft) member(node string) error {
	for _, s := range r.Servers() {
		if s.Node == node {
			return nil
		}
	}
	return refuse("%s is not a member of the log yet", node)
}

// A refusal is what ErrRefused is with its reason.
type refusal struct{ words string }

func refuse(format string, values ...any) error { return &refusal{fmt.Sprintf(format, values...)} }

func (e *refusal) Error() string { return ErrRefused.Error() + ": " + e.words }
func (e *refusal) Unwrap() error { return ErrRefused }

func answer(code byte, n uint64) []byte { return binary.AppendUvarint([]byte{code}, n) }

func answerOf(n Sequence, err error) []byte {
	var gap *GapError
	var refused *refusal
	switch {
	case err == nil:
		return answer(answerDone, uint64(n))
	case errors.As(err, &gap):
		return answer(answerGap, uint64(gap.Expected))
	case errors.As(err, &refused):
		return append(answer(answerRefused, 0), refused.words[:min(len(refused.words), wordsBytes)]...)
	case errors.Is(err, ErrNotLeader):
		return answer(answerNotLeader, 0)
	case errors.Is(err, ErrTooEarly):
		return answer(answerTooEarly, 0)
	}
	return answer(answerUnknown, 0)
}

// readAnswer is answerOf backwards; g is the group that was submitted.
func readAnswer(data []byte, g group) (uint64, error) {
	if len(data) < 2 || len(data) > AnswerBytes {
		return 0, fmt.Errorf("%w: an answer of %d bytes", ErrUnknownOutcome, len(data))
	}
	n, size := binary.Uvarint(data[1:])
	if size <= 0 || size != len(data)-1 && data[0] != answerRefused {
		return 0, fmt.Errorf("%w: an answer that makes no sense", ErrUnknownOutcome)
	}
	switch data[0] {
	case answerDone:
		return n, nil
	case answerNotLeader:
		return 0, ErrNotLeader
	case answerGap:
		return 0, &GapError{Store: g.store, Expected: Sequence(n), Got: g.first}
	case answerTooEarly:
		return 0, ErrTooEarly
	case answerRefused:
		return 0, refuse("%s", plain(data[1+size:]))
	case answerBad:
		return 0, fmt.Errorf("%w: the leader can't read this node's requests", ErrUnknownOutcome)
	}
	return 0, ErrUnknownOutcome
}

// plain is what another node said as it may stand in a log or on a terminal.
func plain(words []byte) string {
	text := strings.ToValidUTF8(string(words[:min(len(words), wordsBytes)]), "")
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
}

// atLeader asks the leader: this node itself, or the other at most once.
func (r *Raft) atLeader(ctx context.Context, request []byte, g group, here func(context.Context) (uint64, error)) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	defer cancel()
	_, id := r.raft.LeaderWithID()
	switch leader := string(id); leader {
	case "":
		return 0, ErrNotLeader
	case r.id:
		return here(ctx)
	default:
		data, err := r.forwarder.Forward(ctx, NodeOf(leader), request)
		if err != nil {
			return 0, fmt.Errorf("%w: ask the leader %s: %w", ErrUnknownOutcome, NodeOf(leader), err)
		}
		return readAnswer(data, g)
	}
}
