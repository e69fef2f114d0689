package systemtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const notebookKind = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/executable/docker-container.yaml"

// notebook is a program that a session might run: it sets a cookie, shows a page, takes
// uploads, and echoes over a WebSocket.
func notebook(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ws":
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(conn, buffered)
		case "/upload":
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, err)
		default:
			http.SetCookie(w, &http.Cookie{Name: "lab", Value: "1", Path: "/"})
			fmt.Fprintln(w, "a page")
			_ = r.Header.Write(w)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A notebook of one node's session is used through another, as its executor works
// through it: neither the browser nor the executor talks to the node whose session it
// is. When that is away, the other says what is on record.
func TestANotebookIsUsedThroughANodeThatDoesNotRunIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/lead.yaml", []byte(prices+"connect: {networks: [127.0.0.0/8]}\n"), 0o600))
	f := &federation{t: t}
	for range 2 {
		f.add(dir, "--config", dir+"/lead.yaml", "--executors", "process")
		f.last().Start()
	}
	a, b := f.nodes[0], f.nodes[1]
	f.allKnow()
	alice, robot := as(b.token("alice")), as(b.token("robot", "executor"))
	origin := notebook(t)

	// An executor registers where it is to work, and works through whichever node.
	var executor struct{ UUID string }
	a.do("POST", "/executors", object{
		"name": "lab", "kinds": list{notebookKind}, "capacity": object{"cores": 1, "memory": 1, "storage": 1}, "origins": list{"127.0.0.0/8"},
	}, as(a.token("robot", "executor"))).into(t, &executor)
	asked := a.do("POST", "/requests", object{"executable": object{"kind": notebookKind, "image": object{"locations": list{"example.org/lab:1"}}}}, as(a.token("alice")))
	var set offerSet
	asked.into(t, &set)
	require.Equal(t, "YES", set.Result, "%s", asked.Body)
	id := set.Offers[0].Meta.UUID
	require.Equal(t, 200, b.setPhase(id, "ACCEPTED", alice).Status)
	got := b.do("POST", "/executors/"+executor.UUID+"/despatch?wait=60s", nil, robot)
	require.Equal(t, 200, got.Status, "%s", got.Body)
	var work struct {
		HistoryRef string
		Fence      uint64
		Session    struct{ URL string }
	}
	got.into(t, &work)
	assert.Equal(t, b.URL+"/sessions/"+id, work.Session.URL)
	report := func(updates ...any) {
		said := b.do("POST", "/history/"+work.HistoryRef+"/updates", object{"fence": work.Fence, "updates": updates}, robot)
		require.Equal(t, 200, said.Status, "%s", said.Body)
	}
	report(object{"key": "k1", "type": "action-started", "action": "run", "time": "2026-11-22T12:00:00Z"},
		object{"key": "k2", "type": "connector", "time": "2026-11-22T12:00:00Z", "connector": object{"name": "lab", "protocol": "HTTP", "origin": origin}})
	a.await(id, "RUNNING")

	// The browser.
	var link struct{ URL string }
	b.do("POST", "/sessions/"+id+"/links/lab", nil, alice).into(t, &link)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(b.URL, "http://"))
	require.NoError(t, err)
	pages := "http://localhost:" + port // a development node's other name
	assert.True(t, strings.HasPrefix(link.URL, pages+"/sessions/"+id+"/links/lab/"), link.URL)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	read := func(resp *http.Response, err error) (int, string) {
		require.NoError(t, err)
		defer resp.Body.Close()
		all, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(all)
	}
	status, page := read(browser.Get(link.URL))
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "a page")
	assert.Contains(t, page, "X-Forwarded-Host: localhost:"+port)
	assert.NotContains(t, page, "starling")
	place, err := url.Parse(pages + "/sessions/" + id + "/connect/lab/")
	require.NoError(t, err)
	assert.Len(t, jar.Cookies(place), 2, "the way in, and the program's own")
	status, page = read(browser.Post(place.String()+"upload", "application/octet-stream", io.LimitReader(endless{}, 20<<20)))
	assert.Equal(t, 200, status)
	assert.Equal(t, "20971520 <nil>", page)
	status, _ = read(browser.Get(link.URL))
	assert.Equal(t, 410, status, "a link works once")

	// A kernel's WebSocket.
	conn, err := net.Dial("tcp", "localhost:"+port)
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %sws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: %s\r\n", place.Path, place.Host, pages)
	for _, cookie := range jar.Cookies(place) {
		fmt.Fprintf(conn, "Cookie: %s\r\n", cookie)
	}
	fmt.Fprint(conn, "\r\n")
	from := bufio.NewReader(conn)
	upgraded, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	require.Equal(t, 101, upgraded.StatusCode)
	for _, line := range []string{"one\n", "two\n"} {
		_, err = io.WriteString(conn, line)
		require.NoError(t, err)
		echo, err := from.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, line, echo)
	}

	// The end of the attempt is that of what it ran.
	done := b.do("POST", "/history/"+work.HistoryRef+"/completion", object{
		"fence": work.Fence, "key": "k9", "time": "2026-11-22T12:01:00Z", "outcome": "COMPLETED", "resources": list{object{"name": "core-seconds", "amount": 1, "unit": "s"}},
	}, robot)
	require.Equal(t, 200, done.Status, "%s", done.Body)
	_, err = from.ReadString('\n')
	assert.Error(t, err)
	a.await(id, "COMPLETED")
	status, _ = read(browser.Get(place.String()))
	assert.Equal(t, 410, status)

	// What is on record is known without the node.
	eventually(t, "the attempt to be on record", func() bool { h := b.history(id); return len(h) == 1 && h[0].Phase == "COMPLETED" })
	a.Kill()
	gone := b.do("GET", "/sessions/"+id, nil, alice)
	assert.Equal(t, 503, gone.Status)
	assert.Contains(t, string(gone.Body), `"phase":"COMPLETED"`)
	assert.Contains(t, string(gone.Body), work.HistoryRef)
	stranger := b.do("GET", "/sessions/"+id, nil, as(b.token("bob")))
	assert.Equal(t, 503, stranger.Status)
	assert.NotContains(t, string(stranger.Body), "COMPLETED", "promise 8")
	told := b.starling("watch", id)
	assert.Contains(t, told.err, "on record")
	a.Start()
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
