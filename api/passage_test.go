package api

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
)

// pair is node jodrell, which is asked, and node kth, which owns what is asked for.
func pair(t *testing.T, change ...func(*Options)) (asked, owner *world) {
	s := newSites(t)
	return s.node("jodrell", change...), s.node("kth", change...)
}

func TestWhatAnotherNodeOwnsIsToBeHadAtThisOne(t *testing.T) {
	asked, owner := pair(t)
	resp := asked.get(on(""))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "1.1 jodrell", resp.Header.Get("Via"))
	body := text(t, resp)
	assert.Contains(t, body, `"url":"https://jodrell.example`+on("")+`"`, "with URLs of the node that was asked")
	assert.NotContains(t, body, "kth.example")
	caller := owner.asked()
	assert.Equal(t, "alice", caller.User)
	assert.Equal(t, []identity.NodeName{"jodrell"}, caller.Via)
	assert.True(t, caller.Token.IsZero())
	assert.True(t, asked.untouched())
	assert.Contains(t, asked.log.String(), "to=kth")
	assert.Contains(t, owner.log.String(), "by=jodrell")
	assert.Contains(t, owner.log.String(), "request="+resp.Header.Get("X-Request-Id"), "under the same id")
}

func TestAClientsProxyIsToldOn(t *testing.T) {
	asked, _ := pair(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	body := text(t, asked.do(call{path: on(""), from: "192.0.2.7:1", header: map[string]string{"X-Forwarded-Host": "broker.example.org"}}))
	assert.Contains(t, body, `"url":"https://broker.example.org`+on("")+`"`)
}

func TestChangesArePassedOn(t *testing.T) {
	asked, owner := pair(t)
	resp := asked.do(call{method: http.MethodPost, path: on(""), body: acceptUpdate, header: map[string]string{
		"Content-Type": "application/json", "Idempotency-Key": "k1", "Accept": "application/yaml",
	}})
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, resp.Header.Get("Content-Type"), "yaml")
	assert.Equal(t, "k1", owner.broker.key)
	assert.Equal(t, "ACCEPTED", owner.broker.change.(*ivoa.EnumValueUpdate).Value)
	resp = asked.post(on(""), strings.Replace(acceptUpdate, "ACCEPTED", "REJECTED", 1))
	assert.Equal(t, http.StatusConflict, resp.StatusCode)
	assert.Contains(t, text(t, resp), "can't be REJECTED")
	wantProblem(t, asked.post(on(""), "{"), http.StatusBadRequest)
}

func TestFilesAreLedThrough(t *testing.T) {
	asked, owner := pair(t)
	owner.broker.output = []byte("0123456789")
	resp := asked.do(call{path: on("/files/maps/m%201.txt"), header: map[string]string{"Range": "bytes=2-4"}})
	require.Equal(t, http.StatusPartialContent, resp.StatusCode)
	assert.Equal(t, "bytes 2-4/10", resp.Header.Get("Content-Range"))
	assert.Equal(t, "234", text(t, resp))
	assert.Equal(t, []string{sandbox}, resp.Header["Content-Security-Policy"])
	assert.Equal(t, []string{"nosniff"}, resp.Header["X-Content-Type-Options"])
	assert.Contains(t, resp.Header.Get("Content-Disposition"), "m 1.txt")
	resp = asked.do(call{path: on("/files/a.txt"), header: map[string]string{"If-None-Match": resp.Header.Get("ETag")}})
	assert.Equal(t, http.StatusNotModified, resp.StatusCode)
	resp = asked.do(call{method: http.MethodHead, path: on("/files/a.txt")})
	assert.Equal(t, "10", resp.Header.Get("Content-Length"))
	assert.Equal(t, "0123456789", text(t, asked.get(on("/stdout"))))
	assert.Contains(t, text(t, asked.get(on("/files"))), "https://jodrell.example"+on("/files/maps/m%201.fits"))
}

func TestExecutorsAreLedToTheirNode(t *testing.T) {
	asked, owner := pair(t)
	body := strings.Repeat("sixteen bytes :-", 1<<14)
	resp := asked.do(call{method: http.MethodPut, path: "/history/" + attemptID.String() + "/files/a/b.fits?fence=7", body: body})
	require.Equal(t, http.StatusOK, resp.StatusCode, text(t, resp))
	assert.Equal(t, body, owner.broker.sent)
	assert.EqualValues(t, 7, owner.broker.fence)
	owner.broker.idle = true
	resp = asked.post("/executors/"+workerID.String()+"/despatch?wait=10ms", "")
	assert.Equal(t, http.StatusNoContent, resp.StatusCode)
	assert.NotEmpty(t, resp.Header.Get("Starling-Reasons"))
	assert.Equal(t, 10*time.Millisecond, owner.broker.wait)
	assert.Equal(t, http.StatusOK, asked.post("/history/"+attemptID.String()+"/updates", `{"fence": 7}`).StatusCode)
	assert.EqualValues(t, 7, owner.broker.reported.Fence)
	assert.Equal(t, http.StatusOK, asked.post("/history/"+attemptID.String()+"/completion", `{"fence": 7}`).StatusCode)
	assert.True(t, asked.untouched())
}

// A stream comes as it happens, and ends with either node.
func TestEventsComeAsTheyHappen(t *testing.T) {
	for _, ends := range []string{"asked", "owner"} {
		asked, owner := pair(t)
		owner.broker.list, owner.broker.live = threeEvents[:2], make(chan node.Event)
		resp, in := asked.stream(asked.serve(), on("/events"), map[string]string{"Last-Event-ID": "1"})
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, "retry: 2000\n", block(t, in))
		assert.Contains(t, block(t, in), "id: 2\n")
		owner.broker.live <- threeEvents[2]
		assert.Contains(t, block(t, in), "id: 3\n")
		if ends == "asked" {
			asked.server.EndStreams()
		} else {
			owner.server.EndStreams()
		}
		_, _ = io.Copy(io.Discard, in)
		eventually(t, func() bool { return asked.server.passages.open() == 0 })
	}
}

// An output that is followed begins at once, though there is nothing in it yet.
func TestAnOutputIsFollowedThrough(t *testing.T) {
	asked, owner := pair(t)
	owner.broker.open = true
	resp, in := asked.stream(asked.serve(), on("/stdout?follow=true"), nil)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	owner.broker.mu.Lock()
	owner.broker.output, owner.broker.open, owner.broker.phase = []byte("words\n"), false, ivoa.SessionCompleted
	owner.broker.mu.Unlock()
	all, err := io.ReadAll(in)
	require.NoError(t, err)
	assert.Equal(t, "words\n", string(all))
}

// An answer that breaks off at its owner breaks off here: nobody takes half a file
// for a whole.
func TestAnAnswerThatBreaksOffBreaksOff(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell")
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "r")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	_, in := asked.stream(asked.serve(), on("/stdout"), nil)
	_, err := io.ReadAll(in)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// Promise 8: what is between a client and its node goes to no other node.
func TestPromise8ATokenGoesNoFurther(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell")
	got := make(chan *http.Request, 1)
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "r")
		got <- r
	}))
	asked.do(call{path: on("?x=%zz;y"), header: map[string]string{
		"Cookie": "starling-connect=grant", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil.example", "Forwarded": "for=x", "Via": "1.1 squid",
		"Origin": "https://jodrell.example", "Referer": "https://jodrell.example/secret", "Proxy-Authorization": "Basic x", "Connection": "X-Custom",
		"X-Custom": "1", "Starling-Private": "1", "Starling-Assertion": "forged", "Starling-Base": "https://evil.example", "X-Request-Id": "mine", "Upgrade": "websocket",
	}})
	r := <-got
	assert.Equal(t, []string{"Starling-Assertion", "Starling-Base", "Traceparent", "Via", "X-Request-Id", whoAsks}, slices.Sorted(maps.Keys(without(r.Header, "Connection", "User-Agent", "Accept-Encoding"))))
	assert.NotEqual(t, "forged", r.Header.Get("Starling-Assertion"))
	assert.Equal(t, "https://jodrell.example", r.Header.Get("Starling-Base"))
	assert.Equal(t, "1.1 jodrell", r.Header.Get("Via"))
	assert.Equal(t, on("?x=%zz;y"), r.URL.String(), "as it was asked")
	all, err := json.Marshal(r.Header)
	require.NoError(t, err)
	assert.NotContains(t, string(all), "Bearer alice")
}

func without(h http.Header, names ...string) http.Header {
	for _, name := range names {
		h.Del(name)
	}
	return h
}

func TestAnOwnerThatCanNotBeReachedIsNamed(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell", func(o *Options) { o.ownerPatience = 50 * time.Millisecond })
	says := func(status int, words string) {
		t.Helper()
		resp := asked.get(on(""))
		p := wantProblem(t, resp, status)
		assert.Contains(t, p["detail"], "this belongs to kth")
		assert.Contains(t, p["detail"], words)
		assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	}
	says(http.StatusServiceUnavailable, "can't be reached from jodrell")
	stuck, release := make(chan struct{}), make(chan struct{})
	s.listen("kth", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(stuck)
		select {
		case <-r.Context().Done(): // it was given up
		case <-release:
		}
	}))
	says(http.StatusServiceUnavailable, "can't be reached from jodrell")
	<-stuck
	close(release)
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this node is starting or stopping", http.StatusServiceUnavailable)
	}))
	says(http.StatusServiceUnavailable, "can't be reached from jodrell")
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "r")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	says(http.StatusBadGateway, "does not believe jodrell")
}

// What the record has is known everywhere, whether its node is or not; promise 8: to
// those who may see it.
func TestOfAnUnreachableOwnersSessionTheRecordIsTold(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell", func(o *Options) {
		o.Federation = heard{&flock{}, cluster.Member{Name: "kth", State: "dead", SinceSeconds: 93.2}}
	})
	asked.broker.copy = node.Copy{Applied: 42, Age: 1500 * time.Millisecond}
	p := wantProblem(t, asked.get(on("")), http.StatusServiceUnavailable)
	assert.Contains(t, p["detail"], "(it is dead, for 1m33s)")
	known := p["known"].(map[string]any)
	assert.Equal(t, "kth", known["node"])
	assert.Equal(t, "dead", known["state"])
	assert.EqualValues(t, 93, known["sinceSeconds"])
	assert.EqualValues(t, 42, known["applied"])
	assert.EqualValues(t, 2, known["ageSeconds"])
	attempt := known["attempts"].([]any)[0].(map[string]any)
	entry := sampleEntry()
	assert.EqualValues(t, entry.Phase, attempt["phase"])
	assert.EqualValues(t, entry.HistoryRef, attempt["historyRef"])
	assert.EqualValues(t, sessionID.String(), asked.broker.history.Session)
	assert.Equal(t, "alice", asked.asked().User, "as whom she asks")
	assert.Equal(t, mostKnown, asked.broker.limit)

	for _, path := range []string{on("/stdout"), on("/events"), on("/files/x"), on("/connect/lab/")} {
		assert.Contains(t, wantProblem(t, asked.get(path), http.StatusServiceUnavailable)["known"], "attempts", path)
	}
	assert.Contains(t, wantProblem(t, asked.post("/history/"+attemptID.String()+"/updates", `{"fence": 7}`), http.StatusServiceUnavailable)["known"], "attempts")
	for _, c := range []call{
		{path: "/offersets/" + offersID.String()}, {method: "POST", path: "/executors/" + workerID.String() + "/despatch"},
		{path: on("/connect/lab/"), stranger: true, header: map[string]string{"Cookie": withGrant}}, {path: on("/links/lab/secret"), stranger: true},
	} {
		known := wantProblem(t, asked.do(c), http.StatusServiceUnavailable)["known"].(map[string]any)
		assert.NotContains(t, known, "attempts", c.path)
		assert.Equal(t, "dead", known["state"], c.path)
	}
	asked.broker.err = &node.Problem{Code: node.CodeUnavailable, Detail: "no record"}
	assert.NotContains(t, wantProblem(t, asked.get(on("")), http.StatusServiceUnavailable)["known"], "attempts")
}

// An executor that hangs up its poll at one node has hung up at the other: what comes
// then is for the next who asks, and no try is lost.
func TestAPollThatIsHungUpTakesNothingWithIt(t *testing.T) {
	s := newSites(t)
	broker := realBroker(t, t.TempDir())
	polled := &counted{Broker: broker}
	inside := func(o *Options) { o.Broker, o.Authenticator, o.Mapping = polled, people, people }
	asked := s.node("jodrell", inside)
	s.node("kth", inside)
	s.owner[identity.NodeName("kth").Tag()] = "kth"
	robot, alice := identity.Caller{User: "robot", Roles: people["robot"]}, identity.Caller{User: "alice", Roles: people["alice"]}
	registered, _, err := broker.Register(t.Context(), robot, despatch.Registration{
		Name: "docker", Kinds: []string{ivoa.KindDockerContainer}, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
	})
	require.NoError(t, err)
	url := port(t, asked)
	poll := func(ctx context.Context) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, "POST", url+"/executors/"+registered.UUID+"/despatch?wait=60s", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer robot")
		return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	hung := make(chan error)
	go func() {
		_, err := poll(ctx)
		hung <- err
	}()
	eventually(t, func() bool { return polled.waiting.Load() == 1 })
	hangUp()
	require.ErrorIs(t, <-hung, context.Canceled)
	eventually(t, func() bool { return polled.waiting.Load() == 0 })

	var request ivoa.ExecutionRequest
	_, err = ivoa.Decode(ivoa.JSON, []byte(sampleRequest), ivoa.DefaultLimits(), &request)
	require.NoError(t, err)
	offers, err := broker.Ask(t.Context(), alice, &request, nil, node.Asking{})
	require.NoError(t, err)
	_, err = broker.Update(t.Context(), alice, mustUUID(offers.Offers[0].UUID()), ivoa.SetPhase(ivoa.SessionAccepted), "")
	require.NoError(t, err)
	resp, err := poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var work despatch.Despatch
	require.NoError(t, json.Unmarshal([]byte(text(t, resp)), &work))
	assert.Equal(t, 1, work.Attempt)
}

// counted is a broker that knows how many polls wait.
type counted struct {
	*node.Broker
	waiting atomic.Int32
}

func (c *counted) Despatch(ctx context.Context, caller identity.Caller, id identity.UUID, wait time.Duration) (*despatch.Despatch, despatch.Reasons, error) {
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	return c.Broker.Despatch(ctx, caller, id, wait)
}

// What nobody owns that is known is nobody's business but this node's.
func TestWhatNobodyOwnsIsNotFoundHere(t *testing.T) {
	s := newSites(t)
	delete(s.owner, sessionID.Owner())
	asked := s.node("jodrell")
	asked.broker.holder = "bob"
	wantProblem(t, asked.get(on("")), http.StatusNotFound)
	wantProblem(t, asked.get("/sessions/x"), http.StatusBadRequest)
	assert.Equal(t, "alice", asked.asked().User)
}

func TestARequestIsNotPassedOnInCircles(t *testing.T) {
	s := newSites(t)
	jodrell, kth := s.node("jodrell"), s.node("kth")
	kth.server.Peers = elsewhere{kth.server.Peers, "jodrell"}
	p := wantProblem(t, jodrell.get(on("")), http.StatusLoopDetected)
	assert.Contains(t, p["detail"], "it has come through jodrell already")
	assert.True(t, jodrell.untouched() && kth.untouched())
}

// A request goes through four nodes at most, and back the same way; who it came through
// is what the nodes sign, and not what a client says.
func TestARequestGoesThroughFourNodesAtMost(t *testing.T) {
	s := newSites(t)
	chain := []identity.NodeName{"one", "two", "three", "four", "five", "six"}
	worlds, known := make([]*world, len(chain)), make([]Peers, len(chain))
	for i, name := range chain {
		worlds[i] = s.node(name)
		known[i] = worlds[i].server.Peers
	}
	leads := func(to int) { // each takes the next for the owner, up to this one
		for i, w := range worlds {
			w.server.Peers = elsewhere{known[i], chain[min(i+1, to)]}
			w.server.Authorizer = w.server.Peers
		}
	}
	forged := map[string]string{"Via": "1.1 two, 1.1 three, 1.1 four, 1.1 five, 1.1 six", "Starling-Assertion": "x", "Starling-Base": "https://evil.example"}
	for to := 1; to <= 4; to++ {
		leads(to)
		resp := worlds[0].do(call{path: on(""), header: forged})
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Contains(t, text(t, resp), `"url":"https://one.example`+on("")+`"`)
		assert.Equal(t, chain[:to], worlds[to].asked().Via)
		assert.Equal(t, "1.1 one", resp.Header.Get("Via"))
	}
	leads(5)
	p := wantProblem(t, worlds[0].do(call{path: on(""), header: forged}), http.StatusLoopDetected)
	assert.Contains(t, p["detail"], "it has come through 5 nodes, and may through 4")
	assert.True(t, worlds[5].untouched())
}

// elsewhere takes another node for the owner of everything.
type elsewhere struct {
	Peers
	node identity.NodeName
}

func (e elsewhere) Owner(identity.Tag) (identity.NodeName, bool) { return e.node, true }

// The owner says who may have a proposal charged.
func TestWhoPaysIsDecidedByTheOwner(t *testing.T) {
	asked, owner := pair(t)
	resp := asked.do(call{method: http.MethodPost, path: on(""), body: acceptUpdate, header: map[string]string{proposalHeader: "P-7"}})
	p := wantProblem(t, resp, http.StatusForbidden)
	assert.Equal(t, proposalHeader, p["field"])
	assert.Contains(t, owner.log.String(), "status=403")
}

func TestFewRequestsOfOneUserArePassedOnAtATime(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell", func(o *Options) { o.Limits.PassagesPerUser = 1 })
	owner := s.node("kth")
	owner.broker.live = make(chan node.Event)
	_, in := asked.stream(asked.serve(), on("/events"), nil)
	block(t, in)
	wantProblem(t, asked.get(on("")), http.StatusTooManyRequests)
	assert.Equal(t, http.StatusOK, asked.do(call{path: on(""), header: map[string]string{"Authorization": "Bearer bob"}}).StatusCode)
}

// A client that leaves takes its request with it.
func TestARequestEndsAtItsOwnerWhenTheClientLeaves(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell")
	entered, left := make(chan struct{}), make(chan struct{})
	s.listen("kth", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, asked.serve().URL+on(""), nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer alice")
	go func() {
		<-entered
		cancel()
	}()
	_, err = http.DefaultClient.Do(r)
	require.ErrorIs(t, err, context.Canceled)
	<-left
}

// Every operation on a thing with a UUID is either the owner's or any node's.
func TestEveryRouteIsPassedOnOrAnsweredByAnyNode(t *testing.T) {
	anywhere := []string{
		"GET /history/:ref", "GET /history/:ref/updates", // of the record
		"POST /history/:ref/corrections", "POST /history/:ref/refunds", "POST /history/:ref/discounts", // into the record
	}
	w := newWorld(t)
	for _, r := range w.server.routes() {
		about := strings.Contains(r.path, ":uuid") || strings.Contains(r.path, ":ref")
		parameter := ownedParameter(r.method, r.path)
		operation := r.method + " " + r.path
		switch {
		case !about:
			assert.Empty(t, parameter, operation)
		case slices.Contains(anywhere, operation):
			assert.Empty(t, parameter, operation)
		default:
			assert.Contains(t, r.path, ":"+parameter, "%s: is it for its owner (ownedParameter), or for any node?", operation)
			assert.NotEmpty(t, parameter, operation)
		}
	}
}
