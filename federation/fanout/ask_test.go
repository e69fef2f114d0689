package fanout

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/delegation"
	"starling/federation/identity"
)

// nodes answer as their functions do.
type nodes map[string]func(r *http.Request) (int, string, error)

func (n nodes) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body, err := n[r.URL.Host](r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
}

// vouched says on whose behalf by name.
type vouched struct{ err error }

func (v vouched) Authorize(_ context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error {
	r.Header.Set("X-For", caller.User+" to "+string(to))
	return v.err
}

func asking(to nodes) *Peers {
	return &Peers{Transport: to, Authorizer: vouched{}, Base: base, Now: func() time.Time { return noon }}
}

var alice = identity.Caller{User: "alice", Proposal: "p1"}

func question() Question {
	return Question{Request: []byte(`{"a":1}`), Set: mint.New(1), Placement: "cheapest", Deadline: 2 * time.Second, Wanted: asked()}
}

func TestAQuestionSaysWhoseItIsAndWhatFor(t *testing.T) {
	q := question()
	p := asking(nodes{"kth": func(r *http.Request) (int, string, error) {
		assert.Equal(t, "/peer/api/requests", r.URL.Path)
		assert.Equal(t, q.Set.String(), r.Header.Get(SetHeader))
		assert.Equal(t, "cheapest", r.Header.Get(PlacementHeader))
		assert.Equal(t, "p1", r.Header.Get("Starling-Proposal"))
		assert.Equal(t, base, r.Header.Get("Starling-Base"))
		assert.Equal(t, "alice to kth", r.Header.Get("X-For"))
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, q.Request, body)
		return http.StatusSeeOther, string(encoded(t, honest())), nil
	}})
	answers := p.Ask(t.Context(), alice, q, []identity.NodeName{"kth"})
	require.Len(t, answers, 1)
	require.NoError(t, answers[0].Err)
	assert.Len(t, answers[0].Offers, 2)
	assert.Empty(t, p.Ask(t.Context(), alice, q, nil))
}

// All are asked at once, and none is waited for beyond the deadline, nor the client's.
func TestNobodyIsWaitedForBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(r *http.Request) (int, string, error) { <-r.Context().Done(); return 0, "", r.Context().Err() }
		slow := func(*http.Request) (int, string, error) { time.Sleep(time.Second); return 500, "", nil }
		p := asking(nodes{"a": hangs, "b": slow, "c": slow})
		began := time.Now()
		answers := p.Ask(t.Context(), alice, question(), []identity.NodeName{"a", "b", "c"})
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.True(t, IsFault(answers[0].Err, Slow), "%v", answers[0].Err)
		assert.True(t, IsFault(answers[1].Err, Broken), "%v", answers[1].Err)
		assert.EqualValues(t, "c", answers[2].Node, "in the order in which they are named")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		answers = p.Ask(ctx, alice, question(), []identity.NodeName{"a"})
		assert.Equal(t, time.Second, time.Since(began))
		assert.True(t, IsFault(answers[0].Err, Left), "that is no fault of its own")
	})
}

func TestWhoCannotBeAskedIsLeftOut(t *testing.T) {
	refused := func(status int, body string) nodes {
		return nodes{"kth": func(*http.Request) (int, string, error) { return status, body, nil }}
	}
	for name, c := range map[string]struct {
		peers *Peers
		kind  Kind
		want  string
	}{
		"nobody there":        {asking(nodes{"kth": func(*http.Request) (int, string, error) { return 0, "", errors.New("dial 10.0.0.1") }}), Unreachable, "it can't be reached at the moment"},
		"not on your behalf":  {&Peers{Transport: nodes{}, Authorizer: vouched{delegation.ErrExpired}, Now: time.Now}, Refused, "it can't be asked on your behalf"},
		"not for you":         {asking(refused(403, `{"detail":"node kth does not take you"}`)), Refused, "it answers 403: node kth does not take you"},
		"not now":             {asking(refused(503, "")), Broken, "it answers 503 Service Unavailable"},
		"200 is no offer set": {asking(refused(200, string(encoded(t, honest())))), Refused, "it answers 200 OK"},
		"too much":            {asking(refused(303, strings.Repeat(" ", 4<<20))), Broken, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.peers.Ask(t.Context(), alice, question(), []identity.NodeName{"kth"})[0]
			require.True(t, IsFault(a.Err, c.kind), "%v", a.Err)
			assert.Contains(t, a.Err.Error(), c.want)
			assert.NotContains(t, a.Err.Error(), "10.0.0.1", "addresses are nobody's business")
		})
	}
}

// A node that hangs doesn't gather all who ask.
func TestANodeHasOnlySoManyQuestionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(r *http.Request) (int, string, error) { <-r.Context().Done(); return 0, "", r.Context().Err() }
		p := asking(nodes{"a": hangs})
		var all sync.WaitGroup
		for range mostAtOnce {
			all.Go(func() { p.Ask(t.Context(), alice, question(), []identity.NodeName{"a"}) })
		}
		synctest.Wait()
		began := time.Now()
		answers := p.Ask(t.Context(), alice, question(), []identity.NodeName{"a"})
		assert.Zero(t, time.Since(began))
		assert.ErrorContains(t, answers[0].Err, "256 questions")
		all.Wait()

		// From now on one at a time finds out whether it answers again.
		answered := make(chan []Answer)
		go func() { answered <- p.Ask(t.Context(), alice, question(), []identity.NodeName{"a"}) }()
		synctest.Wait()
		began = time.Now()
		answers = p.Ask(t.Context(), alice, question(), []identity.NodeName{"a"})
		assert.Zero(t, time.Since(began))
		assert.ErrorContains(t, answers[0].Err, "the last question")
		assert.True(t, IsFault((<-answered)[0].Err, Slow))
		p.Transport = nodes{"a": func(*http.Request) (int, string, error) { return 503, "", nil }}
		assert.True(t, IsFault(p.Ask(t.Context(), alice, question(), []identity.NodeName{"a"})[0].Err, Broken), "it answers")
		assert.Empty(t, p.crowd.nodes)
	})
}

// What a node says of its own sessions leads nowhere else.
func TestSessionsOfOthersAreReadWithCare(t *testing.T) {
	o := offer()
	id, err := identity.ParseUUID(o.UUID())
	require.NoError(t, err)
	answer := func(status int, edit func()) *Peers {
		o = offer()
		o.Meta.UUID, o.Meta.URL = id.String(), base+"/sessions/"+id.String()
		edit()
		body := string(encoded(t, o))
		return asking(nodes{"kth": func(*http.Request) (int, string, error) { return status, body, nil }})
	}
	accept := func(p *Peers) (bool, error) {
		_, refused, err := p.Accept(t.Context(), alice, "kth", id, "k")
		return refused, err
	}
	refused, err := accept(answer(200, func() {}))
	require.NoError(t, err)
	assert.False(t, refused)
	refused, err = accept(answer(409, func() {}))
	require.NoError(t, err)
	assert.True(t, refused)
	_, err = accept(answer(404, func() {}))
	assert.True(t, IsFault(err, Refused))
	_, err = accept(answer(502, func() {}))
	assert.True(t, IsFault(err, Broken))
	_, err = accept(answer(200, func() { o.Meta.UUID = mint.New(5).String(); o.Meta.URL = "" }))
	assert.True(t, IsFault(err, Wrong), "another session: %v", err)
	_, err = accept(answer(200, func() { o.Meta.URL = "https://evil.example/x" }))
	assert.True(t, IsFault(err, Wrong), "%v", err)
}
