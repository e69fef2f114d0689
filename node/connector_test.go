package node

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// withOrigins registers the world's built-in executor again, with origins.
func (w *world) withOrigins(origins ...string) {
	w.t.Helper()
	_, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
		Name: "process", Kinds: testKinds, Schemes: []string{"http", "https"}, Origins: origins,
		Capacity: despatch.Capacity{Cores: w.options.Capacity.Cores, Memory: w.options.Capacity.Memory, Storage: w.options.Capacity.Storage},
	})
	require.NoError(w.t, err)
}

// open reports a connector of an attempt of the built-in executor's.
func (w *world) open(d *despatch.Despatch, c despatch.Connector) error {
	w.keys++
	_, err := w.Report(context.Background(), builtIn, ref(w.t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
		{Key: "first" + strconv.Itoa(w.keys), Type: despatch.LogLine, Message: "hello", Time: time.Now()},
		{Key: "connector" + strconv.Itoa(w.keys), Type: despatch.ConnectorOpened, Time: time.Now(), Connector: &c},
	}}, 0)
	return err
}

var notebook = despatch.Connector{Name: "notebook", Protocol: despatch.ProtocolHTTP, Origin: "http://172.18.0.2:8888"}

// running is a session of alice's that runs.
func (w *world) running() (*ivoa.Session, *despatch.Despatch) {
	s := w.accepted(alice, request(1))
	d := w.takeWork()
	_, err := w.report(d, despatch.ActionStarted, "run")
	require.NoError(w.t, err)
	return s, d
}

func fieldOf(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return string(p.Code) + " " + p.Field
	}
	return ""
}

func TestAConnectorIsListedUntilTheAttemptsEnd(t *testing.T) {
	w := newWorld(t)
	w.withOrigins("172.18.0.0/16")
	s, d := w.running()
	require.NoError(t, w.open(d, notebook))
	require.NoError(t, w.open(d, despatch.Connector{Name: "db", Protocol: despatch.ProtocolTCP, Origin: "tcp://172.18.0.3:5432"}))
	want := []ivoa.Connector{
		{Kind: kindConnector, Status: ivoa.ConnectorAvailable, Protocol: "HTTP", Location: "/sessions/" + s.UUID() + "/connect/notebook/"},
		{Kind: kindConnector, Status: ivoa.ConnectorAvailable, Protocol: "TCP", Location: "tcp://172.18.0.3:5432"},
	}
	assert.Equal(t, want, w.session(s).Connectors[2:])
	w.crash()
	assert.Equal(t, want, w.session(s).Connectors[2:], "connectors survive a crash, as the attempt does")

	_, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
		{Key: "close", Type: despatch.ConnectorClosed, Time: time.Now(), Connector: &despatch.Connector{Name: "notebook"}},
	}}, 0)
	require.NoError(t, err)
	want[0].Status = ivoa.ConnectorFinished
	assert.Equal(t, want, w.session(s).Connectors[2:])
	_, err = w.complete(d, completion(d, despatch.Completed))
	require.NoError(t, err)
	want[1].Status = ivoa.ConnectorFinished
	assert.Equal(t, want, w.session(s).Connectors[2:])
}

func TestAConnectorOutsideOfItsExecutorsOriginsIsRefused(t *testing.T) {
	w := newWorld(t)
	w.withOrigins("172.18.0.0/16:8888", "127.0.0.1:8888")
	s, d := w.running()
	for _, bad := range []struct {
		edit  func(*despatch.Connector)
		field string
	}{
		{func(c *despatch.Connector) { c.Origin = "http://172.19.0.2:8888" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://172.18.0.2:22" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://172.18.0.2" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://169.254.169.254:80" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://[::ffff:172.19.0.2]:8888" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://notebook:8888" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://user@172.18.0.2:8888" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "http://172.18.0.2:8888/lab" }, "/origin"},
		{func(c *despatch.Connector) { c.Origin = "https://172.18.0.2:8888" }, "/origin"},
		{func(c *despatch.Connector) { c.Protocol = "UDP" }, "/protocol"},
		{func(c *despatch.Connector) { c.Name = "" }, "/name"},
		{func(c *despatch.Connector) { c.Name = ".." }, "/name"},
		{func(c *despatch.Connector) { c.Name = "a/b" }, "/name"},
		{func(c *despatch.Connector) { c.Path = "lab" }, "/path"},
		{func(c *despatch.Connector) { c.Path = "//evil.example" }, "/path"},
		{func(c *despatch.Connector) { c.Path = "/a/../b" }, "/path"},
		{func(c *despatch.Connector) { c.Path = "/a?b" }, "/path"},
	} {
		c := notebook
		bad.edit(&c)
		assert.Equal(t, "invalid /updates/1/connector"+bad.field, fieldOf(w.open(d, c)), "%+v", c)
	}
	assert.Len(t, w.session(s).Connectors, 2, "a refused report changes nothing")
	for _, good := range []despatch.Connector{
		notebook,
		{Name: "n-2", Protocol: despatch.ProtocolHTTPS, Origin: "https://[::ffff:172.18.0.2]:8888/", Path: "/lab/"},
		{Name: "n.3", Protocol: despatch.ProtocolHTTP, Origin: "http://127.0.0.1:8888", Path: "/"},
	} {
		assert.NoError(t, w.open(d, good))
	}
}

func TestConnectorsOfASessionAreBounded(t *testing.T) {
	w := newWorld(t)
	w.withOrigins("172.18.0.0/16")
	_, d := w.running()
	for i := range maxConnectors {
		c := notebook
		c.Name += strconv.Itoa(i)
		require.NoError(t, w.open(d, c))
	}
	assert.Equal(t, "invalid /updates/1/connector", fieldOf(w.open(d, notebook)))
}

func TestOnlyBuiltInExecutorsRegisterWhatTheConfigurationDoesNotAdmit(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Connect.Networks = []string{"10.0.0.0/8", "127.0.0.1:8888"} })
	register := func(caller identity.Caller, origins ...string) string {
		_, _, err := w.Register(context.Background(), caller, despatch.Registration{Name: "process", Kinds: testKinds, Origins: origins})
		return fieldOf(err)
	}
	assert.Empty(t, register(robot, "10.7.0.0/16", "10.8.0.1:80", "127.0.0.1:8888"))
	assert.Equal(t, "invalid /origins/1", register(robot, "10.7.0.0/16", "127.0.0.1"))
	assert.Equal(t, "invalid /origins/0", register(robot, "0.0.0.0/0"))
	assert.Equal(t, "invalid /origins/0", register(robot, "localhost:80"))
	assert.Empty(t, register(builtIn, "127.0.0.1", "0.0.0.0/0"))
	for _, never := range []string{"169.254.169.254", "0.0.0.0:80", "224.0.0.0/8", "[::ffff:169.254.0.0]/112", "fe80::/64"} {
		assert.Equal(t, "invalid /origins/0", register(builtIn, never), never)
	}
}
