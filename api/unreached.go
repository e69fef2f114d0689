package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"starling/accounting"
	"starling/api/auth/exchange"
	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
)

// explain is what the client hears of a passage that led nowhere.
func (p *passage) explain(err error) error {
	slow := errors.Is(context.Cause(p.ctx), errSlow)
	var refused unauthorized
	var wrong odd
	switch {
	case errors.Is(err, errGrant):
		p.challenge("", errGrant.detail)
		return errGrant
	case p.Request().Context().Err() != nil, p.ctx.Err() != nil && !slow: // the client has left, or this node stops
		return err
	case errors.Is(err, delegation.ErrLoop):
		return &fault{status: http.StatusLoopDetected, code: "loop",
			detail: fmt.Sprintf("this belongs to %s, and the request did not get there: %s", p.owner, err)}
	case errors.Is(err, delegation.ErrExpired):
		p.challenge("invalid_token", "the token has expired")
		return &fault{status: http.StatusUnauthorized, code: "unauthorized", detail: "the token has expired", field: "Authorization"}
	case errors.As(err, &refused) && exchange.Explained(refused):
		return &fault{status: http.StatusForbidden, code: "forbidden",
			detail: fmt.Sprintf("this belongs to %s, which can't be asked on your behalf: %v. You can ask %s itself", p.owner, refused, p.owner)}
	case errors.As(err, &refused):
		return fmt.Errorf("ask %s on behalf of %s: %w", p.owner, p.caller.User, err)
	case errors.Is(err, errDisbelieved):
		p.server.log.ErrorContext(p.Request().Context(), "another node does not believe this one on whose behalf it asks", "node", p.owner, "request", p.id, "error", err)
		return &fault{status: http.StatusBadGateway, code: "disbelieved", retry: 5 * time.Second,
			detail: fmt.Sprintf("this belongs to %s, which does not believe %s on whose behalf it asks; its log says why (often the clocks differ). You can ask %s itself",
				p.owner, p.server.Node, p.owner)}
	case errors.As(err, &wrong) && !slow:
		p.server.log.WarnContext(p.Request().Context(), "a node's answer is not what it should be", "node", p.owner, "request", p.id, "error", err)
		return &fault{status: http.StatusBadGateway, code: "bad-answer",
			detail: fmt.Sprintf("this belongs to %s, whose answer is not passed on: %s. What you asked for may have been done. Tell the operators of %s", p.owner, wrong.what, p.owner)}
	}
	if slow {
		err = errSlow
	}
	p.server.log.InfoContext(p.Request().Context(), "a node can't be reached for what it owns", "node", p.owner, "request", p.id, "error", err)
	known := p.known()
	return &fault{status: http.StatusServiceUnavailable, code: "unavailable", retry: 5 * time.Second, known: known,
		detail: fmt.Sprintf("this belongs to %s, which can't be reached from %s at the moment%s; nothing of it is lost. Try again later, or ask %s itself",
			p.owner, p.server.Node, known.silence(), p.owner)}
}

// known is what a node knows of what belongs to another, which can't be reached.
type known struct {
	Node string `json:"node"` // to which it belongs
	// State is the node's, as gossip has it, for so long.
	State        string  `json:"state,omitempty"`
	SinceSeconds float64 `json:"sinceSeconds,omitempty"`
	// Attempts are those to run the session that are on record, the newest first, for
	// whom they are to be seen by; as of the log's entry Applied, when this node's copy
	// may have been behind by so much.
	Attempts   []knownAttempt `json:"attempts,omitempty"`
	Applied    uint64         `json:"applied,omitempty"`
	AgeSeconds float64        `json:"ageSeconds,omitempty"`
}

// knownAttempt is what the record says of an attempt, in short. GET /history/{ref}
// says it all, at any node.
type knownAttempt struct {
	HistoryRef accounting.Ref        `json:"historyRef"`
	Session    accounting.SessionID  `json:"session"`
	Attempt    int                   `json:"attempt"`
	Phase      accounting.Phase      `json:"phase"`
	Executor   string                `json:"executor,omitempty"`
	Opened     accounting.Instant    `json:"opened"`
	Started    accounting.Instant    `json:"started,omitzero"`
	Ended      accounting.Instant    `json:"ended,omitzero"`
	Charges    []accounting.Quantity `json:"charges,omitempty"`
}

// mostKnown attempts are told of, within so much time: who asks has waited already.
const (
	mostKnown     = 10
	knownPatience = 2 * time.Second
)

// known is what there is to say of what a request is about.
func (p *passage) known() *known {
	k := &known{Node: string(p.owner)}
	if m, found := p.server.member(p.owner); found {
		k.State, k.SinceSeconds = m.State, math.Round(m.SinceSeconds)
	}
	ctx, cancel := context.WithTimeout(p.Request().Context(), knownPatience)
	defer cancel()
	entries, look, err := p.recorded(ctx)
	if err != nil || len(entries) == 0 { // what isn't to be seen, isn't said to be there
		return k
	}
	k.Applied, k.AgeSeconds = look.Applied, math.Ceil(look.Age.Seconds())
	for _, e := range entries {
		k.Attempts = append(k.Attempts, knownAttempt{
			HistoryRef: e.HistoryRef, Session: e.Session, Attempt: e.Attempt, Phase: e.Phase, Executor: e.ExecutorName,
			Opened: e.Opened, Started: e.Started, Ended: e.Ended, Charges: e.Charges,
		})
	}
	return k
}

// recorded are the attempts that a request is about, as the caller may see them.
func (p *passage) recorded(ctx context.Context) ([]accounting.HistoryEntry, *node.Look, error) {
	look := new(node.Look)
	switch {
	case p.caller.User == "": // a browser, which its owner knows
		return nil, look, nil
	case strings.HasPrefix(p.Path(), "/sessions/"):
		id, err := p.uuid("uuid")
		if err != nil {
			return nil, look, err
		}
		entries, _, err := p.server.Broker.History(ctx, p.caller, look, accounting.HistoryFilter{Session: accounting.SessionID(id.String())}, "", mostKnown)
		return entries, look, err
	case strings.HasPrefix(p.Path(), "/history/"):
		ref, err := p.uuid("ref")
		if err != nil {
			return nil, look, err
		}
		entry, err := p.server.Broker.HistoryEntry(ctx, p.caller, look, ref)
		return []accounting.HistoryEntry{entry}, look, err
	}
	return nil, look, nil // of offer sets and executors nothing is on record
}

// silence says for how long a node hasn't been heard of, if that is so.
func (k *known) silence() string {
	if k.State == "" || k.State == cluster.Alive {
		return ""
	}
	return fmt.Sprintf(" (it is %s, for %s)", k.State, time.Duration(k.SinceSeconds*float64(time.Second)))
}

// member is what this node knows of another.
func (s *Server) member(name identity.NodeName) (cluster.Member, bool) {
	if s.Federation == nil {
		return cluster.Member{}, false
	}
	for _, m := range s.Federation.Members() {
		if m.Name == string(name) {
			return m, true
		}
	}
	return cluster.Member{}, false
}

// urlOf is by what URL clients reach another node, as it says; "" if that isn't known.
func (s *Server) urlOf(name identity.NodeName) string {
	m, _ := s.member(name)
	return strings.TrimRight(m.URL, "/")
}
