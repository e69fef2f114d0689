package fanout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/federation/tracing"
)

// Where nodes have each other's API, and what they say in headers there
// (packages node/cluster and api).
const (
	apiPath    = "/peer/api"
	baseHeader = "Starling-Base"
	// SetHeader names the asking node's offer set, to which the answer will belong;
	// PlacementHeader, the policy by which offers are ranked.
	SetHeader       = "Starling-Offer-Set"
	PlacementHeader = "Starling-Placement"
	proposalHeader  = "Starling-Proposal"
)

// Authorizer says in a request to another node on whose behalf it is made.
type Authorizer interface {
	Authorize(ctx context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error
}

// Peers are the other nodes, as they are asked.
type Peers struct {
	Transport  http.RoundTripper // reaches the node that a URL names as its host
	Authorizer Authorizer
	// Base is this node's URL. It is what URLs in answers must begin with.
	Base string
	Now  func() time.Time

	crowd   crowd // of questions
	listing crowd
}

// Question is what other nodes are asked.
type Question struct {
	Request []byte        // as JSON of package ivoa
	Set     identity.UUID // the asking node's, to which the offers will belong
	// Placement is the policy by which the user wants offers ranked.
	Placement string
	// Deadline is how long the answers may take.
	Deadline time.Duration
	Wanted   Wanted
}

// Answer is what one node says.
type Answer struct {
	Node identity.NodeName
	Set  identity.UUID // the node's own
	// Offers are what it offers, the best first, with paths for URLs; Messages is what
	// it has to say beside them. Without offers it says NO, and why.
	Offers   []*ivoa.Session
	Messages []ivoa.Message
	Took     time.Duration
	// Err is why the node is left out: a *Fault.
	Err error
}

// Kind is in what way a node has failed to answer.
type Kind string

// The ways to fail.
const (
	Slow        Kind = "slow"        // no answer in time
	Unreachable Kind = "unreachable" // nobody there
	Refused     Kind = "refused"     // it doesn't take the question, or the caller
	Broken      Kind = "broken"      // what it says makes no sense
	Wrong       Kind = "wrong"       // what it offers isn't what was asked for
	Left        Kind = "left"        // who asked waits no longer
)

// Fault is why a node is left out, in words for users that name no URL and no address.
// Cause, where there is one, is for the log.
type Fault struct {
	Kind   Kind
	Detail string
	Cause  error
}

func (f *Fault) Error() string { return f.Detail }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

func fault(kind Kind, format string, values ...any) *Fault {
	return &Fault{Kind: kind, Detail: plain(fmt.Sprintf(format, values...))}
}

var errDeadline = errors.New("the question's deadline")

// Ask asks nodes at once, on behalf of the caller, and returns what each of them
// answers within the question's deadline, in their order.
func (p *Peers) Ask(ctx context.Context, caller identity.Caller, q Question, nodes []identity.NodeName) []Answer {
	if len(nodes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, q.Deadline, errDeadline)
	defer cancel()
	wanted := q.Wanted.prepare()
	answers := make([]Answer, len(nodes))
	var all sync.WaitGroup
	for i, node := range nodes {
		all.Go(func() {
			began := p.Now()
			a := &answers[i]
			*a = p.ask(ctx, caller, q, wanted, node)
			a.Node, a.Took = node, p.Now().Sub(began)
		})
	}
	all.Wait()
	return answers
}

// ask asks one node.
func (p *Peers) ask(ctx context.Context, caller identity.Caller, q Question, wanted wanted, node identity.NodeName) (a Answer) {
	if why := p.crowd.enter(node); why != nil {
		return Answer{Err: why}
	}
	defer func() { p.crowd.leave(node, !IsFault(a.Err, Slow) && !IsFault(a.Err, Unreachable)) }()
	header := http.Header{SetHeader: {q.Set.String()}}
	if q.Placement != "" {
		header.Set(PlacementHeader, q.Placement)
	}
	if caller.Proposal != "" {
		header.Set(proposalHeader, caller.Proposal)
	}
	status, body, err := p.call(ctx, caller, node, call{method: http.MethodPost, path: "/requests", route: "/requests", header: header, body: q.Request, most: min(mostAnswer+2*wanted.size*mostOffers, mostEver)})
	switch {
	case err != nil:
		return Answer{Err: ended(ctx, err, q.Deadline)}
	case status != http.StatusSeeOther:
		return Answer{Err: refusal(status, body)}
	}
	c := checker{node: node, base: p.Base, now: p.Now(), wanted: wanted}
	if a, err = c.answer(body); err != nil {
		return Answer{Err: err}
	}
	return a
}

// ended is why a call has failed whose context may have ended by its deadline.
func ended(ctx context.Context, err error, deadline time.Duration) error {
	switch {
	case context.Cause(ctx) == errDeadline:
		return fault(Slow, "it has not answered within %s", deadline)
	case ctx.Err() != nil:
		return fault(Left, "it was not waited for")
	}
	return err
}

// call is one request to a node's API.
type call struct {
	method, path string
	route        string // the path's pattern
	header       http.Header
	body         []byte
	most         int // bytes of the answer
}

// call sends a request on behalf of the caller, and reads the answer, which must be
// JSON. The error is a *Fault.
func (p *Peers) call(ctx context.Context, caller identity.Caller, node identity.NodeName, c call) (status int, body []byte, err error) {
	ctx, span := tracing.Call(ctx, c.method, c.route, string(node))
	defer func() { tellOf(ctx, span, status, err); span.End() }()
	r, err := http.NewRequestWithContext(ctx, c.method, "http://"+string(node)+apiPath+c.path, bytes.NewReader(c.body))
	if err != nil {
		return 0, nil, fault(Broken, "it can't be asked: %v", err)
	}
	if c.header != nil {
		r.Header = c.header
	}
	r.Header.Set(baseHeader, p.Base)
	tracing.Send(ctx, r.Header)
	r.Header.Set("Accept", "application/json")
	if c.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if err := p.Authorizer.Authorize(ctx, r, caller, node); err != nil {
		return 0, nil, fault(Refused, "it can't be asked on your behalf: %v", err)
	}
	answer, err := p.Transport.RoundTrip(r)
	if err != nil {
		return 0, nil, &Fault{Unreachable, "it can't be reached at the moment", err}
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, int64(c.most)+1))
	switch {
	case err != nil:
		return 0, nil, &Fault{Unreachable, "it broke off its answer", err}
	case len(body) > c.most:
		return 0, nil, fault(Broken, "it answers with more than %d bytes", c.most)
	}
	return answer.StatusCode, body, nil
}

// tellOf tells a span what came of a call.
func tellOf(ctx context.Context, span tracing.Span, status int, err error) {
	var f *Fault
	switch {
	case err == nil:
		span.Count(tracing.Status, status)
		if status >= http.StatusBadRequest {
			span.Fail(strconv.Itoa(status))
		}
	case ctx.Err() != nil:
		span.FailWith(ctx.Err())
	case errors.As(err, &f):
		span.Fail(string(f.Kind))
	}
}

// mostProblem bounds how much of a problem is read, in bytes.
const mostProblem = 64 << 10

// refusal is what a node says that doesn't answer.
func refusal(status int, body []byte) *Fault {
	detail := detailOf(body)
	kind := Refused
	if status >= http.StatusInternalServerError {
		kind = Broken
	}
	if detail == "" {
		return fault(kind, "it answers %d %s", status, http.StatusText(status))
	}
	return fault(kind, "it answers %d: %s", status, detail)
}

// IsFault reports whether an error is a node's fault of a kind.
func IsFault(err error, kind Kind) bool {
	var f *Fault
	return errors.As(err, &f) && f.Kind == kind
}
