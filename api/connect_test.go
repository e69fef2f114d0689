package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
)

// nowhere is a connector to a port at which nobody listens.
func nowhere(f *fake) {
	f.target = node.Target{Scheme: "http", To: netip.MustParseAddrPort("127.0.0.1:1"), Path: "/"}
}

// program is what runs in a session: it tells what it was asked, echoes over
// WebSockets, streams, and misbehaves.
func program(t *testing.T, to *node.Target) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ws":
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Origin: %s\r\n\r\n", r.Header.Get("Origin"))
			_, _ = io.Copy(conn, buffered)
		case "/stream":
			fmt.Fprintln(w, "first")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/hints":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "page")
		case "/redirect":
			http.Redirect(w, r, "/lab?a=b", http.StatusFound)
		case "/bad":
			w.Header().Set("Set-Cookie", "starling-connect=stolen; Path=/")
			w.Header().Add("Set-Cookie", "mine=1; Path=/; Domain=example.org")
			w.Header().Set("Service-Worker-Allowed", "/")
			w.Header().Set("Strict-Transport-Security", "max-age=1")
			w.Header().Set("Starling-Reasons", "none")
		default:
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s\n", r.Method, r.RequestURI, body)
			_ = r.Header.Write(w)
		}
	}))
	t.Cleanup(server.Close)
	*to = node.Target{Scheme: "http", To: netip.MustParseAddrPort(server.Listener.Addr().String()), Path: "/"}
}

// connected is a server on a port before a fake broker whose connectors lead to
// a program.
func connected(t *testing.T, change ...func(*Options)) (*world, string) {
	t.Helper()
	w := newWorld(t, change...)
	program(t, &w.broker.target)
	w.broker.holder = "alice"
	listener := listening(t, w.server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, listener.Shutdown(ctx))
	})
	return w, "http://" + listener.Addr().String()
}

// fetch is one request by a client that follows no redirects.
func fetch(t *testing.T, method, url, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

const byAlice = "Bearer alice"

func TestAConnectorLeadsToTheProgramWithoutOurSecrets(t *testing.T) {
	w, url := connected(t)
	resp := fetch(t, "POST", url+on("/connect/lab/a%2Fb/?x=%zz;y"), "hello",
		"Authorization", byAlice, "Cookie", "theirs=1; starling-connect=x; __Secure-starling-connect=y", "Starling-Proposal", "",
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Prefix", "/evil", "X-Real-Ip", "6.6.6.6", "Origin", testBase, "Referer", testBase+on("/connect/lab/"))
	require.Equal(t, 200, resp.StatusCode)
	seen := text(t, resp)
	assert.Contains(t, seen, "POST /a%2Fb/?x=%zz;y hello\n")
	assert.Contains(t, seen, "Cookie: theirs=1\r\n")
	origin := "http://" + w.broker.target.To.String()
	for _, want := range []string{"X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Host: broker.example\r\n", "X-Forwarded-Proto: https\r\n",
		"X-Forwarded-Prefix: " + on("/connect/lab") + "\r\n", "Origin: " + origin + "\r\n", "Referer: " + origin + "/\r\n"} {
		assert.Contains(t, seen, want)
	}
	for _, secret := range []string{"alice", "starling", "6.6.6.6", "evil"} {
		assert.NotContains(t, strings.ReplaceAll(seen, on("/connect/lab"), ""), secret)
	}
}

func TestAnswersOfAProgramStayBelowItsPrefix(t *testing.T) {
	_, url := connected(t)
	resp := fetch(t, "GET", url+on("/connect/lab/redirect"), "", "Authorization", byAlice)
	assert.Equal(t, 302, resp.StatusCode, "redirects are the client's to follow")
	assert.Equal(t, on("/connect/lab/lab?a=b"), resp.Header.Get("Location"))
	resp = fetch(t, "GET", url+on("/connect/lab/bad"), "", "Authorization", byAlice)
	assert.Equal(t, []string{"mine=1; Path=" + on("/connect/lab/")}, resp.Header["Set-Cookie"])
	for _, name := range []string{"Service-Worker-Allowed", "Starling-Reasons"} {
		assert.Empty(t, resp.Header[name], name)
	}
	assert.Equal(t, []string{strictTransport}, resp.Header["Strict-Transport-Security"], "the node's own")
	assert.Equal(t, []string{pagePolicy}, resp.Header["Content-Security-Policy"])
	resp = fetch(t, "GET", url+on("/connect/lab?a=b"), "", "Authorization", byAlice)
	assert.Equal(t, 308, resp.StatusCode)
	assert.Equal(t, testBase+on("/connect/lab/?a=b"), resp.Header.Get("Location"))
	resp = fetch(t, "GET", url+on("/connect/lab/hints"), "", "Authorization", byAlice)
	assert.Equal(t, "page", text(t, resp))
}

func TestStreamsOfAProgramComeAtOnceAndEndWithTheServer(t *testing.T) {
	w, url := connected(t)
	resp := fetch(t, "GET", url+on("/connect/lab/stream"), "", "Authorization", byAlice)
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "first\n", line, "while the program goes on")
	w.server.EndStreams()
	_, err = io.ReadAll(resp.Body)
	assert.Error(t, err, "half an answer must not look whole")
	eventually(t, func() bool { return w.server.connections.open() == 0 })
}

// socket opens a WebSocket as far as HTTP goes, and returns the answer.
func socket(t *testing.T, url, path string, header ...string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	lines := "GET " + path + " HTTP/1.1\r\nHost: broker.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	for i := 0; i < len(header); i += 2 {
		lines += header[i] + ": " + header[i+1] + "\r\n"
	}
	_, err = io.WriteString(conn, lines+"\r\n")
	require.NoError(t, err)
	from := bufio.NewReader(conn)
	resp, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	return conn, from, resp
}

func echoes(t *testing.T, conn io.Writer, from *bufio.Reader, line string) {
	t.Helper()
	_, err := io.WriteString(conn, line+"\n")
	require.NoError(t, err)
	got, err := from.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, line+"\n", got)
}

func TestWebSocketsAreLedThroughUntilTheConnectorCloses(t *testing.T) {
	w, url := connected(t)
	closed := make(chan struct{})
	w.broker.target.Done = closed
	conn, from, resp := socket(t, url, on("/connect/lab/ws"), "Authorization", byAlice, "Origin", testBase)
	require.Equal(t, 101, resp.StatusCode)
	assert.Equal(t, "http://"+w.broker.target.To.String(), resp.Header.Get("X-Origin"), "the program takes it for its own page's")
	echoes(t, conn, from, "hello")
	echoes(t, conn, from, "again")
	close(closed)
	_, err := from.ReadString('\n')
	assert.Error(t, err, "the end of the attempt cuts it")
	eventually(t, func() bool { return w.server.connections.open() == 0 })
}

func TestPagesOfOtherOriginsCanNotTalkToAProgram(t *testing.T) {
	_, url := connected(t, func(o *Options) { o.Authenticator = names{dev: true}; o.PagesURL = "https://pages.example" })
	for _, origin := range []string{"https://evil.example", "null", "https://broker.example.evil.example", "http://broker.example"} {
		_, _, resp := socket(t, url, on("/connect/lab/ws"), "Origin", origin)
		assert.Equal(t, 403, resp.StatusCode, origin)
		assert.Equal(t, 403, fetch(t, "POST", url+on("/connect/lab/x"), "", "Origin", origin).StatusCode, origin)
	}
	for _, origin := range []string{testBase, "https://pages.example"} {
		_, _, resp := socket(t, url, on("/connect/lab/ws"), "Origin", origin)
		assert.Equal(t, 101, resp.StatusCode, origin)
	}
	assert.Equal(t, 403, fetch(t, "GET", url+on("/connect/lab/x"), "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors").StatusCode)
	assert.Equal(t, 200, fetch(t, "GET", url+on("/connect/lab/x"), "", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors").StatusCode)
}

func TestOnlyTheOwnerConnects(t *testing.T) {
	_, url := connected(t)
	assert.Equal(t, 404, fetch(t, "GET", url+on("/connect/lab/"), "", "Authorization", "Bearer bob").StatusCode)
	assert.Equal(t, 404, fetch(t, "POST", url+on("/links/lab"), "", "Authorization", "Bearer bob").StatusCode)
	assert.Equal(t, 401, fetch(t, "GET", url+on("/connect/lab/"), "").StatusCode)
	assert.Equal(t, 401, fetch(t, "POST", url+on("/links/lab"), "").StatusCode)
	assert.Equal(t, 401, fetch(t, "GET", url+on("/connect/lab/"), "", "Cookie", "starling-connect=guess").StatusCode)
}

func TestAnUnreachableProgramIs502(t *testing.T) {
	w, url := connected(t)
	nowhere(w.broker)
	resp := fetch(t, "GET", url+on("/connect/lab/"), "", "Authorization", byAlice)
	wantProblem(t, resp, http.StatusBadGateway)
	guarded(t, resp.Header, "a failure of ours, not the program's")
}

func TestConnectionsOfAUserAreBounded(t *testing.T) {
	_, url := connected(t, func(o *Options) { o.Limits.ConnectionsPerUser = 1 })
	conn, from, resp := socket(t, url, on("/connect/lab/ws"), "Authorization", byAlice)
	require.Equal(t, 101, resp.StatusCode)
	assert.Equal(t, 429, fetch(t, "GET", url+on("/connect/lab/x"), "", "Authorization", byAlice).StatusCode)
	echoes(t, conn, from, "still there")
}

func TestALinkLetsABrowserIn(t *testing.T) {
	w, url := connected(t)
	w.broker.grant = "the-grant"
	link := object(t, fetch(t, "POST", url+on("/links/lab"), "", "Authorization", byAlice))
	assert.Equal(t, testBase+on("/links/lab/secret"), link["url"])
	assert.Equal(t, true, link["sandboxed"])

	assert.Equal(t, 204, fetch(t, "HEAD", url+on("/links/lab/secret"), "").StatusCode, "previews don't enter")
	resp := fetch(t, "GET", url+on("/links/lab/secret"), "")
	assert.Equal(t, 303, resp.StatusCode)
	assert.Equal(t, testBase+on("/connect/lab/"), resp.Header.Get("Location"))
	assert.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	assert.Equal(t, "__Secure-starling-connect=the-grant; Path="+on("/connect/lab/")+"; HttpOnly; Secure; SameSite=Lax", resp.Header.Get("Set-Cookie"))
	assert.Equal(t, 410, fetch(t, "GET", url+on("/links/lab/other"), "").StatusCode)

	seen := text(t, fetch(t, "GET", url+on("/connect/lab/x"), "", "Cookie", "a=b; __Secure-starling-connect=wrong; __Secure-starling-connect=the-grant",
		"Authorization", "token notebook's"))
	assert.Contains(t, seen, "GET /x ")
	assert.Contains(t, seen, "Cookie: a=b\r\n")
	assert.Contains(t, seen, "Authorization: token notebook's\r\n", "with a grant, this is the program's own")
	seen = text(t, fetch(t, "GET", url+on("/connect/lab/x"), "", "Cookie", "__Secure-starling-connect=the-grant", "Authorization", byAlice))
	assert.NotContains(t, seen, "alice", "but never a token that may be ours")
	assert.Equal(t, 401, fetch(t, "GET", url+on(""), "", "Cookie", "__Secure-starling-connect=the-grant").StatusCode, "the API doesn't know it")
}

func TestPagesHaveAHostOfTheirOwn(t *testing.T) {
	pagesOf := func(own string, dev bool) (*world, string) {
		return connected(t, func(o *Options) { o.PagesURL, o.Authenticator = own, names{dev: dev} })
	}
	own := "https://" + sessionID.String() + ".pages.example"
	w, url := pagesOf("https://*.pages.example", false)
	w.broker.grant = "the-grant"
	link := object(t, fetch(t, "POST", url+on("/links/lab"), "", "Authorization", byAlice))
	assert.Equal(t, own+on("/links/lab/secret"), link["url"])
	assert.NotContains(t, link, "sandboxed")

	at := func(host, path string, header ...string) *http.Response {
		r := call{path: path, host: host, stranger: true}.request()
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, r)
		return recorder.Result()
	}
	host := sessionID.String() + ".pages.example"
	assert.Equal(t, own+on("/connect/lab/"), at(host, on("/links/lab/secret")).Header.Get("Location"))
	cookie := []string{"Cookie", "__Secure-starling-connect=the-grant"}
	page := at(host, on("/connect/lab/x"), cookie...)
	assert.Equal(t, 200, page.StatusCode)
	assert.Empty(t, page.Header["Content-Security-Policy"], "at home a page may do as it likes")
	for _, elsewhere := range []string{"broker.example", "other.pages.example", "pages.example"} {
		assert.Equal(t, []string{pagePolicy}, at(elsewhere, on("/connect/lab/x"), cookie...).Header["Content-Security-Policy"], elsewhere)
	}

	// The API isn't to be had by a page there, not even in development.
	w, _ = pagesOf("https://pages.example", true)
	for _, mark := range []string{"Sec-Fetch-Site", "Origin", "Cookie"} {
		assert.Equal(t, 421, at("pages.example", "/sessions", mark, "same-origin").StatusCode, mark)
	}
	assert.Equal(t, 200, at("broker.example", "/sessions", "Sec-Fetch-Site", "same-origin").StatusCode)
	assert.Equal(t, 200, at("broker.example", on("/connect/lab/x"), "Sec-Fetch-Mode", "navigate").StatusCode)
	w.server.Dev = true
	moved := at("localhost", on("/connect/lab/x?y"), "Sec-Fetch-Mode", "navigate")
	assert.Equal(t, 307, moved.StatusCode)
	assert.Equal(t, "https://pages.example"+on("/connect/lab/x?y"), moved.Header.Get("Location"))
	assert.Equal(t, 200, at("pages.example:443", "/sessions").StatusCode, "programs with no browser's mark may as well")
}

// worker is an executor of a real broker's, as its program.
func worker(t *testing.T, broker *node.Broker, origin string) *despatch.Despatch {
	t.Helper()
	builtIn := identity.Caller{User: "kth", Roles: []identity.Role{identity.RoleBuiltIn}}
	registered, _, err := broker.Register(t.Context(), builtIn, despatch.Registration{
		Name: "docker", Kinds: []string{ivoa.KindDockerContainer}, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
		Origins: []string{"127.0.0.0/8"},
	})
	require.NoError(t, err)
	alice := identity.Caller{User: "alice", Roles: []identity.Role{identity.RoleUser}}
	var request ivoa.ExecutionRequest
	_, err = ivoa.Decode(ivoa.JSON, []byte(sampleRequest), ivoa.DefaultLimits(), &request)
	require.NoError(t, err)
	offers, err := broker.Ask(t.Context(), alice, &request, nil, node.Asking{})
	require.NoError(t, err)
	_, err = broker.Update(t.Context(), alice, mustUUID(offers.Offers[0].UUID()), ivoa.SetPhase(ivoa.SessionAccepted), "")
	require.NoError(t, err)
	d, _, err := broker.Despatch(t.Context(), builtIn, mustUUID(registered.UUID), time.Minute)
	require.NoError(t, err)
	require.NotNil(t, d)
	_, err = broker.Report(t.Context(), builtIn, mustUUID(d.HistoryRef), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
		{Key: "run", Type: despatch.ActionStarted, Action: "run", Time: noonUTC},
		{Key: "lab", Type: despatch.ConnectorOpened, Time: noonUTC, Connector: &despatch.Connector{Name: "lab", Protocol: "HTTP", Origin: origin}},
		{Key: "db", Type: despatch.ConnectorOpened, Time: noonUTC, Connector: &despatch.Connector{Name: "db", Protocol: "TCP", Origin: "tcp://127.0.0.1:5432"}},
	}}, 0)
	require.NoError(t, err)
	return d
}

// A browser's way, from the link to the end of the session, with a real broker
// and a real client's cookies.
func TestABrowserUsesASessionUntilItEnds(t *testing.T) {
	broker := realBroker(t, t.TempDir())
	var target node.Target
	program(t, &target)
	d := worker(t, broker, "http://"+target.To.String())
	other := worker(t, broker, "http://"+target.To.String())
	server, err := New(Options{Broker: broker, Authenticator: names{}, BaseURL: testBase, Logger: quiet, TrustPages: true})
	require.NoError(t, err)
	listener := listening(t, server)
	t.Cleanup(func() { assert.NoError(t, listener.Shutdown(context.Background())) })
	url := "http://" + listener.Addr().String()
	server.BaseURL = url // known only now
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	browser := &http.Client{Jar: jar, Transport: transport}
	get := func(url string) (int, string) {
		resp, err := browser.Get(url)
		require.NoError(t, err)
		return resp.StatusCode, text(t, resp)
	}

	base := url + "/sessions/" + d.Session.UUID
	entry := object(t, fetch(t, "POST", base+"/links/lab", "", "Authorization", byAlice))["url"].(string)
	status, page := get(entry)
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "GET / ")
	status, _ = get(entry)
	assert.Equal(t, 410, status, "a link works once")
	status, page = get(base + "/connect/lab/redirect")
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "GET /lab?a=b ")
	status, _ = get(url + "/sessions/" + other.Session.UUID + "/connect/lab/")
	assert.Equal(t, 401, status, "a cookie opens one session only")
	for _, cookie := range jar.Cookies(mustURL(t, base+"/connect/lab/")) {
		resp := fetch(t, "GET", url+"/sessions/"+other.Session.UUID+"/connect/lab/", "", "Cookie", cookie.String())
		assert.Equal(t, 401, resp.StatusCode, "not even by force")
		_, _, ws := socket(t, url, "/sessions/"+d.Session.UUID+"/connect/lab/ws", "Cookie", cookie.String(), "Origin", url)
		assert.Equal(t, 101, ws.StatusCode)
	}
	wantProblem(t, fetch(t, "GET", base+"/connect/db/", "", "Authorization", byAlice), 400)
	wantProblem(t, fetch(t, "GET", base+"/connect/none/", "", "Authorization", byAlice), 404)

	alice := identity.Caller{User: "alice", Roles: []identity.Role{identity.RoleUser}}
	_, err = broker.Update(t.Context(), alice, mustUUID(d.Session.UUID), ivoa.SetPhase(ivoa.SessionCancelled), "")
	require.NoError(t, err)
	status, _ = get(base + "/connect/lab/")
	assert.Equal(t, 410, status)
	wantProblem(t, fetch(t, "POST", base+"/links/lab", "", "Authorization", byAlice), 410)
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}
