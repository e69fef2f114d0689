package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
	"starling/node/config"
)

// anybody is an authenticator that takes everybody: "lab" is an executor, and
// what begins with "via-" comes through that node.
type anybody struct{}

func (anybody) Authenticate(r *http.Request) (identity.Caller, error) {
	name, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	caller := identity.Caller{User: name, Roles: []identity.Role{identity.RoleUser}}
	if name == "" || name == "bad" {
		return identity.Caller{}, errNobody
	}
	if name == "lab" {
		caller.Roles = []identity.Role{identity.RoleExecutor}
	}
	if node, ok := strings.CutPrefix(name, "via-"); ok {
		caller.Via = []identity.NodeName{"first", identity.NodeName(node)}
	}
	return caller, nil
}

// throttledWorld answers ten requests at once of everybody, and one a second. Its
// clock stands still.
func throttledWorld(t *testing.T, change ...func(*Options)) (w *world, pass func(time.Duration)) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	w = newWorld(t, append([]func(*Options){func(o *Options) {
		o.Authenticator, o.Now = anybody{}, func() time.Time { return now }
		o.Limits.Rates = config.Rates{PerUser: 1, PerExecutor: 2, PerPeer: 3, PerAddress: 4, FailedLogins: 5, Burst: 10 * time.Second}
	}}, change...)...)
	return w, func(d time.Duration) { now = now.Add(d) }
}

// answered is how many requests in a row are answered before one is refused.
func (w *world) answered(c call) (n int) {
	w.Helper()
	for range 100 {
		if w.do(c).StatusCode == http.StatusTooManyRequests {
			return n
		}
		n++
	}
	return n
}

func as(name string) call {
	return call{path: "/sessions", header: map[string]string{"Authorization": "Bearer " + name}}
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	w, pass := throttledWorld(t)
	assert.Equal(t, 10, w.answered(as("alice")))
	resp := w.do(as("alice"))
	p := wantProblem(t, resp, http.StatusTooManyRequests)
	assert.Contains(t, p["detail"], "at most 1 a second")
	assert.Equal(t, "1", resp.Header.Get("Retry-After"))
	assert.Equal(t, `"user";r=0;t=1`, resp.Header.Get("RateLimit"))
	assert.Equal(t, `"user";q=10;w=10`, resp.Header.Get("RateLimit-Policy"))
	assert.NotContains(t, w.log.String(), "level=INFO", "who runs wild doesn't fill the log")
	assert.Equal(t, 10, w.answered(as("bob")))
	pass(2 * time.Second)
	assert.Equal(t, 2, w.answered(as("alice")))
	assert.Equal(t, 10, w.answered(call{path: on("/connect/lab/x"), header: as("alice").header}), "her notebook counts by itself")
	assert.Equal(t, 20, w.answered(as("lab")), "an executor works for many")
	assert.Equal(t, 30, w.answered(as("via-kth")))
	assert.Equal(t, 30, w.answered(as("via-jodrell")), "each node by itself")
	assert.Equal(t, 1.0, metricOf(t, w, `starling_http_throttled_total{by="executor"}`))
}

func metricOf(t *testing.T, w *world, series string) float64 {
	t.Helper()
	families, err := w.server.Gatherer.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += fmt.Sprintf("%s=%q", l.GetName(), l.GetValue())
			}
			if family.GetName()+"{"+labels+"}" == series {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s", series)
	return 0
}

// A header says nothing of where a request comes from, unless a proxy that is
// configured has set it.
func TestForgedForwardingChangesNoCount(t *testing.T) {
	w, _ := throttledWorld(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} })
	from := func(address string, forwarded int) call {
		return call{path: "/availability", stranger: true, from: address, header: map[string]string{
			"X-Forwarded-For": fmt.Sprintf("198.51.100.%d", forwarded), "X-Real-IP": fmt.Sprintf("198.51.100.%d", forwarded),
			"Forwarded": fmt.Sprintf("for=198.51.100.%d", forwarded),
		}}
	}
	refused := 0
	for i := range 60 {
		if w.do(from("203.0.113.7:99", i)).StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	assert.Equal(t, 20, refused, "the peer of the connection counts")
	for i := range 60 {
		require.Equal(t, http.StatusOK, w.do(from("10.1.2.3:99", i)).StatusCode, "behind the proxy each counts by itself")
	}
	mixed := from("10.1.2.3:99", 1)
	for i := range 60 { // the client may put whatever it likes before what the proxy says
		mixed.header["X-Forwarded-For"] = fmt.Sprintf("192.0.2.%d, 203.0.113.7", i)
		require.Equal(t, http.StatusTooManyRequests, w.do(mixed).StatusCode)
	}
}

func TestAnIPv6SenderIsANetwork(t *testing.T) {
	w, _ := throttledWorld(t)
	refused := 0
	for i := range 60 {
		if w.do(call{path: "/availability", stranger: true, from: fmt.Sprintf("[2001:db8::%x:1]:99", i)}).StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	assert.Equal(t, 20, refused)
	assert.Equal(t, 40, w.answered(call{path: "/availability", stranger: true, from: "[2001:db8:0:1::1]:99"}))
}

// Promise 8: nobody guesses fast, and nobody is kept out by a neighbour who does.
func TestPromise8BadTokensAreFewAndGoodOnesAnsweredAllTheWhile(t *testing.T) {
	w, pass := throttledWorld(t)
	bad := as("bad")
	assert.Equal(t, 5, w.answered(bad))
	resp := w.do(bad)
	wantProblem(t, resp, http.StatusTooManyRequests)
	assert.Equal(t, "12", resp.Header.Get("Retry-After"))
	assert.Equal(t, http.StatusOK, w.do(as("alice")).StatusCode, "a good token behind the same address")
	assert.Equal(t, http.StatusOK, w.do(call{path: "/availability", stranger: true}).StatusCode)
	elsewhere := bad
	elsewhere.from = "198.51.100.1:9"
	assert.Equal(t, 5, w.answered(elsewhere))
	pass(12 * time.Second)
	assert.Equal(t, 1, w.answered(bad))
}

func TestStrangersUseUpNobodysQuota(t *testing.T) {
	w, _ := throttledWorld(t)
	assert.Equal(t, 40, w.answered(call{path: "/sessions", stranger: true}))
	assert.Equal(t, 0, w.answered(call{path: "/openapi.yaml", stranger: true}))
	assert.Equal(t, 100, w.answered(call{path: "/healthz", stranger: true}))
	assert.Equal(t, 100, w.answered(call{path: "/readyz", stranger: true}))
	assert.Equal(t, 10, w.answered(as("alice")))
}

func TestTheNodesOwnProgramsAreNotCounted(t *testing.T) {
	w, _ := throttledWorld(t)
	client := http.Client{Transport: w.server.Local(identity.Caller{User: "kth", Roles: []identity.Role{identity.RoleBuiltIn}})}
	for range 100 {
		resp, err := client.Get("http://node/sessions")
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
}
