package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/node"
)

// far is a session's program at node kth, used through jodrell, whose port is at url.
type far struct {
	asked, owner *world
	url          string
}

// farAway has connectors that lead to a program, for alice.
func farAway(t *testing.T, change ...func(*Options)) far {
	asked, owner := pair(t, change...)
	program(t, &owner.broker.target)
	owner.broker.holder, owner.broker.grant = "alice", "the-grant"
	return far{asked, owner, port(t, asked)}
}

// port opens a node's port for clients.
func port(t *testing.T, w *world) string {
	listener := listening(t, w.server)
	t.Cleanup(func() { assert.NoError(t, listener.Shutdown(context.Background())) })
	return "http://" + listener.Addr().String()
}

const withGrant = "__Secure-starling-connect=the-grant"

// A browser's way through a node that it reaches to a session of one that it doesn't,
// from the link to the end of the session, with a real broker and a real client's
// cookies.
func TestANotebookWorksThroughAnotherNode(t *testing.T) {
	s := newSites(t)
	broker := realBroker(t, t.TempDir())
	var target node.Target
	program(t, &target)
	d, other := worker(t, broker, "http://"+target.To.String()), worker(t, broker, "http://"+target.To.String())
	s.owner[mustUUID(d.Session.UUID).Owner()] = "kth"
	asked := s.node("jodrell", func(o *Options) { o.TrustPages = true })
	s.node("kth", func(o *Options) { o.Broker = broker })
	url := port(t, asked)
	asked.server.BaseURL = url // known only now
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(url string) (int, string) {
		resp, err := browser.Get(url)
		require.NoError(t, err)
		return resp.StatusCode, text(t, resp)
	}

	base := url + "/sessions/" + d.Session.UUID
	resp := fetch(t, "GET", base, "", "Authorization", byAlice)
	assert.Contains(t, text(t, resp), base+"/connect/lab/", "where the session says that it is")
	link := object(t, fetch(t, "POST", base+"/links/lab", "", "Authorization", byAlice))
	entry := link["url"].(string)
	assert.True(t, strings.HasPrefix(entry, base+"/links/lab/"), entry)
	assert.NotContains(t, link, "sandboxed")
	assert.Equal(t, 204, fetch(t, "HEAD", entry, "").StatusCode, "previews don't enter")
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
	cookies := jar.Cookies(mustURL(t, base+"/connect/lab/"))
	require.NotEmpty(t, cookies)
	for _, cookie := range cookies {
		resp := fetch(t, "GET", url+"/sessions/"+other.Session.UUID+"/connect/lab/", "", "Cookie", cookie.String())
		assert.Equal(t, 401, resp.StatusCode, "not even by force")
		assert.Equal(t, 401, fetch(t, "GET", base, "", "Cookie", cookie.String()).StatusCode, "the API doesn't know it")
	}
	conn, from, ws := socket(t, url, "/sessions/"+d.Session.UUID+"/connect/lab/ws", "Cookie", cookies[0].String(), "Origin", url)
	require.Equal(t, 101, ws.StatusCode)
	assert.Equal(t, "http://"+target.To.String(), ws.Header.Get("X-Origin"))
	echoes(t, conn, from, "hello")
	wantProblem(t, fetch(t, "GET", base+"/connect/db/", "", "Authorization", byAlice), 400)
	wantProblem(t, fetch(t, "GET", base+"/connect/none/", "", "Authorization", byAlice), 404)

	alice := identity.Caller{User: "alice", Roles: []identity.Role{identity.RoleUser}}
	_, err = broker.Update(t.Context(), alice, mustUUID(d.Session.UUID), ivoa.SetPhase(ivoa.SessionCancelled), "")
	require.NoError(t, err)
	_, err = from.ReadString('\n')
	assert.Error(t, err, "the end of the attempt cuts it")
	status, _ = get(base + "/connect/lab/")
	assert.Equal(t, 410, status)
	wantProblem(t, fetch(t, "POST", base+"/links/lab", "", "Authorization", byAlice), 410)
	eventually(t, func() bool { return asked.server.passages.open() == 0 && asked.server.lasting.open() == 0 })
}

func TestAFarProgramSeesItsClientAndNoSecretOfOurs(t *testing.T) {
	f := farAway(t)
	resp := fetch(t, "POST", f.url+on("/connect/lab/a%2Fb/?x=%zz;y"), "hello",
		"Authorization", byAlice, "Cookie", "theirs=1; starling-connect=x; __Secure-starling-connect=y", "Starling-Proposal", "", "Via", "1.1 kth, 1.1 jodrell",
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Prefix", "/evil", "X-Real-Ip", "6.6.6.6", "Origin", "https://jodrell.example", "Referer", "https://jodrell.example"+on("/connect/lab/"),
		"Starling-Client", "6.6.6.6", "Starling-Program-Authorization", "evil", "X-Mine", "kept", "Connection", "X-Hop", "X-Hop", "evil")
	require.Equal(t, 200, resp.StatusCode)
	seen := text(t, resp)
	assert.Contains(t, seen, "POST /a%2Fb/?x=%zz;y hello\n")
	origin := "http://" + f.owner.broker.target.To.String()
	for _, want := range []string{"Cookie: theirs=1\r\n", "X-Mine: kept\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Host: jodrell.example\r\n", "X-Forwarded-Proto: https\r\n",
		"X-Forwarded-Prefix: " + on("/connect/lab") + "\r\n", "Origin: " + origin + "\r\n", "Referer: " + origin + "/\r\n"} {
		assert.Contains(t, seen, want)
	}
	for _, secret := range []string{"alice", "starling", "6.6.6.6", "evil", "Authorization", "Via"} {
		assert.NotContains(t, strings.ReplaceAll(seen, on("/connect/lab"), ""), secret)
	}
	caller := f.owner.asked()
	assert.Equal(t, "alice", caller.User)
	assert.Equal(t, []identity.NodeName{"jodrell"}, caller.Via)
	assert.True(t, f.asked.untouched())

	seen = text(t, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Cookie", "a=b; __Secure-starling-connect=wrong; "+withGrant, "Authorization", "token notebook's"))
	assert.Contains(t, seen, "GET /x ")
	assert.Contains(t, seen, "Cookie: a=b\r\n")
	assert.Contains(t, seen, "Authorization: token notebook's\r\n", "with a grant, this is the program's own")
	seen = text(t, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Cookie", withGrant, "Authorization", byAlice))
	assert.NotContains(t, seen, "alice", "but never a token that may be ours")
}

func TestAnswersOfAFarProgramStayBelowItsPrefix(t *testing.T) {
	f := farAway(t)
	resp := fetch(t, "GET", f.url+on("/connect/lab/redirect"), "", "Authorization", byAlice)
	assert.Equal(t, 302, resp.StatusCode)
	assert.Equal(t, on("/connect/lab/lab?a=b"), resp.Header.Get("Location"))
	resp = fetch(t, "GET", f.url+on("/connect/lab/bad"), "", "Authorization", byAlice)
	assert.Equal(t, []string{"mine=1; Path=" + on("/connect/lab/")}, resp.Header["Set-Cookie"])
	for _, name := range []string{"Service-Worker-Allowed", "Starling-Reasons", programHeader} {
		assert.Empty(t, resp.Header[name], name)
	}
	assert.Equal(t, []string{strictTransport}, resp.Header["Strict-Transport-Security"], "the node's own")
	assert.Equal(t, []string{pagePolicy}, resp.Header["Content-Security-Policy"])
	resp = fetch(t, "GET", f.url+on("/connect/lab?a=b"), "", "Authorization", byAlice)
	assert.Equal(t, 308, resp.StatusCode)
	assert.Equal(t, "https://jodrell.example"+on("/connect/lab/?a=b"), resp.Header.Get("Location"))
	resp = fetch(t, "GET", f.url+on("/connect/lab/hints"), "", "Authorization", byAlice)
	assert.Equal(t, "page", text(t, resp))
	assert.Equal(t, []string{"nosniff"}, resp.Header["X-Content-Type-Options"])
	assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))
}

// An owner that lies about what its program answers says nothing of this origin, and
// sets no cookie of this node's.
func TestPromise8AFarOwnerSpeaksForItsProgramsPathOnly(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell")
	url := port(t, asked)
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Request-Id", "theirs")
		h.Set(programHeader, "1")
		h.Add("Set-Cookie", "starling-connect=stolen; Path=/")
		h.Add("Set-Cookie", "mine=1; Path=/sessions/other/connect/lab/; Domain=example.org")
		h.Set("Clear-Site-Data", "*")
		h.Set("Strict-Transport-Security", "max-age=1")
		h.Set("Starling-Applied", "7")
		h.Set("Location", "/sessions/other")
		w.WriteHeader(http.StatusFound)
	}))
	resp := fetch(t, "GET", url+on("/connect/lab/x"), "", "Authorization", byAlice)
	assert.Equal(t, []string{"mine=1; Path=" + on("/connect/lab/")}, resp.Header["Set-Cookie"])
	assert.Equal(t, on("/connect/lab/"), resp.Header.Get("Location"))
	assert.Equal(t, []string{strictTransport}, resp.Header["Strict-Transport-Security"])
	assert.Empty(t, resp.Header["Clear-Site-Data"])
	assert.Empty(t, resp.Header["Starling-Applied"])
	assert.NotEqual(t, "theirs", resp.Header.Get("X-Request-Id"))
	assert.Equal(t, []string{pagePolicy}, resp.Header["Content-Security-Policy"])
}

// What a program answers is its own, also where it would mean something of a node.
func TestAFarProgramsOwnRefusalIsItsOwn(t *testing.T) {
	f := farAway(t)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "say friend", http.StatusUnauthorized)
	}))
	t.Cleanup(own.Close)
	f.owner.broker.target.To = netip.MustParseAddrPort(own.Listener.Addr().String())
	resp := fetch(t, "GET", f.url+on("/connect/lab/"), "", "Authorization", byAlice)
	assert.Equal(t, 401, resp.StatusCode)
	assert.Equal(t, "Basic", resp.Header.Get("WWW-Authenticate"))
	assert.Equal(t, "say friend\n", text(t, resp))

	nowhere(f.owner.broker)
	resp = fetch(t, "GET", f.url+on("/connect/lab/"), "", "Authorization", byAlice)
	p := wantProblem(t, resp, http.StatusBadGateway)
	assert.Contains(t, p["detail"], "the program in the session doesn't answer")
	guarded(t, resp.Header, "a failure of ours, not the program's")
}

// A client that leaves is gone at the program, too; and so is one whose node stops.
func TestAFarProgramsStreamEndsWithItsClient(t *testing.T) {
	f := farAway(t)
	came, left := make(chan struct{}), make(chan struct{})
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, "first")
		_ = http.NewResponseController(w).Flush()
		close(came)
		<-r.Context().Done()
		close(left)
	}))
	t.Cleanup(own.Close)
	f.owner.broker.target.To = netip.MustParseAddrPort(own.Listener.Addr().String())
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", f.url+on("/connect/lab/x"), strings.NewReader("body"))
	require.NoError(t, err)
	r.Header.Set("Authorization", byAlice)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "first\n", line, "while the program goes on")
	<-came
	leave()
	<-left
	eventually(t, func() bool { return f.owner.server.connections.open() == 0 && f.asked.server.passages.open() == 0 })

	for _, ends := range []func(far){func(f far) { f.asked.server.EndStreams() }, func(f far) { f.owner.server.EndStreams() }} {
		f := farAway(t)
		conn, from, resp := socket(t, f.url, on("/connect/lab/ws"), "Authorization", byAlice)
		require.Equal(t, 101, resp.StatusCode)
		echoes(t, conn, from, "hello")
		ends(f)
		_, err := from.ReadString('\n')
		assert.Error(t, err)
		eventually(t, func() bool { return f.owner.server.connections.open() == 0 && f.asked.server.passages.open() == 0 })
	}
}

// A client that doesn't read holds the program up, and not memory in between.
func TestAFarProgramIsHeldUpByASlowClient(t *testing.T) {
	f := farAway(t)
	const most = 64 << 20 // more than all buffers on the way
	written := make(chan int, 1)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, piece := 0, make([]byte, 64<<10)
		for n < most {
			k, err := w.Write(piece)
			n += k
			if err != nil {
				break
			}
		}
		written <- n
	}))
	t.Cleanup(own.Close)
	f.owner.broker.target.To = netip.MustParseAddrPort(own.Listener.Addr().String())
	resp := fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Authorization", byAlice)
	_, err := io.CopyN(io.Discard, resp.Body, 1<<20)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Less(t, <-written, most, "it was held up, and then broken off")
}

func TestPagesOfOtherOriginsCanNotTalkToAFarProgram(t *testing.T) {
	f := farAway(t, func(o *Options) { o.PagesURL = "https://pages." + string(o.Node) + ".example" })
	for _, origin := range []string{"https://evil.example", "null", "https://kth.example", "https://pages.kth.example"} {
		_, _, resp := socket(t, f.url, on("/connect/lab/ws"), "Origin", origin, "Cookie", withGrant)
		assert.Equal(t, 403, resp.StatusCode, origin)
		assert.Equal(t, 403, fetch(t, "POST", f.url+on("/connect/lab/x"), "", "Origin", origin, "Cookie", withGrant).StatusCode, origin)
	}
	for _, origin := range []string{"https://jodrell.example", "https://pages.jodrell.example"} {
		_, _, resp := socket(t, f.url, on("/connect/lab/ws"), "Origin", origin, "Cookie", withGrant)
		assert.Equal(t, 101, resp.StatusCode, origin)
	}
	assert.Equal(t, 403, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Cookie", withGrant).StatusCode)
}

// Pages are shown at the host that the browser's node has for them, whatever the owner
// has.
func TestFarPagesAreShownAtTheHostOfTheNodeThatIsAsked(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell", func(o *Options) { o.PagesURL = "https://*.jodrell.pages" })
	owner := s.node("kth")
	program(t, &owner.broker.target)
	owner.broker.holder, owner.broker.grant = "alice", "the-grant"
	host := sessionID.String() + ".jodrell.pages"
	link := object(t, asked.do(call{method: "POST", path: on("/links/lab")}))
	assert.Equal(t, "https://"+host+on("/links/lab/secret"), link["url"])
	assert.NotContains(t, link, "sandboxed")
	at := func(host, path string) *http.Response {
		return asked.do(call{path: path, host: host, stranger: true, header: map[string]string{"Cookie": withGrant}})
	}
	entered := at(host, on("/links/lab/secret"))
	assert.Equal(t, 303, entered.StatusCode)
	assert.Equal(t, "https://"+host+on("/connect/lab/"), entered.Header.Get("Location"))
	assert.Equal(t, []string{"__Secure-starling-connect=the-grant; Path=" + on("/connect/lab/") + "; HttpOnly; Secure; SameSite=Lax"}, entered.Header["Set-Cookie"])
	page := at(host, on("/connect/lab/x"))
	assert.Equal(t, 200, page.StatusCode)
	assert.Empty(t, page.Header["Content-Security-Policy"])
	assert.Contains(t, text(t, page), "X-Forwarded-Host: "+host+"\r\n")
	assert.Equal(t, []string{pagePolicy}, at("jodrell.example", on("/connect/lab/x")).Header["Content-Security-Policy"])
}

// Promise 8: only a grant, a link or her own token lets anybody into alice's notebook
// through another node.
func TestPromise8OnlyTheOwnerConnectsThroughAnotherNode(t *testing.T) {
	f := farAway(t)
	status := func(method, path string, header ...string) int {
		return fetch(t, method, f.url+on(path), "", header...).StatusCode
	}
	assert.Equal(t, 404, status("GET", "/connect/lab/", "Authorization", "Bearer bob"))
	assert.Equal(t, 404, status("POST", "/links/lab", "Authorization", "Bearer bob"))
	for _, header := range [][]string{
		{}, {"Cookie", "starling-connect=guess"}, {"Cookie", "starling-connect=the-grant,x"}, {"Starling-Grant", "the-grant"}, {"Authorization", "Bearer bad"},
		{"Starling-Grant", "the-grant", "Cookie", "starling-connect=guess"},
	} {
		resp := fetch(t, "GET", f.url+on("/connect/lab/"), "", header...)
		wantProblem(t, resp, http.StatusUnauthorized)
		assert.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))
	}
	assert.Equal(t, 401, status("POST", "/links/lab", "Cookie", withGrant))
	assert.Equal(t, 410, status("GET", "/links/lab/other"))
	assert.Equal(t, 200, status("GET", "/connect/lab/", "Cookie", withGrant, "Authorization", "Bearer bob"), "who has the grant is let in")
	f.owner.broker.grant = "another"
	assert.Equal(t, 404, status("GET", "/connect/lab/", "Cookie", withGrant, "Authorization", "Bearer bob"))
	assert.Equal(t, 401, status("GET", "/connect/lab/", "Cookie", withGrant))
}

// Promise 8: what a browser shows at one node is for the owner that this asks, and for
// nobody that isn't a node.
func TestPromise8GrantsAreTakenFromNodesByTheOwner(t *testing.T) {
	s := newSites(t)
	jodrell, kth := s.node("jodrell"), s.node("kth")
	kth.broker.grant = "the-grant"
	program(t, &kth.broker.target)
	visit := func(w *world, peer line.Peer, path string) int {
		r := httptest.NewRequest("GET", peerPath+on(path), nil)
		r.Header.Set(grantHeader, "the-grant")
		answer := httptest.NewRecorder()
		http.StripPrefix(peerPath, w.server.Peer()).ServeHTTP(answer, r.WithContext(line.WithPeer(r.Context(), peer)))
		return answer.Code
	}
	for _, path := range []string{"/connect/lab/x", "/links/lab/secret"} {
		assert.Less(t, visit(kth, line.Peer{Node: "srcnet"}, path), 400, path)
		assert.Equal(t, http.StatusForbidden, visit(kth, line.Peer{}, path), "nobody")
		assert.Equal(t, http.StatusForbidden, visit(kth, line.Peer{Node: "srcnet", Newcomer: true}, path), "a newcomer")
		assert.Equal(t, http.StatusLoopDetected, visit(jodrell, line.Peer{Node: "srcnet"}, path), "not the owner")
	}
	for _, path := range []string{"", "/stdout", "/files"} {
		assert.Equal(t, http.StatusUnauthorized, visit(kth, line.Peer{Node: "srcnet"}, path), "a grant is for connectors")
	}
}

// Promise 8: a token goes to no other node, beside a grant neither; and what is for the
// program gets there with a grant only.
func TestPromise8ATokenGoesNoFurtherThanTheNodeThatIsAsked(t *testing.T) {
	s := newSites(t)
	url := port(t, s.node("jodrell"))
	got := make(chan http.Header, 1)
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "theirs")
		w.Header().Set(programHeader, "1")
		got <- r.Header
	}))
	for _, header := range [][]string{{"Authorization", byAlice}, {"Authorization", byAlice, "Cookie", withGrant}, {"Authorization", "bearer  alice", "Cookie", withGrant}} {
		fetch(t, "GET", url+on("/connect/lab/x"), "", header...)
		h := <-got
		assert.Empty(t, h["Authorization"])
		assert.Empty(t, h[programAuthorization])
		assert.Empty(t, h["Cookie"])
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set(programAuthorization, "token mine")
	w := newWorld(t)
	v := &visit{Context: w.server.echo.NewContext(r, httptest.NewRecorder()), server: w.server}
	v.restore()
	assert.Empty(t, r.Header["Authorization"])
	v.target = &node.Target{}
	v.restore()
	assert.Equal(t, "token mine", r.Header.Get("Authorization"))
}

// A page of a session counts for itself, at either node, once the owner has let it in;
// guesses count for where they come from.
func TestFarPagesAreCountedByTheirSession(t *testing.T) {
	f := farAway(t, func(o *Options) { o.Limits.PassagesPerUser = 1 })
	conn, from, resp := socket(t, f.url, on("/connect/lab/ws"), "Cookie", withGrant)
	require.Equal(t, 101, resp.StatusCode)
	echoes(t, conn, from, "as address")
	conn2, from2, resp := socket(t, f.url, on("/connect/lab/ws"), "Cookie", withGrant)
	require.Equal(t, 101, resp.StatusCode, "it has been let in by now")
	echoes(t, conn2, from2, "as session")
	wantProblem(t, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Cookie", withGrant), http.StatusTooManyRequests)
	wantProblem(t, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Cookie", "starling-connect=guess"), http.StatusTooManyRequests)
	echoes(t, conn, from, "still there")
	assert.Equal(t, 200, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Authorization", byAlice).StatusCode, "alice's own are others")
}

// What lasts leaves room on the line for what doesn't.
func TestWhatLastsIsBoundedToEachNode(t *testing.T) {
	f := farAway(t)
	f.asked.server.lasting.perUser = 1
	conn, from, resp := socket(t, f.url, on("/connect/lab/ws"), "Cookie", withGrant)
	require.Equal(t, 101, resp.StatusCode)
	p := wantProblem(t, fetch(t, "GET", f.url+on("/connect/lab/x"), "", "Authorization", byAlice), http.StatusTooManyRequests)
	assert.Contains(t, p["detail"], "from here 1 streams to the node that this belongs to are open")
	assert.Equal(t, 200, fetch(t, "GET", f.url+on(""), "", "Authorization", byAlice).StatusCode)
	echoes(t, conn, from, "still there")
}
