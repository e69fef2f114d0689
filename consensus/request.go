package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// What one node asks another: a kind, and for records a group.
const (
	askSubmit = 1 // -> how far the store is applied
	askIndex  = 2 // -> the index that a strong read waits for
)

// What the other answers: one of these and a number.
const (
	answerDone      = 1
	answerNotLeader = 2
	answerGap       = 3 // with the sequence that is expected
	answerUnknown   = 4
	answerTooEarly  = 5
	answerBad       = 6 // what was asked makes no sense
)

// RequestBytes bounds a request: what a node submits at once, and its names.
const RequestBytes = submitBytes + accountingMost + 64<<10

// Answer answers a request of another node. It must only be given what an
// authenticated member sent. What this node can't answer as the leader it does
// not pass on to another.
func (r *Raft) Answer(ctx context.Context, request []byte) []byte {
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	defer cancel()
	if len(request) == 0 || len(request) > RequestBytes {
		return answer(answerBad, 0)
	}
	switch request[0] {
	case askSubmit:
		g, rest, err := readGroup(request[1:])
		if err != nil || len(rest) > 0 {
			return answer(answerBad, 0)
		}
		return answerOf(r.propose(ctx, g))
	case askIndex:
		index, err := r.leaderIndex(ctx)
		return answerOf(Sequence(index), err)
	}
	return answer(answerBad, 0)
}

func answer(code byte, n uint64) []byte { return binary.AppendUvarint([]byte{code}, n) }

func answerOf(n Sequence, err error) []byte {
	var gap *GapError
	switch {
	case err == nil:
		return answer(answerDone, uint64(n))
	case errors.As(err, &gap):
		return answer(answerGap, uint64(gap.Expected))
	case errors.Is(err, ErrNotLeader):
		return answer(answerNotLeader, 0)
	case errors.Is(err, ErrTooEarly):
		return answer(answerTooEarly, 0)
	}
	return answer(answerUnknown, 0)
}

// readAnswer is answerOf backwards; g is the group that was submitted.
func readAnswer(data []byte, g group) (uint64, error) {
	if len(data) < 2 {
		return 0, fmt.Errorf("%w: an answer of %d bytes", ErrUnknownOutcome, len(data))
	}
	n, size := binary.Uvarint(data[1:])
	if size != len(data)-1 {
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
	case answerBad:
		return 0, fmt.Errorf("%w: the leader can't read this node's requests", ErrUnknownOutcome)
	}
	return 0, ErrUnknownOutcome
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
