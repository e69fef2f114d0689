package outbound

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/federation/address"
)

// The environment names a proxy, at which nobody is.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if os.Setenv(name, "http://127.0.0.1:1") != nil {
			os.Exit(2)
		}
	}
	goleak.VerifyTestMain(m)
}

// serve answers at an address of this machine, and returns its URL.
func serve(t *testing.T, host string, handler http.HandlerFunc) string {
	t.Helper()
	socket, err := net.Listen("tcp", host+":0")
	require.NoError(t, err)
	server := &httptest.Server{Listener: socket, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// get asks for a URL and returns the body of the answer.
func get(t *testing.T, o Options, url string, header ...string) (string, error) {
	t.Helper()
	client := New(o)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func refused(t *testing.T, err error, why string) {
	t.Helper()
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	assert.Contains(t, refusal.Error(), why)
}

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }

func allow(t *testing.T, texts ...string) address.Ranges {
	t.Helper()
	ranges, _, err := address.ParseRanges(texts)
	require.NoError(t, err)
	return ranges
}

// The node's own network, however its address is spelt, is the operator's to
// open.
func TestNoSpellingOfAnAddressLeadsInside(t *testing.T) {
	url := serve(t, "127.0.0.1", hello)
	port := url[strings.LastIndex(url, ":")+1:]
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1",
		"[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "0", "0.0.0.0", "[::]", "10.1.2.3", "192.168.0.1", "172.16.5.4", "100.64.0.1",
		"[fd00::1]", "[fec0::1]"} {
		_, err := get(t, Options{Connect: time.Second}, "http://"+host+":"+port+"/")
		require.Error(t, err, host)
		if unknown := new(net.DNSError); !errors.As(err, &unknown) { // the machine's resolver knows no such spelling
			refused(t, err, "")
		}
	}
	_, err := get(t, Options{}, url)
	refused(t, err, "outbound.allow")
	refused(t, err, "127.0.0.1:"+port+" is of the node's own machine or network")
	body, err := get(t, Options{Allow: allow(t, "127.0.0.1:"+port)}, url)
	require.NoError(t, err)
	assert.Equal(t, "hello", body)
	body, err = get(t, Options{AllowPrivate: true}, url)
	require.NoError(t, err)
	assert.Equal(t, "hello", body)
}

func TestJudgement(t *testing.T) {
	ranges := allow(t, "10.0.0.0/8:8080", "203.0.113.0/24:22", "169.254.0.0/16", "0.0.0.0/0:99", "[::]/0:99")
	for to, want := range map[string]string{ // by nobody's leave, by configuration or in development, not even then
		"192.0.2.1:80": "open", "192.0.2.1:443": "open", "192.0.2.1:8443": "open", "[2a00:1450::1]:443": "open", "[64:ff9b::c000:201]:443": "open",
		"192.0.2.1:25": "closed", "192.0.2.1:22": "closed", "203.0.113.9:22": "allow", "192.0.2.1:99": "allow",
		"10.1.2.3:8080": "allow dev", "10.1.2.3:8081": "dev", "127.0.0.1:8080": "dev", "[::1]:80": "dev", "[::ffff:10.1.2.3]:8080": "allow dev",
		"127.0.0.1:99": "allow", "127.0.0.1:25": "closed",
		"169.254.169.254:80": "closed", "[::ffff:169.254.169.254]:80": "closed", "[fe80::1%eth0]:80": "closed", "224.0.0.1:80": "closed",
		"0.0.0.0:99": "closed", "[::]:99": "closed", "[fd00:ec2::254]:99": "closed", "100.100.100.200:99": "closed", "[2002:7f00:1::]:99": "closed",
		"255.255.255.255:99": "closed", "240.0.0.1:99": "closed", "localhost:80": "closed", "": "closed",
	} {
		var got []string
		switch {
		case Options{}.judge(to) == nil:
			got = append(got, "open")
		default:
			if (Options{Allow: ranges}).judge(to) == nil {
				got = append(got, "allow")
			}
			if (Options{AllowPrivate: true}).judge(to) == nil {
				got = append(got, "dev")
			}
			if got == nil {
				got = append(got, "closed")
			}
		}
		assert.Equal(t, want, strings.Join(got, " "), to)
	}
}

// A name may stand for another address at the next question. There is none: the
// address that is judged is the one that is dialled.
func TestDNSThatChangesItsMindLeadsNowhere(t *testing.T) {
	var asked []string
	url := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { asked = append(asked, r.Host); hello(w, r) })
	port := netip.MustParseAddrPort(strings.TrimPrefix(url, "http://")).Port()
	inside, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	require.NoError(t, err)
	defer inside.Close()
	names := resolver(t, "127.0.0.1", "127.0.0.2")
	o := Options{Allow: allow(t, "127.0.0.1"), Resolver: names, Connect: time.Second}
	named := fmt.Sprintf("http://data.example:%d/", port)
	body, err := get(t, o, named)
	require.NoError(t, err)
	assert.Equal(t, "hello", body)
	_, err = get(t, o, named)
	refused(t, err, fmt.Sprintf("data.example:%d leads to 127.0.0.2:%d", port, port))
	assert.Len(t, asked, 1)
}

func TestARedirectLeadsNowhereElse(t *testing.T) {
	inside := serve(t, "127.0.0.2", hello)
	for to, why := range map[string]string{
		inside:                      "is of the node's own machine",
		"http://169.254.169.254/x":  "link-local",
		"file:///etc/passwd":        `"file"`,
		"gopher://127.0.0.1/x":      `"gopher"`,
		"http://me:secret@[::1]/x":  "user name",
		"http://[::ffff:7f00:2]/x":  "own machine",
		"http://[64:ff9b::a01:203]": "own machine",
		"http:///x":                 "names no host",
	} {
		url := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", to); w.WriteHeader(302) })
		_, err := get(t, Options{Allow: allow(t, "127.0.0.1"), Redirects: 5}, url)
		require.Error(t, err, to)
		refused(t, err, why)
	}
}

func TestRedirectsAreFew(t *testing.T) {
	n := 0
	url := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { n++; http.Redirect(w, r, "/", http.StatusFound) })
	_, err := get(t, Options{AllowPrivate: true, Redirects: 3}, url)
	refused(t, err, "redirects more than 3 times")
	assert.Equal(t, 4, n)
	_, err = get(t, Options{AllowPrivate: true}, url)
	refused(t, err, "redirects more than 0 times")
}

func TestHTTPSIsNotLeft(t *testing.T) {
	plain := serve(t, "127.0.0.1", hello)
	secure := httptest.NewTLSServer(http.RedirectHandler(plain, http.StatusFound))
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	_, err := get(t, Options{AllowPrivate: true, Redirects: 5, RootCAs: roots}, secure.URL)
	refused(t, err, `from https to "http"`)
	_, err = get(t, Options{AllowPrivate: true, HTTPS: true}, plain)
	refused(t, err, "use https")
}

func TestACertificateOfNobodyKnownIsRefused(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains
	secure.StartTLS()
	defer secure.Close()
	_, err := get(t, Options{AllowPrivate: true}, secure.URL)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
}

// What is for one origin is not for another, though it be another port of the
// same host, nor when the way leads back.
func TestCredentialsStayWithTheirOrigin(t *testing.T) {
	var seen []http.Header
	var first string
	other := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/again", http.StatusFound)
			return
		}
		http.Redirect(w, r, first+"/back", http.StatusFound)
	})
	first = serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		switch r.URL.Path {
		case "/start":
			http.Redirect(w, r, "/same", http.StatusFound)
		case "/same":
			http.Redirect(w, r, other+"/", http.StatusFound)
		case "/back":
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	})
	_, err := get(t, Options{AllowPrivate: true, Redirects: 9}, first+"/start?signature=secret", "Authorization", "Bearer secret", "Cookie", "a=secret")
	require.NoError(t, err)
	require.Len(t, seen, 6)
	for i, h := range seen {
		assert.Equal(t, i < 2, h.Get("Authorization") != "", "request %d", i)
		assert.Equal(t, i < 2, h.Get("Cookie") != "", "request %d", i)
		assert.Empty(t, h.Get("Referer"), "request %d", i)
	}
}

func TestABodyIsForNobodyElse(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		n := 0
		url := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { n++; http.Redirect(w, r, "/else", status) })
		client := New(Options{AllowPrivate: true, Redirects: 5})
		_, err := client.Post(url, "text/plain", strings.NewReader("refresh_token=secret"))
		client.CloseIdleConnections()
		refused(t, err, "redirects a POST")
		assert.Equal(t, 1, n, status)
	}
}

func TestUserInformationIsRefused(t *testing.T) {
	_, err := get(t, Options{AllowPrivate: true}, strings.Replace(serve(t, "127.0.0.1", hello), "://", "://broker.example@", 1))
	refused(t, err, "user name")
	assert.NotContains(t, err.(interface{ Unwrap() error }).Unwrap().Error(), "broker.example")
}

func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	port := strings.TrimPrefix(serve(t, "127.0.0.1", hello), "http://127.0.0.1")
	body, err := get(t, Options{AllowPrivate: true, Resolver: resolver(t, "127.0.0.1")}, "http://data.example"+port+"/")
	require.NoError(t, err)
	assert.Equal(t, "hello", body)
}

func TestAnswersAreBounded(t *testing.T) {
	long := strings.Repeat("x", 1000)
	announced := serve(t, "127.0.0.1", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, long) })
	endless := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			if _, err := io.WriteString(w, long); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	})
	for _, url := range []string{announced, endless} {
		body, err := get(t, Options{AllowPrivate: true, MaxBody: 999}, url)
		refused(t, err, "more than the 999 bytes")
		assert.LessOrEqual(t, len(body), 999)
	}
	body, err := get(t, Options{AllowPrivate: true, MaxBody: 1000}, announced)
	require.NoError(t, err)
	assert.Len(t, body, 1000)

	header := serve(t, "127.0.0.1", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100<<10)) })
	_, err = get(t, Options{AllowPrivate: true}, header)
	require.ErrorContains(t, err, "65536")
}

// A small answer that would be a large one is left as it is.
func TestNothingIsDecompressed(t *testing.T) {
	accepts := ""
	url := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		accepts = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "\x1f\x8b not really")
	})
	body, err := get(t, Options{AllowPrivate: true}, url)
	require.NoError(t, err)
	assert.Equal(t, "\x1f\x8b not really", body)
	assert.Empty(t, accepts)
}

func TestASilentServerIsGivenUp(t *testing.T) {
	silent := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	_, err := get(t, Options{AllowPrivate: true, Headers: 20 * time.Millisecond}, serve(t, "127.0.0.1", silent))
	require.ErrorContains(t, err, "timeout")
	_, err = get(t, Options{AllowPrivate: true, Whole: 50 * time.Millisecond}, serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		silent(w, r)
	}))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
