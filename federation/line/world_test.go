package line

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

// soon is more than anything takes on a loaded machine.
const soon = time.Minute

// testPort is a node's port and what the test may look at.
type testPort struct {
	*Port
	federation *changing
	log        *buffer
	registry   *prometheus.Registry
}

// changing is a federation's id that a test changes.
type changing struct {
	mu sync.Mutex
	id string
}

func (c *changing) get() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

func (c *changing) set(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = id
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// world is a few nodes of one CA; without one they are nodes with --dev.
type world struct {
	*testing.T
	ca *certificatetest.CA
}

func private(t *testing.T) world { return world{t, certificatetest.New(t)} }
func dev(t *testing.T) world     { return world{t, nil} }

// both runs a test with TLS and without.
func both(t *testing.T, test func(world)) {
	t.Run("private", func(t *testing.T) { test(private(t)) })
	t.Run("dev", func(t *testing.T) { test(dev(t)) })
}

// port listens as a node of a federation, until the test ends.
func (w world) port(node, federation string, change ...func(*Options)) *testPort {
	w.Helper()
	p := &testPort{federation: &changing{id: federation}, log: &buffer{}, registry: prometheus.NewPedanticRegistry()}
	options := Options{
		Node: node, Federation: p.federation.get, Listen: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(p.log, nil)), Registerer: p.registry,
		patience: soon,
	}
	if w.ca != nil {
		options.Credentials = w.ca.Credentials(w, node)
	}
	for _, c := range change {
		c(&options)
	}
	var err error
	p.Port, err = Listen(w.Context(), options)
	require.NoError(w, err)
	w.Cleanup(func() { assert.NoError(w, p.Close()) })
	return p
}

func impatient(o *Options) { o.patience = 300 * time.Millisecond }

// refusals counts those for a reason.
func (p *testPort) refusals(t testing.TB, reason Reason) int {
	t.Helper()
	return p.metric(t, "starling_line_refused_total", string(reason))
}

// metric is the value of one, by the values of its labels in the order of their names.
func (p *testPort) metric(t testing.TB, name string, labels ...string) int {
	t.Helper()
	families, err := p.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var values []string
			for _, label := range metric.GetLabel() {
				values = append(values, label.GetValue())
			}
			if family.GetName() == name && slices.Equal(values, labels) {
				return int(metric.GetCounter().GetValue() + metric.GetGauge().GetValue())
			}
		}
	}
	return 0
}

// echo answers on a node's stream what it is sent, until the port is closed.
func (w world) echo(p *testPort) {
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := p.Stream().Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			})
		}
	})
	w.Cleanup(func() {
		assert.NoError(w, p.Close())
		conns.Wait()
	})
}

// greet is a handler that says who asks.
var greet = http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
	name := PeerOf(request.Context())
	if Newcomer(request.Context()) {
		name += ", who is new"
	}
	_, _ = io.WriteString(answer, "hello "+name+", of "+request.URL.Path)
})

// at finds nodes where a test says they are.
func at(addresses map[string]string) func(string) (string, bool) {
	return func(node string) (string, bool) {
		address, ok := addresses[node]
		return address, ok
	}
}

// get asks a node for a path and returns what it says.
func (w world) get(client *http.Client, url string) (string, error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), soon)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(w, err)
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w, err)
	return string(text), nil
}

// exchange sends a text on a connection to an echo and returns what comes back.
func exchange(conn net.Conn, text string) (string, error) {
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	got := make([]byte, len(text))
	_, err := io.ReadFull(conn, got)
	return string(got), err
}

// eventually waits for a condition.
func (w world) eventually(condition func() bool, what string) {
	w.Helper()
	require.Eventually(w, condition, soon, 5*time.Millisecond, what)
}

// load reads the credentials of a node from files that may be odd.
func (w world) load(files certificate.Files, node string) *certificate.Credentials {
	w.Helper()
	c, err := certificate.Load(files, node, time.Now)
	require.NoError(w, err)
	return c
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, text, 0o600))
}
