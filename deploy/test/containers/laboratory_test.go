//go:build docker

package containers

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// notebookImage builds the image of the notebook; the digest is the image's own, since
// no registry has given it another.
func notebookImage(t *testing.T) (name, digest string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notebook")
	require.NoError(t, launch.BuildStatic(t.Context(), "./testdata/notebook", file))
	binary, err := os.ReadFile(file)
	require.NoError(t, err)
	engine := federation.Engine()
	name, err = launch.BuildImage(t.Context(), engine, "starling-test-notebook", map[string][]byte{
		"Dockerfile": []byte("FROM scratch\nCOPY notebook /notebook\nENTRYPOINT [\"/notebook\"]\n"), "notebook": binary,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := engine.ImageRemove(context.Background(), name, client.ImageRemoveOptions{PruneChildren: true})
		assert.NoError(t, err)
	})
	got, err := engine.ImageInspect(timely(t), name)
	require.NoError(t, err)
	return name, got.ID
}

// image is a request for a container.
func image(name, digest string, command ...any) object {
	return withOutput(object{"kind": kindDocker, "image": object{"locations": list{name}, "digest": digest}, "command": list(command)})
}

// A container of an image that was built here, with the digest that was asked for: its
// files and what it said can be had anywhere, and its failure is the session's.
func TestTheDockerExecutorRunsAnImage(t *testing.T) {
	name, digest := notebookImage(t)
	lab, elsewhere := at(t, laboratory, "boxer"), at(t, "uksrc", "boxer")
	id := lab.accept(image(name, digest, "exit", "0", "in", "a", "box"))
	elsewhere.await(id, "COMPLETED")
	assert.Equal(t, "going\n", string(elsewhere.document("/sessions/"+id+"/stdout", nil).Body))
	assert.Equal(t, "in a box", string(elsewhere.document("/sessions/"+id+"/files/output/said", nil).Body))

	id = lab.accept(image(name, digest, "exit", "7"))
	failed := elsewhere.await(id, "FAILED")
	said, _ := elsewhere.try("GET", "/history?session="+id, nil)
	assert.Contains(t, string(said.Body)+fmt.Sprint(failed), "7", "its exit status")

	other := "sha256:" + strings.Repeat("0", 64)
	id = lab.accept(image(name, other, "exit", "0"))
	elsewhere.await(id, "FAILED")
	said, _ = elsewhere.try("GET", "/history?session="+id, nil)
	assert.Contains(t, string(said.Body), "urn:image-digest-mismatch")
}

// A notebook runs at one site and is used through another, by a browser that has no
// token and comes with a link that works once.
func TestANotebookIsUsedThroughAnotherSite(t *testing.T) {
	name, digest := notebookImage(t)
	openWay(t)
	lab, espsrc := at(t, laboratory, "reader"), at(t, "espsrc", "reader")
	request := image(name, digest)
	executable, _ := request["executable"].(object)
	executable["network"] = object{"ports": list{object{"internal": object{"port": 8888}, "protocol": "HTTP", "access": true}}}
	id := lab.accept(request)
	espsrc.await(id, "RUNNING")

	var link struct {
		URL       string
		Sandboxed bool
	}
	eventually(t, "the notebook to be a connector", func() bool {
		got := espsrc.do("POST", "/sessions/"+id+"/links/8888", nil)
		if got.Status/100 != 2 {
			return false
		}
		got.into(t, &link)
		return true
	})
	assert.False(t, link.Sandboxed)
	pages, err := url.Parse(link.URL)
	require.NoError(t, err)
	assert.Equal(t, "https", pages.Scheme)
	assert.True(t, strings.HasSuffix(pages.Hostname(), ".espsrc-pages.localhost"), "an origin of the session's own, at the site that is asked: %s", pages.Host)

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Transport: espsrc.Transport(), Timeout: patience}
	defer browser.CloseIdleConnections()
	var page string
	eventually(t, "the notebook to listen", func() bool {
		var status int
		status, page = read(t, browser, link.URL)
		if status == 410 { // a link works once, also while there is nothing behind it
			espsrc.do("POST", "/sessions/"+id+"/links/8888", nil).into(t, &link)
		}
		return status == 200
	})
	assert.Contains(t, page, "a page")
	assert.NotContains(t, page, "starling")
	status, _ := read(t, browser, link.URL)
	assert.Equal(t, 410, status, "a link works once")
	place := *pages
	place.Path, place.RawQuery = "/sessions/"+id+"/connect/8888/", ""
	uploaded, err := browser.Post(place.String()+"upload", "application/octet-stream", io.LimitReader(endless{}, 10<<20))
	require.NoError(t, err)
	text, err := io.ReadAll(uploaded.Body)
	require.NoError(t, err)
	uploaded.Body.Close()
	assert.Equal(t, "10485760 <nil>", string(text))

	conn, lines := webSocket(t, espsrc.Site, place, jar)
	for _, line := range []string{"one\n", "two\n"} {
		_, err = io.WriteString(conn, line)
		require.NoError(t, err)
		echo, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, line, echo)
	}
	nobody := &http.Client{Transport: espsrc.Transport(), Timeout: patience}
	defer nobody.CloseIdleConnections()
	status, _ = read(t, nobody, place.String())
	assert.Equal(t, 401, status, "without the cookie")

	status, page = read(t, browser, place.String()+"stop")
	assert.Equal(t, 200, status)
	assert.Equal(t, "bye", page)
	espsrc.await(id, "COMPLETED")
	_, err = lines.ReadString('\n')
	assert.Error(t, err, "the WebSocket has ended with the session")
}

// read gets a page.
func read(t *testing.T, browser *http.Client, url string) (int, string) {
	t.Helper()
	got, err := browser.Get(url)
	require.NoError(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, 1<<20))
	require.NoError(t, err)
	return got.StatusCode, string(text)
}

// webSocket opens one as a browser would that has been let in.
func webSocket(t *testing.T, s *launch.Site, place url.URL, jar http.CookieJar) (io.Writer, *bufio.Reader) {
	t.Helper()
	transport := s.Transport()
	plain, err := transport.DialContext(t.Context(), "tcp", place.Host)
	require.NoError(t, err)
	config := transport.TLSClientConfig.Clone()
	config.ServerName = place.Hostname()
	conn := tls.Client(plain, config)
	t.Cleanup(func() { conn.Close() })
	r, err := http.NewRequest("GET", place.String()+"ws", nil)
	require.NoError(t, err)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Origin", "https://"+place.Host)
	for _, cookie := range jar.Cookies(&place) {
		r.AddCookie(cookie)
	}
	require.NoError(t, r.Write(conn))
	lines := bufio.NewReader(conn)
	upgraded, err := http.ReadResponse(lines, r)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, upgraded.StatusCode)
	return conn, lines
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// openWay lets the laboratory's node reach the containers of sessions, for the time of
// the test. Docker lets nobody pass between networks; an operator who runs a node in a
// container opens the way like this.
func openWay(t *testing.T) {
	t.Helper()
	site := subnetOf(t, client.Filters{}.Add("name", federation.Network(laboratory)))
	executor := filepath.Join(federation.Site(laboratory).ExecutorDir(), "data")
	sessions := subnetOf(t, client.Filters{}.Add("label", "calycopis-broker-root="+filepath.Join(executor, "containers")))
	for _, way := range [][2]netip.Prefix{{site, sessions}, {sessions, site}} {
		rule := []string{"-s", way[0].String(), "-d", way[1].String(), "-j", "ACCEPT"}
		iptables(t, append([]string{"-I", "DOCKER-USER"}, rule...)...)
		t.Cleanup(func() { iptables(t, append([]string{"-D", "DOCKER-USER"}, rule...)...) })
	}
}

func subnetOf(t *testing.T, which client.Filters) netip.Prefix {
	t.Helper()
	found, err := federation.Engine().NetworkList(t.Context(), client.NetworkListOptions{Filters: which})
	require.NoError(t, err)
	require.Len(t, found.Items, 1, "%v", which)
	require.NotEmpty(t, found.Items[0].IPAM.Config)
	return found.Items[0].IPAM.Config[0].Subnet
}

func iptables(t *testing.T, arguments ...string) {
	t.Helper()
	said, err := exec.Command("iptables", append([]string{"--wait"}, arguments...)...).CombinedOutput()
	require.NoError(t, err, "%s", said)
}
