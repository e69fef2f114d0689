package line

import (
	"context"
	"crypto"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRaftAndRequestsGoOverOnePort(t *testing.T) {
	both(t, func(w world) {
		a, b := w.port("a", "f"), w.port("b", "f")
		w.echo(b)
		b.Serve(greet)

		conn, err := a.Stream().Dial("b", b.Addr(), soon)
		require.NoError(w, err)
		got, err := exchange(conn, "append these")
		require.NoError(w, err)
		assert.Equal(w, "append these", got)

		got, err = w.get(a.Client(at(map[string]string{"b": b.Addr()})), "http://b/peer/x")
		require.NoError(w, err)
		assert.Equal(w, "hello a, of /peer/x", got)
		require.NoError(w, conn.Close())
		assert.NoError(w, conn.Close(), "twice")
	})
}

func TestConnectionsAreKeptForTheNextRequest(t *testing.T) {
	w := private(t)
	a, b := w.port("a", "f"), w.port("b", "f")
	b.Serve(greet)
	client := a.Client(at(map[string]string{"b": b.Addr()}))
	for range 20 {
		_, err := w.get(client, "http://b/peer/x")
		require.NoError(t, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	assert.Len(t, a.open, 1)
}

func TestRaftsAddressIsTheAdvertisedOne(t *testing.T) {
	w := private(t)
	a := w.port("a", "f", func(o *Options) { o.Listen, o.Advertise = "0.0.0.0:0", "a.example.org:0" })
	assert.Equal(t, a.Addr(), a.Stream().Addr().String())
	assert.Regexp(t, `^a\.example\.org:[1-9]\d*$`, a.Addr())
}

func TestAddressesThatWontDoAreRefused(t *testing.T) {
	w := private(t)
	credentials := w.ca.Credentials(t, "a")
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"wildcard":               {Options{Listen: "0.0.0.0:0", Credentials: credentials}, "--raft-advertise HOST:PORT"},
		"wildcard advertised":    {Options{Listen: "127.0.0.1:0", Advertise: "[::]:1", Credentials: credentials}, "nobody can call that"},
		"no port advertised":     {Options{Listen: "127.0.0.1:0", Advertise: "here", Credentials: credentials}, "want HOST:PORT"},
		"no host advertised":     {Options{Listen: "127.0.0.1:0", Advertise: ":1", Credentials: credentials}, "want HOST:PORT"},
		"dev beyond loopback":    {Options{Listen: "0.0.0.0:0"}, "only a loopback address will do"},
		"dev with a name":        {Options{Listen: "example.org:0"}, "only a loopback address will do"},
		"dev without a port":     {Options{Listen: "127.0.0.1"}, "want HOST:PORT"},
		"another's credentials":  {Options{Node: "b", Listen: "127.0.0.1:0", Credentials: credentials}, "the credentials are of a, this node is b"},
		"no name":                {Options{Node: "A b", Listen: "127.0.0.1:0"}, "node name"},
		"an address that is not": {Options{Listen: "192.0.2.1:0", Credentials: credentials}, "listen for other nodes on 192.0.2.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.options.Node == "" {
				c.options.Node = "a"
			}
			c.options.Federation = func() string { return "f" }
			_, err := Listen(t.Context(), c.options)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// A node with --dev believes every name, and so must not be led elsewhere.
func TestADevelopmentNodeCallsLoopbackOnly(t *testing.T) {
	_, err := dev(t).port("a", "f").Stream().Dial("b", "192.0.2.1:7001", soon)
	assert.ErrorIs(t, err, errNotLoopback)
}

func TestCloseEndsAllConnectionsAndWaitsForHandlers(t *testing.T) {
	both(t, func(w world) {
		a, b := w.port("a", "f"), w.port("b", "f")
		w.echo(b)
		entered, ended := make(chan struct{}), false
		b.Serve(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
			close(entered)
			<-request.Context().Done()
			ended = true
		}))
		conn, err := a.Stream().Dial("b", b.Addr(), soon)
		require.NoError(w, err)
		result := make(chan error, 1)
		go func() {
			_, err := w.get(a.Client(at(map[string]string{"b": b.Addr()})), "http://b/peer/x")
			result <- err
		}()
		<-entered
		require.NoError(w, b.Close())
		assert.True(w, ended, "Close waits for it")
		assert.Error(w, <-result)
		_, err = conn.Read(make([]byte, 1))
		assert.Error(w, err)
		require.NoError(w, b.Close())

		_, err = b.Stream().Dial("a", a.Addr(), soon)
		assert.ErrorIs(w, err, net.ErrClosed)
		_, err = b.Stream().Accept()
		assert.ErrorIs(w, err, net.ErrClosed)
	})
}

// Raft's transport closes its stream when raft ends; requests go on.
func TestAStreamThatIsClosedRefusesAndLeavesRequestsAlone(t *testing.T) {
	both(t, func(w world) {
		a, b := w.port("a", "f"), w.port("b", "f")
		require.NoError(w, b.Stream().Close())
		_, err := a.Stream().Dial("b", b.Addr(), soon)
		w.refused(err, ReasonBusy, "b is starting or stopping, and takes no raft connection")

		client := a.Client(at(map[string]string{"b": b.Addr()}))
		_, err = w.get(client, "http://b/peer/x")
		w.refused(err, ReasonBusy, "takes no http connection")
		b.Serve(greet)
		_, err = w.get(client, "http://b/peer/x")
		assert.NoError(w, err)
	})
}

func TestClientsReachNodesAndNothingElse(t *testing.T) {
	both(t, func(w world) {
		a, b := w.port("a", "f"), w.port("b", "f")
		asked := 0
		b.Serve(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			asked++
			http.Redirect(answer, request, "http://c/peer/y", http.StatusTemporaryRedirect)
		}))
		client := a.Client(at(map[string]string{"b": b.Addr()}))
		for url, want := range map[string]string{
			"http://c/peer/x":           "no node of this name is known",
			"http://" + b.Addr() + "/x": "no node of this name is known",
			"https://b/peer/x":          "requests to nodes are written http://NODE/",
		} {
			_, err := w.get(client, url)
			assert.ErrorContains(w, err, want)
		}
		got, err := w.get(client, "http://b/peer/x")
		require.NoError(w, err)
		assert.Contains(w, got, "http://c/peer/y", "the redirect itself")
		assert.Equal(w, 1, asked)
	})
}

func TestRequestsWithLargeHeadersAreRefused(t *testing.T) {
	w := private(t)
	a, b := w.port("a", "f"), w.port("b", "f")
	b.Serve(greet)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://b/peer/x", nil)
	require.NoError(t, err)
	request.Header.Set("X", strings.Repeat("x", 100<<10))
	answer, err := a.Client(at(map[string]string{"b": b.Addr()})).Do(request)
	if err == nil { // else the connection was reset before the answer was read
		assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
	}
}

func TestACallThatIsGivenUpEnds(t *testing.T) {
	both(t, func(w world) {
		deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes calls and says nothing
		require.NoError(w, err)
		defer deaf.Close()
		a := w.port("a", "f")
		_, err = a.Stream().Dial("b", deaf.Addr().String(), 50e6)
		assert.ErrorContains(w, err, "call b at "+deaf.Addr().String())

		ctx, cancel := context.WithCancel(w.Context())
		result := make(chan error, 1)
		go func() {
			_, err := a.dial(ctx, protocolHTTP, "b", deaf.Addr().String())
			result <- err
		}()
		cancel()
		assert.Error(w, <-result)

		go func() {
			_, err := a.Stream().Dial("b", deaf.Addr().String(), soon)
			result <- err
		}()
		require.NoError(w, a.Close())
		assert.Error(w, <-result)
	})
}

// refused checks that an error is the other node's refusal, in its words.
func (w world) refused(err error, reason Reason, words string) {
	w.Helper()
	var refused *Refused
	if assert.ErrorAs(w, err, &refused) {
		assert.Equal(w, reason, refused.Reason)
		assert.ErrorContains(w, err, refused.Node+" at "+refused.Address+" refuses: ")
		assert.ErrorContains(w, err, words)
	}
}

// The key that a connection proves is the one that the caller has now: what it
// signs is checked by it.
func TestAPeersKeyIsTheOneOfItsCertificate(t *testing.T) {
	w := private(t)
	credentials := w.ca.Credentials(t, "a")
	a, b := w.port("a", "f", func(o *Options) { o.Credentials = credentials }), w.port("b", "f")
	shown := make(chan crypto.PublicKey, 1)
	b.Serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown <- KeyOf(r.Context()) }))
	client := a.Client(at(map[string]string{"b": b.Addr()}))
	asks := func() {
		_, err := w.get(client, "http://b/peer/x")
		require.NoError(t, err)
		assert.Equal(t, credentials.Key().Public(), <-shown)
	}
	asks()
	w.ca.Files(t, "a")
	require.NoError(t, credentials.Reload())
	asks()
	assert.Nil(t, KeyOf(t.Context()), "what is nobody's request has none")
}

func TestInDevelopmentNobodyProvesAnything(t *testing.T) {
	w := dev(t)
	a, b := w.port("a", "f"), w.port("b", "f")
	b.Serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { assert.Nil(t, KeyOf(r.Context())) }))
	_, err := w.get(a.Client(at(map[string]string{"b": b.Addr()})), "http://b/peer/x")
	require.NoError(t, err)
}
