//go:build docker

package upkeep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// patience is how long a condition may take to come true. It bounds a test that hangs;
// no claim is made by it.
const patience = 3 * time.Minute

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	for _, s := range federation.Sites {
		t.Logf("%s said:\n%s", s.Name, s.Node.Said(30))
	}
	t.Fatalf("waited in vain for %s", what)
}

// desk is somebody who asks a site.
type desk struct {
	*launch.Site
	token  string
	client *http.Client
}

// at is a user at a site, who belongs to groups.
func at(t *testing.T, site, user string, groups ...string) *desk {
	t.Helper()
	token, err := federation.Token(user, groups...)
	require.NoError(t, err)
	s := federation.Site(site)
	d := &desk{s, token, s.Client()}
	d.client.Timeout = 30 * time.Second
	t.Cleanup(d.client.CloseIdleConnections)
	return d
}

func operator(t *testing.T, site string) *desk { return at(t, site, "olga", launch.Operators) }

// do asks, and decodes a JSON answer; the error is of the connection alone.
func (d *desk) do(ctx context.Context, method, path string, body, into any) (status int, text []byte, err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, d.URL+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+d.token)
	answer, err := d.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err == nil && into != nil && answer.StatusCode < 400 {
		err = json.Unmarshal(text, into)
	}
	return answer.StatusCode, text, err
}

// get reads a document, until it is there.
func (d *desk) get(t *testing.T, path string, into any) {
	t.Helper()
	var last string
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		status, text, err := d.do(t.Context(), "GET", path, nil, into)
		if err == nil && status == http.StatusOK {
			return
		}
		last = fmt.Sprintf("%d %v %.300s", status, err, text)
	}
	t.Fatalf("%s%s can't be read: %s", d.URL, path, last)
}

type (
	object = map[string]any
	list   = []any
)

const kinds = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"

// work is a request for a program that ends at once.
var work = object{
	"executable": object{"kind": "urn:starling:executable:process-1.0", "command": list{"true"}},
	"compute":    object{"kind": kinds + "/compute/simple-compute-resource.yaml", "cores": object{"min": 1, "max": 1}, "memory": object{"min": 1, "max": 1}},
	"schedule":   object{"requested": object{"duration": "PT1M"}},
}

// offered is an answer to a request.
type offered struct {
	Offers []struct {
		Meta struct{ UUID string }
	}
}

// best is the best offer of all, and own the best one of a site itself: UUIDs name their
// owners.
func best(set offered) string { return set.Offers[0].Meta.UUID }

func (d *desk) own(set offered) string {
	tag := sha256.Sum256([]byte(d.Name))
	for _, offer := range set.Offers {
		if strings.HasSuffix(offer.Meta.UUID, hex.EncodeToString(tag[:6])) {
			return offer.Meta.UUID
		}
	}
	return ""
}

// accept asks for work and takes an offer: its id, once the site has said ACCEPTED.
func (d *desk) accept(ctx context.Context, which func(offered) string) (id string, err error) {
	var set offered
	status, text, err := d.do(ctx, "POST", "/requests", work, &set)
	if err != nil {
		return "", err
	}
	if status != http.StatusSeeOther || len(set.Offers) == 0 {
		return "", fmt.Errorf("no offer: %d %.300s", status, text)
	}
	if id = which(set); id == "" {
		return "", errors.New("that offer isn't among them")
	}
	update := object{"kind": "uri:enum-value-update", "path": "/phase", "value": "ACCEPTED"}
	if status, text, err = d.do(ctx, "POST", "/sessions/"+id, update, nil); err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("not accepted: %d %.300s", status, text)
	}
	return id, nil
}

// completed has work done by a site itself, to its end.
func (d *desk) completed(t *testing.T) (id string) {
	t.Helper()
	var last error
	eventually(t, "an offer at "+d.Name, func() bool {
		id, last = d.accept(t.Context(), d.own)
		return last == nil
	})
	d.ends(t, id)
	return id
}

// ends waits until a session is COMPLETED.
func (d *desk) ends(t *testing.T, id string) {
	t.Helper()
	var s struct{ Phase string }
	eventually(t, "session "+id+" to end", func() bool {
		status, text, err := d.do(t.Context(), "GET", "/sessions/"+id, nil, &s)
		if err != nil || status == http.StatusServiceUnavailable {
			return false
		}
		require.Equal(t, http.StatusOK, status, "%s", text)
		require.NotContains(t, []string{"FAILED", "CANCELLED", "EXPIRED"}, s.Phase, "%s", text)
		return s.Phase == "COMPLETED"
	})
}

// attempt is a history entry.
type attempt struct{ HistoryRef, Session, Phase, Node, Trace string }

// history lists the attempts of a session, when so many of them have ended.
func (d *desk) history(t *testing.T, id string) (attempts []attempt) {
	t.Helper()
	var page struct{ History []attempt }
	eventually(t, fmt.Sprintf("the history of %s at %s", id, d.Name), func() bool {
		page.History = nil
		status, _, err := d.do(t.Context(), "GET", "/history?session="+id, nil, &page)
		return err == nil && status == http.StatusOK && len(page.History) > 0 && page.History[len(page.History)-1].Phase != "DESPATCHED" && page.History[len(page.History)-1].Phase != "RUNNING"
	})
	return page.History
}

// member is a node, as another one knows it.
type member struct {
	Name   string
	Member struct {
		State, Role, Version, Server string
		GossipKeys                   []string
	}
}

// members are the nodes that a site knows, by their names.
func (d *desk) members(t *testing.T) map[string]member {
	t.Helper()
	var answer struct{ Nodes []member }
	d.get(t, "/federation/nodes", &answer)
	known := map[string]member{}
	for _, m := range answer.Nodes {
		known[m.Name] = m
	}
	return known
}

// starling runs the command line at a site, as an operator types it.
func (d *desk) starling(t *testing.T, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Env = append(os.Environ(), "STARLING_NODE="+d.URL, "STARLING_CA="+federation.CA(), "STARLING_TOKEN="+d.token, "XDG_CONFIG_HOME="+t.TempDir())
	said, err := command.CombinedOutput()
	require.NoError(t, err, "starling %v: %s", arguments, said)
	return string(said)
}
