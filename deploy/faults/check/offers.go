package check

import (
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"starling/deploy/faults/load"
)

// state is what an offer may be in, as far as its history is concerned.
type state byte

const (
	offered   state = 'O'
	taken     state = 'A'
	rejected  state = 'R'
	expired   state = 'X'
	completed state = 'C'
	failed    state = 'F'
	cancelled state = 'K'
)

// stateOf is the state that a phase belongs to.
func stateOf(phase string) (state, bool) {
	switch phase {
	case "OFFERED":
		return offered, true
	case "REJECTED":
		return rejected, true
	case "EXPIRED":
		return expired, true
	case "COMPLETED":
		return completed, true
	case "FAILED":
		return failed, true
	case "CANCELLED":
		return cancelled, true
	case "ACCEPTED", "WAITING", "PREPARING", "AVAILABLE", "RUNNING", "RELEASING":
		return taken, true
	}
	return 0, false
}

// by itself an offer may expire, or be rejected for another of its set that was taken;
// a session may complete, or fail.
func (s state) becomes(other state) bool {
	switch s {
	case other:
		return true
	case offered:
		return other == rejected || other == expired
	case taken:
		return other == completed || other == failed
	}
	return false
}

// seen is what an operation on an offer was told.
type seen struct {
	kind    load.Kind
	state   state // that it is in after it
	did     bool  // it was acknowledged
	unknown bool
}

// register is the model: each offer is one, which accepting takes, once.
func register() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{offered} },
		Step: func(s, _, o any) []any { return step(s.(state), o.(seen)) },
		Hash: func(s any) uint64 { return uint64(s.(state)) },
	}
	return model.ToModel()
}

// change is what an operation makes of a state, if it is done.
func change(s state, kind load.Kind) state {
	switch {
	case s == offered && (kind == load.Accept || kind == load.Direct):
		return taken
	case s == offered && kind == load.Reject:
		return rejected
	case s == taken && kind == load.Cancel:
		return cancelled
	}
	return s
}

// step is what an offer may be in after an operation.
func step(s state, o seen) (next []any) {
	for _, now := range []state{offered, taken, rejected, expired, completed, failed, cancelled} {
		if !s.becomes(now) {
			continue
		}
		after := change(now, o.kind)
		switch {
		case o.unknown:
			next = append(next, now, after)
		case o.did && after.becomes(o.state), !o.did && now == o.state:
			return []any{o.state}
		}
	}
	return next
}

// enough is how long porcupine may look for an order of all offers' operations.
const enough = 30 * time.Second

// offers checks promise 2: there is one order of all that users did with an offer, by
// which everything that they were told is right.
func (c *checker) offers() {
	histories := map[string][]porcupine.Operation{}
	for _, o := range c.record.Ops {
		switch o.Kind {
		case load.Accept, load.Direct, load.Reject, load.Cancel, load.Read:
		default:
			continue
		}
		if op, ok := ofOffer(o); ok && !c.excused(o.Object) {
			histories[o.Object] = append(histories[o.Object], op)
		}
	}
	for id := range histories {
		if c.record.Offers[id] == nil { // it was taken as it was offered; who asked may not have been told
			histories[id] = append(histories[id], porcupine.Operation{Input: struct{}{}, Output: seen{kind: load.Direct, unknown: true}, Return: math.MaxInt64})
		}
	}
	model := register()
	until := time.Now().Add(enough)
	for id, history := range histories {
		c.looked("offers with one order of all operations", 1)
		c.ordered(model, history, until, 2, "offer "+id)
	}
}

// ordered has porcupine look for an order.
func (c *checker) ordered(model porcupine.Model, history []porcupine.Operation, until time.Time, promise int, object string) {
	left := max(time.Until(until), time.Second)
	switch porcupine.CheckOperationsTimeout(model, history, left) {
	case porcupine.Illegal:
		c.broken(promise, object, "no order of these operations makes all answers right: %s", describe(history))
	case porcupine.Unknown:
		c.inconclusive("%s: no order of %d operations was found within %s, nor that there is none", object, len(history), left)
	}
}

// ofOffer is an operation as porcupine wants it. What isn't known to be over may take
// effect at any time.
func ofOffer(o *load.Op) (porcupine.Operation, bool) {
	s, told := stateOf(o.Phase)
	op := porcupine.Operation{Input: struct{}{}, Call: int64(o.Call), Return: int64(o.Return)}
	out := seen{kind: o.Kind, state: s, did: o.Outcome == load.Acknowledged}
	// Refused after another site gave no answer: that one may have done it, and be why, or
	// may yet do it.
	if o.Outcome == load.Unknown || o.Outcome == load.Refused && len(o.Sites) > 1 {
		out.unknown = true
	}
	if out.unknown {
		op.Return = math.MaxInt64
	}
	op.Output = out
	return op, o.Object != "" && (told || out.unknown && o.Kind != load.Read)
}
