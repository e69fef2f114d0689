package api

import (
	"context"
	"net/http"
	"time"

	"starling/api/despatch"
	"starling/node"
)

// register answers POST /executors: 201 for a new executor, 200 for one that
// renews.
func (s *Server) register(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	var registration despatch.Registration
	if err := v.decodeJSON(&registration); err != nil {
		return err
	}
	var withheld string
	if !v.private() {
		withheld = withoutTokens(&registration)
	}
	answer, created, err := s.Broker.Register(v.Request().Context(), v.caller, registration)
	if err != nil {
		return err
	}
	if withheld != "" {
		answer.Messages = append(answer.Messages, withheld)
	}
	if created {
		return v.answerJSON(http.StatusCreated, answer)
	}
	return v.answerJSON(http.StatusOK, answer)
}

type executorList struct {
	Executors []node.Executor `json:"executors"`
}

// executors answers GET /executors.
func (s *Server) executors(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	list, err := s.Broker.Executors(v.Request().Context(), v.caller)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, executorList{Executors: list})
}

// despatch answers POST /executors/{uuid}/despatch: work, or 204 with the
// reasons why there is none.
func (s *Server) despatch(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	wait, err := v.wait()
	if err != nil {
		return err
	}
	// There is nothing to read in a body, but only when it has been read does
	// net/http notice that the client of a long poll has left.
	if err := v.withBody(func([]byte) error { return nil }); err != nil {
		return err
	}
	ctx, done := v.patience(wait)
	defer done()
	work, reasons, err := s.Broker.Despatch(ctx, v.caller, id, wait)
	if err != nil {
		return err
	}
	if work == nil {
		v.header().Set(despatch.ReasonsHeader, reasons.String())
		return v.nothing()
	}
	work.Session.URL = v.absolute(work.Session.URL)
	if v.private() {
		work.ShowTokens()
	}
	return v.answerJSON(http.StatusOK, work)
}

// report answers POST /history/{ref}/updates. With a wait, the answer is held
// back until there is an order for the executor.
func (s *Server) report(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	ref, err := v.uuid("ref")
	if err != nil {
		return err
	}
	wait, err := v.wait()
	if err != nil {
		return err
	}
	var updates despatch.Updates
	if err := v.decodeJSON(&updates); err != nil {
		return err
	}
	ctx, done := v.patience(wait)
	defer done()
	answer, err := s.Broker.Report(ctx, v.caller, ref, updates, wait)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, answer)
}

// complete answers POST /history/{ref}/completion with the history entry.
func (s *Server) complete(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	ref, err := v.uuid("ref")
	if err != nil {
		return err
	}
	var done despatch.Completion
	if err := v.decodeJSON(&done); err != nil {
		return err
	}
	answer, err := s.Broker.Complete(v.Request().Context(), v.caller, ref, done)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, answer)
}

func (v *visit) wait() (time.Duration, error) {
	q := v.query("wait")
	wait := q.wait(v.server.Limits.Wait)
	return wait, q.err
}

// patience prepares a request that may wait: the answer's deadline is moved
// behind the wait, and the wait ends when the server stops.
func (v *visit) patience(wait time.Duration) (_ context.Context, done func()) {
	ctx := v.Request().Context()
	if wait <= 0 {
		return ctx, func() {}
	}
	if !v.local {
		_ = v.control().SetWriteDeadline(time.Now().Add(wait + streamGrace))
	}
	return v.server.streams.until(ctx)
}
