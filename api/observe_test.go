package api

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/node"
)

func TestTheAccessLogHasOneLineForWhatMatters(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	w.get("/sessions")
	w.post("/executors/"+workerID.String()+"/despatch", "")
	assert.Empty(t, log.String(), "reading and polling are not worth a line")
	w.do(call{method: "POST", path: "/requests?x=secret", body: sampleRequest, header: map[string]string{
		"X-Request-Id": "mine-1", "Authorization": "Bearer alice"}})
	w.get("/sessions/x")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 2)
	for _, part := range []string{"level=INFO", "msg=request", "request=mine-1", "user=alice", "method=POST", "route=/requests", "status=303", "ms=", "bytes="} {
		assert.Contains(t, lines[0], part)
	}
	assert.Contains(t, lines[1], "route=/sessions/:uuid status=400")
	assert.NotContains(t, log.String(), "Bearer")
	assert.NotContains(t, log.String(), "secret")
	assert.NotContains(t, log.String(), "ghcr.io")
}

func TestStoppingIsNoErrorInTheLog(t *testing.T) {
	w := newWorld(t)
	w.broker.err = context.Canceled // as a poll that is held
	w.server.EndStreams()
	resp := w.post("/executors/"+workerID.String()+"/despatch", "")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NotContains(t, w.log.String(), "level=ERROR")
}

func TestARequestKeepsItsIdAndGetsOneOtherwise(t *testing.T) {
	w := newWorld(t)
	resp := w.do(call{path: "/sessions", header: map[string]string{"X-Request-Id": "trace_1.2-3"}})
	assert.Equal(t, "trace_1.2-3", resp.Header.Get("X-Request-Id"))
	one, two := w.get("/sessions").Header.Get("X-Request-Id"), w.get("/sessions").Header.Get("X-Request-Id")
	assert.NotEmpty(t, one)
	assert.NotEqual(t, one, two)
}

func TestAPanicIsA500AndALogLineWithTheStack(t *testing.T) {
	w := newWorld(t)
	w.broker.throw = "the sky has fallen"
	p := wantProblem(t, w.get("/sessions"), http.StatusInternalServerError)
	assert.NotContains(t, p["detail"], "sky")
	assert.Contains(t, w.log.String(), "the sky has fallen")
	assert.Contains(t, w.log.String(), "goroutine")
	assert.EqualValues(t, 0, gauge(t, w))
}

// gauge is the number of requests in flight.
func gauge(t *testing.T, w *world) float64 {
	t.Helper()
	families, err := w.server.Gatherer.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "starling_http_requests_in_flight" {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

// However odd the requests, the number of metrics does not grow with them.
func TestMetricsDoNotGrowWithWhatClientsSend(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		w.do(call{method: fmt.Sprintf("M%d", i), path: fmt.Sprintf("/p%d", i)})
		w.do(call{method: fmt.Sprintf("M%d", i), path: "/sessions"})
	}
	families, err := w.server.Gatherer.Gather()
	require.NoError(t, err)
	const ours = 5 // what requests are throttled by, which is always shown
	for _, family := range families {
		assert.LessOrEqual(t, len(family.GetMetric()), ours, family.GetName())
	}
}

func TestReadinessSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, map[string]any{"ready": true, "reasons": []any{}}, object(t, w.get("/readyz")))
	w.broker.wrong = []string{"the disk is full"}
	resp := w.get("/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.Equal(t, []any{"the disk is full"}, object(t, resp)["reasons"])
	assert.Equal(t, http.StatusOK, w.get("/healthz").StatusCode, "it lives all the same")
	w.broker.wrong, w.broker.warned = nil, []string{"the outbox grows"}
	resp = w.get("/readyz")
	assert.Equal(t, http.StatusOK, resp.StatusCode, "a warning is no reason to send work elsewhere")
	assert.Equal(t, []any{"the outbox grows"}, object(t, resp)["messages"])
}

func TestVOSIAvailability(t *testing.T) {
	w := newWorld(t)
	var answer struct {
		XMLName   xml.Name
		Available bool     `xml:"http://www.ivoa.net/xml/VOSIAvailability/v1.0 available"`
		UpSince   string   `xml:"http://www.ivoa.net/xml/VOSIAvailability/v1.0 upSince"`
		Notes     []string `xml:"http://www.ivoa.net/xml/VOSIAvailability/v1.0 note"`
	}
	w.broker.wrong = []string{"less < more"}
	resp := w.do(call{path: "/availability", header: map[string]string{"Accept": "text/xml"}})
	assert.Equal(t, "application/xml", resp.Header.Get("Content-Type"))
	require.NoError(t, xml.Unmarshal([]byte(text(t, resp)), &answer))
	assert.Equal(t, xml.Name{Space: "http://www.ivoa.net/xml/VOSIAvailability/v1.0", Local: "availability"}, answer.XMLName)
	assert.False(t, answer.Available)
	assert.NotEmpty(t, answer.UpSince)
	assert.Equal(t, []string{"less < more"}, answer.Notes)
	wantProblem(t, w.do(call{path: "/availability", header: map[string]string{"Accept": "application/json"}}), http.StatusNotAcceptable)
}

func TestVOSICapabilities(t *testing.T) {
	w := newWorld(t)
	var answer struct {
		XMLName    xml.Name `xml:"http://www.ivoa.net/xml/VOSICapabilities/v1.0 capabilities"`
		Capability []struct {
			Standard  string `xml:"standardID,attr"`
			Interface struct {
				Type   string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr"`
				Access struct {
					Use string `xml:"use,attr"`
					URL string `xml:",chardata"`
				} `xml:"accessURL"`
			} `xml:"interface"`
		} `xml:"capability"`
	}
	require.NoError(t, xml.Unmarshal([]byte(text(t, w.get("/capabilities"))), &answer))
	found := map[string]string{}
	for _, c := range answer.Capability {
		found[c.Standard] = c.Interface.Access.Use + " " + c.Interface.Access.URL
		assert.Equal(t, "vs:ParamHTTP", c.Interface.Type)
	}
	assert.Equal(t, map[string]string{
		standardCapabilities: "full " + testBase + "/capabilities",
		standardAvailability: "full " + testBase + "/availability",
		standardBroker:       "base " + testBase,
	}, found)
}

func TestListenerServesAndDrains(t *testing.T) {
	w := newWorld(t)
	listener := listening(t, w.server)
	url := "http://" + listener.Addr().String()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	resp, err := client.Get(url + "/healthz")
	require.NoError(t, err)
	assert.Equal(t, "ok\n", text(t, resp))

	// A poll and a stream are under way, and end.
	w.broker.live, w.broker.waiting = make(chan node.Event), make(chan struct{})
	waiting := w.broker.waiting
	stream, err := http.NewRequest(http.MethodGet, url+on("/events"), nil)
	require.NoError(t, err)
	stream.Header.Set("Authorization", "Bearer alice")
	open, err := client.Do(stream)
	require.NoError(t, err)
	polled := make(chan int, 1)
	go func() {
		r, _ := http.NewRequest(http.MethodPost, url+"/executors/"+workerID.String()+"/despatch?wait=30s", nil)
		r.Header.Set("Authorization", "Bearer alice")
		resp, err := client.Do(r)
		if err != nil {
			polled <- 0
			return
		}
		resp.Body.Close()
		polled <- resp.StatusCode
	}()
	<-waiting
	require.NoError(t, listener.Shutdown(context.Background()))
	text(t, open)
	assert.Equal(t, http.StatusServiceUnavailable, <-polled)
	assert.ErrorIs(t, <-listener.Done(), http.ErrServerClosed)
	require.NoError(t, listener.Shutdown(context.Background()))
}

func TestHugeHeadersAreRefused(t *testing.T) {
	w := newWorld(t)
	listener := listening(t, w.server)
	defer listener.Shutdown(context.Background())
	connection, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer connection.Close()
	go fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 60<<10))
	answer := make([]byte, 12)
	_, err = connection.Read(answer)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 431", string(answer))
}
