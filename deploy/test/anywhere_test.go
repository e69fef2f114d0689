package systemtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
)

// acquainted waits until each node knows what all others have, and do.
func (f *federation) acquainted() {
	f.t.Helper()
	for _, n := range f.nodes {
		eventually(f.t, n.Data+" to know all others", func() bool {
			var answer struct {
				Nodes []struct {
					Alive bool
					Kinds []string
				}
			}
			n.do("GET", "/federation/nodes", nil).into(f.t, &answer)
			known := 0
			for _, other := range answer.Nodes {
				if other.Alive && len(other.Kinds) > 0 {
					known++
				}
			}
			return known == len(f.nodes)
		})
	}
}

// from is the first offer of a site.
func (s offerSet) from(t *testing.T, site string) session {
	t.Helper()
	for _, o := range s.Offers {
		for _, m := range o.Meta.Messages {
			if m.Values["site"] == site {
				return o
			}
		}
	}
	t.Fatalf("%s offers nothing: %+v", site, s)
	return session{}
}

// Promise 2: asked at one node, offered by a second, accepted at the third: a kill -9
// between offer and accept takes nothing away, and the siblings are free at once.
func TestPromise2AnOfferOutlivesItsNodesKillAndIsAcceptedAtAThird(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	f.acquainted()
	set := a.ask(work{command: sh("echo here"), cores: 8})
	best := set.from(t, "b").Meta.UUID
	b.Kill()
	away := c.setPhase(best, "ACCEPTED")
	assert.Equal(t, http.StatusServiceUnavailable, away.Status, "%s", away.Body)
	b.Start()
	var accepted answer
	eventually(t, "c to reach b again", func() bool {
		accepted = c.setPhase(best, "ACCEPTED")
		return accepted.Status != http.StatusServiceUnavailable && accepted.Status != http.StatusBadGateway
	})
	require.Equal(t, http.StatusOK, accepted.Status, "%s", accepted.Body)
	for _, o := range set.Offers {
		if o.Meta.UUID != best {
			a.awaitAnywhere(o.Meta.UUID, "REJECTED")
		}
	}
	a.awaitAnywhere(best, "COMPLETED")
	assert.Equal(t, "here\n", string(a.do("GET", "/sessions/"+best+"/stdout", nil).Body))
	f.agree(best)
}

// awaitAnywhere waits for the phase of a session whose node may not be reached yet.
func (n *Node) awaitAnywhere(id, phase string) {
	n.t.Helper()
	eventually(n.t, id+" to be "+phase, func() bool {
		a := n.do("GET", "/sessions/"+id, nil)
		if a.Status != http.StatusOK {
			return false
		}
		var s session
		a.into(n.t, &s)
		return s.Phase == phase
	})
}

// A notebook is used through a node that doesn't run it: its WebSocket goes through
// two nodes, both ways, and ends with the session.
func TestANotebookIsUsedThroughTwoNodes(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	notebook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Path: %s\r\n\r\n", r.URL.Path)
		_, _ = io.Copy(conn, buffered)
	}))
	t.Cleanup(notebook.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lab := &despatch.Client{Base: c.URL, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	registered, err := lab.Register(ctx, despatch.Registration{
		Name: "lab", Kinds: []string{kindDocker}, Capacity: despatch.Capacity{Cores: 8, Memory: 8, Storage: 8}, Origins: []string{"127.0.0.0/8"},
	})
	require.NoError(t, err)
	f.acquainted()
	id := a.ask(work{image: "example.org/notebook:1"}).from(t, "c").Meta.UUID
	require.Equal(t, http.StatusOK, b.setPhase(id, "ACCEPTED").Status)
	job, _, err := lab.Despatch(ctx, registered.UUID, 30*time.Second)
	require.NoError(t, err)
	require.NotNil(t, job)
	_, err = lab.Update(ctx, job.HistoryRef, despatch.Updates{Fence: job.Fence, Updates: []despatch.Update{{
		Key: "1", Type: despatch.ConnectorOpened, Time: time.Now(),
		Connector: &despatch.Connector{Name: "lab", Protocol: despatch.ProtocolHTTP, Origin: notebook.URL},
	}}}, 0)
	require.NoError(t, err)

	conn, err := net.Dial("tcp", a.Address)
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /sessions/%s/connect/lab/ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", id, a.Address)
	from := bufio.NewReader(conn)
	opened, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, opened.StatusCode)
	assert.Equal(t, "/ws", opened.Header.Get("X-Path"))
	for _, line := range []string{"one\n", "two\n"} {
		_, err = io.WriteString(conn, line)
		require.NoError(t, err)
		back, err := from.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, line, back)
	}
	require.NoError(t, lab.Complete(ctx, job.HistoryRef, despatch.Completion{Fence: job.Fence, Key: "done", Time: time.Now(), Outcome: despatch.Completed}))
	_, err = from.ReadString('\n')
	assert.Error(t, err, "it ends with the session")
	b.awaitAnywhere(id, "COMPLETED")
}
