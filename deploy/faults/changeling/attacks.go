package changeling

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"starling/federation/certificate"
	"starling/federation/delegation"
	"starling/federation/line"
	"starling/node/cluster"
)

// Attacks are the names of all: flooding opens connections to the other nodes' lines,
// with the certificate and without, that say nothing, nonsense, or other versions;
// replaying sends what other nodes have asked of this one, assertion and all, on to
// others and back.
func Attacks() []string { return []string{"flooding", "replaying"} }

// attackers is how many connections are made at a time: more than a line has places
// for nodes that wait (512 in all, 64 of one address).
const attackers = 200

// attack attacks until ctx ends.
func (c *Changeling) attack(ctx context.Context, o Orders) error {
	victims, err := c.others()
	if err != nil {
		return err
	}
	f := c.config.Federation
	credentials, err := certificate.Load(certificate.Files{CA: f.CA, Certificate: f.Certificate, Key: f.Key}, c.config.Name, time.Now)
	if err != nil {
		return err
	}
	switch o.Attack {
	case "flooding":
		var all sync.WaitGroup
		for range attackers {
			random := c.chance()
			all.Go(func() {
				for ctx.Err() == nil {
					flood(ctx, victims.Peers[random.IntN(len(victims.Peers))], credentials, random)
				}
			})
		}
		all.Wait()
		return nil
	case "replaying":
		return c.replay(ctx, victims, credentials)
	}
	return fmt.Errorf("the changeling knows no attack %q", o.Attack)
}

// victims are the other nodes, as this one remembers them.
type victims struct {
	Federation string
	Peers      []struct{ Name, Raft string }
}

func (c *Changeling) others() (v victims, err error) {
	text, err := os.ReadFile(filepath.Join(c.config.Data, cluster.PeersFile))
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, err
	}
	if len(v.Peers) == 0 {
		return v, errors.New("there is no other node")
	}
	return v, nil
}

// flood makes one connection, and does with it what no node does.
func flood(ctx context.Context, to struct{ Name, Raft string }, credentials *certificate.Credentials, random *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, time.Second+time.Duration(random.Int64N(int64(5*time.Second))))
	defer cancel()
	bare, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.Raft)
	if err != nil {
		_ = wait(ctx, 10*time.Millisecond)
		return
	}
	defer bare.Close()
	conn := bare
	if random.IntN(4) > 0 {
		private := tls.Client(bare, credentials.Client(to.Name))
		if private.HandshakeContext(ctx) != nil {
			return
		}
		conn = private
	}
	switch random.IntN(4) {
	case 0: // nothing is said
	case 1:
		_, _ = conn.Write([]byte("starling\xff\xff\xff"))
	case 2:
		_, _ = io.CopyN(conn, rand.NewChaCha8([32]byte{byte(random.Int())}), 1<<16)
		return
	case 3:
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n")
	}
	end := context.AfterFunc(ctx, func() { _ = bare.SetDeadline(time.Unix(1, 0)) })
	defer end()
	_, _ = io.Copy(io.Discard, conn)
}

// takings are requests that other nodes made.
type takings struct {
	mu  sync.Mutex
	all []taking
}

type taking struct {
	method, path, assertion string
	body                    []byte
}

// mostTaken is how many are remembered.
const mostTaken = 64

// take remembers a request, if there is room; whoever answers it can read it yet.
func (t *takings) take(r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) < mostTaken {
		t.all = append(t.all, taking{r.Method, r.URL.RequestURI(), r.Header.Get(delegation.Header), body})
	}
}

func (t *takings) one(random *rand.Rand) (taking, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return taking{}, false
	}
	return t.all[random.IntN(len(t.all))], true
}

// replay sends what was taken to other nodes, in this one's name. Deeds says what came
// of it.
func (c *Changeling) replay(ctx context.Context, v victims, credentials *certificate.Credentials) error {
	at := map[string]string{}
	for _, p := range v.Peers {
		at[p.Name] = p.Raft
	}
	port, err := line.Listen(ctx, line.Options{
		Node: c.config.Name, Federation: func() string { return v.Federation }, Listen: "127.0.0.1:0",
		Credentials: credentials, Log: c.log,
	})
	if err != nil {
		return err
	}
	defer port.Close()
	client := port.Client(func(node string) (string, bool) { return at[node], at[node] != "" })
	defer client.CloseIdleConnections()
	deeds, random := Deeds{}, c.chance()
	for ctx.Err() == nil {
		again, ok := c.taken.one(random)
		if !ok {
			_ = wait(ctx, lookEvery)
			continue
		}
		to := v.Peers[random.IntN(len(v.Peers))].Name
		r, err := http.NewRequestWithContext(ctx, again.method, "http://"+to+cluster.APIPath+again.path, bytes.NewReader(again.body))
		if err != nil {
			return err
		}
		r.Header.Set(delegation.Header, again.assertion)
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		if err != nil {
			_ = wait(ctx, lookEvery)
			continue
		}
		deeds.Replayed++
		if answer.StatusCode != http.StatusUnauthorized {
			deeds.Taken = append(deeds.Taken, fmt.Sprintf("%s answers %s %s with %s", to, again.method, again.path, answer.Status))
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
		_ = answer.Body.Close()
	}
	return deeds.tell(c.config.Data)
}

// Deeds are what a changeling has done.
type Deeds struct {
	Replayed int `json:"replayed"`
	// Taken are the replays that were not refused.
	Taken []string `json:"taken,omitempty"`
}

const deedsFile = "deeds.json"

func (d Deeds) tell(data string) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, deedsFile), text, 0o600)
}

// DeedsOf are those of the changeling with a data directory, once its attack is over.
func DeedsOf(data string) (d Deeds, err error) {
	text, err := os.ReadFile(filepath.Join(data, deedsFile))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
