package relay

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func route(path string) Route {
	return Route{
		Scheme: "http", To: netip.MustParseAddrPort("172.18.0.2:8888"), Path: path,
		Origin: "https://broker.example", Prefix: "/sessions/u/connect/lab/",
		PrivateCookie: func(name string) bool { return name == "ours" },
		PrivateHeader: func(name string) bool { return strings.HasPrefix(name, "Starling-") },
	}
}

const aware = "/sessions/u/connect/lab/"

func TestLocationsLeadThroughThePrefix(t *testing.T) {
	for _, c := range [][3]string{ // path at the origin, what the program says, what the client hears
		{"/", "/lab", "/sessions/u/connect/lab/lab"},
		{"/", "/lab/?a=b#c", "/sessions/u/connect/lab/lab/?a=b#c"},
		{"/", "/", "/sessions/u/connect/lab/"},
		{"/", "lab", "lab"},
		{"/", "?a=b", "?a=b"},
		{"/", "http://172.18.0.2:8888/x%2Fy", "/sessions/u/connect/lab/x%2Fy"},
		{"/", "http://172.18.0.2:8888", "/sessions/u/connect/lab/"},
		{"/", "//172.18.0.2:8888/x", "/sessions/u/connect/lab/x"},
		{"/", "http://172.18.0.2:9999/x", "http://172.18.0.2:9999/x"},
		{"/", "https://login.example/x", "https://login.example/x"},
		{"/", "//evil.example/x", "//evil.example/x"},
		{"/", "///evil.example/x", "/sessions/u/connect/lab/evil.example/x"},
		{"/app/", "/app/x", "/sessions/u/connect/lab/x"},
		{"/app/", "/app", "/sessions/u/connect/lab/"},
		{"/app/", "/login", "/sessions/u/connect/lab/"},
		{aware, "/sessions/u/connect/lab/tree", "/sessions/u/connect/lab/tree"},
	} {
		assert.Equal(t, c[2], route(c[0]).location(c[1]), "%v", c)
	}
}

func TestCookiesOfAProgramStayBelowItsPrefix(t *testing.T) {
	resp := &http.Response{Header: http.Header{"Set-Cookie": {
		"a=1; Path=/; Domain=broker.example; HttpOnly", "b=2", "c=3; Path=/app/x; Secure", "d=4; Path=/sessions/v/connect/lab/", "ours=5; Path=/app/",
		"e=6; Path=/sessions/u/connect/lab/x",
	}}}
	route("/app/").setCookies(resp)
	assert.Equal(t, []string{
		"a=1; Path=/sessions/u/connect/lab/; HttpOnly", "b=2; Path=/sessions/u/connect/lab/", "c=3; Path=/sessions/u/connect/lab/x; Secure",
		"d=4; Path=/sessions/u/connect/lab/", "e=6; Path=/sessions/u/connect/lab/x",
	}, resp.Header["Set-Cookie"])
}

func TestOurCookiesAreNotPassedOn(t *testing.T) {
	r := route("/")
	assert.Equal(t, "a=1; b=\"x y\"; c", r.cookies(`a=1; ours=secret; b="x y";; c; ours=other`))
	assert.Equal(t, "", r.cookies("ours=secret"))
	assert.Equal(t, "", r.cookies(" ours =secret"))
}

func TestTheProgramSeesItsOwnOrigin(t *testing.T) {
	for _, c := range [][2]string{
		{"https://broker.example", "http://172.18.0.2:8888"},
		{"https://broker.example/sessions/u/connect/lab/x?y", "http://172.18.0.2:8888/app/x?y"},
		{"https://broker.example/sessions/v/connect/lab/x", ""},
		{"https://broker.example.evil.example/", "https://broker.example.evil.example/"},
		{"https://elsewhere.example/x", "https://elsewhere.example/x"},
	} {
		h := http.Header{"Referer": {c[0]}}
		route("/app/").translate(h, "Referer")
		assert.Equal(t, c[1], h.Get("Referer"), c[0])
	}
}

// What is dialled is where the connector leads, whatever the URL says.
func TestNothingElseIsDialled(t *testing.T) {
	for _, to := range []string{"169.254.169.254:80", "0.0.0.0:80", "[::ffff:169.254.169.254]:80", "[fe80::1]:80"} {
		var failed error
		r := route("/")
		r.To = netip.MustParseAddrPort(to)
		r.Failed = func(err error) { failed = err }
		Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil), r, Limits{Dial: time.Minute})
		assert.ErrorContains(t, failed, "is not where this connector leads", to)
	}
}

func TestASilentConnectionEnds(t *testing.T) {
	ended := make(chan error, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		<-ended // it says nothing as long as we wait
	}()
	r := route("/")
	r.To = listener.Addr().(*net.TCPAddr).AddrPort()
	var failed error
	r.Failed = func(err error) { failed = err }
	Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil), r, Limits{Idle: 50 * time.Millisecond})
	close(ended)
	<-served
	var timeout net.Error
	require.True(t, errors.As(failed, &timeout), "%v", failed)
	assert.True(t, timeout.Timeout())
}

// A path that a program names in a Location is put below the prefix, and never
// becomes another host.
func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"/lab", "//x/y", "http://172.18.0.2:8888/x", "/app/../../x", "\\\\x", "https://broker.example/sessions"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://pages.example/sessions/u/connect/lab/a/b")
	f.Fuzz(func(t *testing.T, text string) {
		for _, path := range []string{"/", "/app/", aware} {
			said, err := url.Parse(text)
			if err != nil || said.Host != "" || said.Scheme != "" || !strings.HasPrefix(said.Path, "/") {
				continue
			}
			got, err := url.Parse(route(path).location(text))
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(got.Path, route(path).Prefix), "%q: %q", text, got)
			assert.Equal(t, base.Host, base.ResolveReference(got).Host, "%q: %q", text, got)
		}
	})
}
