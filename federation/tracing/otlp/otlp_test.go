package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/federation/tracing/otlp/otlptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an exporter, and what it says and counts.
type world struct {
	*Exporter
	t       *testing.T
	metrics *prometheus.Registry
	mu      sync.Mutex
	said    bytes.Buffer
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

func (w *world) log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

// quick is as long as nothing should take.
var quick = Timing{Linger: time.Millisecond, Again: time.Millisecond, AgainMax: 2 * time.Millisecond}

func newWorld(t *testing.T, url string, edit ...func(*Options)) *world {
	w := &world{t: t, metrics: prometheus.NewRegistry()}
	o := Options{
		Endpoint: url, HTTP: &http.Client{Transport: &http.Transport{}}, Sample: 1, Service: "starling", Instance: "a", Version: "test",
		Log: slog.New(slog.NewTextHandler(w, nil)), Metrics: w.metrics, Timing: quick,
	}
	for _, e := range edit {
		e(&o)
	}
	var err error
	w.Exporter, err = Open(o)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// request makes a trace of a request with so many parts, and returns its name.
func (w *world) request(parts int) string {
	ctx, span := w.Tracer().Serve(context.Background(), http.Header{}, false, "GET", "/")
	for range parts {
		_, part := tracing.Start(ctx, "part")
		part.End()
	}
	span.End()
	return string(tracing.Of(ctx))
}

// counted is the sum of a metric's series whose labels have a value; "": of all.
func (w *world) counted(name, label string) (sum float64) {
	all, err := w.metrics.Gather()
	require.NoError(w.t, err)
	for _, family := range all {
		for _, m := range family.Metric {
			if family.GetName() == name && (label == "" || len(m.Label) > 0 && m.Label[0].GetValue() == label) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	require.Eventually(w.t, holds, 30*time.Second, time.Millisecond, what)
}

func TestSpansAreSent(t *testing.T) {
	collector := otlptest.NewCollector(t)
	w := newWorld(t, collector.URL)
	trace := w.request(2)
	w.eventually("all of them", func() bool { return len(collector.Of(trace)) == 3 })
	byName := map[string]otlptest.Span{}
	for _, s := range collector.Of(trace) {
		byName[s.Name] = s
		assert.Equal(t, "a", s.Instance)
		assert.Equal(t, "starling", s.Service)
		assert.LessOrEqual(t, s.Began, s.Ended)
	}
	root := byName["GET /"]
	assert.Empty(t, root.Parent)
	assert.Equal(t, "SPAN_KIND_SERVER", root.Kind)
	assert.Equal(t, map[string]string{"http.request.method": "GET", "http.route": "/"}, root.Facts)
	assert.Equal(t, root.ID, byName["part"].Parent)
	w.eventually("they are counted", func() bool { return w.counted("starling_spans_sent_total", "") == 3 })
	assert.Empty(t, w.log())
}

// What ends last is sent, too: that is when somebody looks.
func TestCloseSendsWhatThereIs(t *testing.T) {
	collector := otlptest.NewCollector(t)
	w := newWorld(t, collector.URL, func(o *Options) { o.Timing.Linger = time.Hour })
	trace := w.request(1000)
	w.Close()
	w.Close()
	assert.Len(t, collector.Of(trace), 1001)
	assert.Empty(t, collector.Of(w.request(0)), "what comes too late does no harm")
}

// Nobody waits for the collector, whatever it does.
func TestABadCollectorHoldsNobodyUp(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"silent":      func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"overloaded":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"broken":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"not at home": nil,
	} {
		t.Run(name, func(t *testing.T) {
			collector := otlptest.NewCollector(t)
			collector.Answer(answer)
			if answer == nil {
				collector.Close()
			}
			w := newWorld(t, collector.URL, func(o *Options) { o.Timing.Farewell = 50 * time.Millisecond })
			const traces, parts = 100, 99
			began := time.Now()
			for range traces {
				w.request(parts)
			}
			assert.Less(t, time.Since(began), 10*time.Second)
			assert.LessOrEqual(t, w.counted("starling_spans_waiting", ""), float64(mostWaiting))
			began = time.Now()
			w.Close()
			assert.Less(t, time.Since(began), 10*time.Second)
			assert.EqualValues(t, traces*(parts+1), w.counted("starling_spans_lost_total", ""), "all are accounted for")
			assert.Positive(t, w.counted("starling_spans_failures_total", ""))
			assert.Equal(t, 1, strings.Count(w.log(), "level=WARN"), w.log())
			assert.Empty(t, collector.Spans())
		})
	}
}

// Until the collector is there again its spans are kept, as far as there is room.
func TestNothingIsLostByACollectorThatIsStartedAgain(t *testing.T) {
	collector := otlptest.NewCollector(t)
	collector.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	w := newWorld(t, collector.URL)
	trace := w.request(5)
	w.eventually("it was tried again", func() bool { return w.counted("starling_spans_failures_total", "") >= 3 })
	assert.Contains(t, w.log(), "the collector answers 503")
	collector.Answer(nil)
	w.eventually("all of them", func() bool { return len(collector.Of(trace)) == 6 })
	w.eventually("it is said", func() bool { return strings.Contains(w.log(), "the collector takes spans") })
	assert.Zero(t, w.counted("starling_spans_lost_total", ""))
}

// A batch that is refused for good isn't sent again, and what comes after it is.
func TestWhatIsRefusedIsInNobodysWay(t *testing.T) {
	collector := otlptest.NewCollector(t)
	collector.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	w := newWorld(t, collector.URL)
	refused := w.request(0)
	w.eventually("it is refused", func() bool { return w.counted("starling_spans_lost_total", lostRefused) == 1 })
	assert.Contains(t, w.log(), "the collector answers 401 Unauthorized; look at tracing.headersFile")
	collector.Answer(nil)
	taken := w.request(0)
	w.eventually("the next is taken", func() bool { return len(collector.Of(taken)) == 1 })
	assert.Empty(t, collector.Of(refused))
}

// Secret headers go to the collector, are looked for anew at every request, and are
// seen nowhere else.
func TestHeadersAreSentAndNotShown(t *testing.T) {
	collector := otlptest.NewCollector(t)
	var mu sync.Mutex
	file, failure := "Authorization: Bearer first\n\nX-Scope-OrgID: ska\n", error(nil)
	headers := func() (identity.Secret, error) {
		mu.Lock()
		defer mu.Unlock()
		return identity.NewSecret(file), failure
	}
	w := newWorld(t, collector.URL, func(o *Options) { o.Headers = headers })
	sent := func() {
		trace := w.request(0)
		w.eventually("it is there", func() bool { return len(collector.Of(trace)) == 1 })
	}
	sent()
	first := collector.Requests()[0]
	assert.Equal(t, "Bearer first", first.Header.Get("Authorization"))
	assert.Equal(t, "ska", first.Header.Get("X-Scope-Orgid"))
	for _, bad := range []string{"Bearer second", "Authorization: \x00second", "A B: second", ": second"} {
		mu.Lock()
		file = bad
		mu.Unlock()
		before := w.counted("starling_spans_failures_total", "")
		trace := w.request(0)
		w.eventually("it isn't sent without", func() bool { return w.counted("starling_spans_failures_total", "") > before })
		mu.Lock()
		file = "Authorization: Bearer second"
		mu.Unlock()
		w.eventually("it is sent with it", func() bool { return len(collector.Of(trace)) == 1 })
	}
	all := collector.Requests()
	assert.Equal(t, "Bearer second", all[len(all)-1].Header.Get("Authorization"))
	assert.Contains(t, w.log(), "line 1 of the headers (tracing.headersFile) is no header")
	assert.NotContains(t, w.log(), "second")

	failure = errors.New("the file is gone")
	_, err := Open(Options{Endpoint: collector.URL, Headers: headers, HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler)})
	assert.EqualError(t, err, "the file is gone", "at the start it is said at once")
}

func TestWhatIsSampled(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	const parent = "00f067aa0ba902b7"
	for _, tt := range []struct {
		name     string
		share    float64
		header   string
		believed bool
		recorded bool
		below    string
	}{
		{"what a node records goes on here, whatever the share", 0, "01", true, true, parent},
		{"a client's wish is none", 0, "01", false, false, ""},
		{"but its own span is above", 1, "01", false, true, parent},
		{"what another doesn't record has no place above", 1, "00", true, true, ""},
		{"nor a client's", 1, "00", false, true, ""},
		{"nothing is recorded", 0, "00", true, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			collector := otlptest.NewCollector(t)
			w := newWorld(t, collector.URL, func(o *Options) { o.Sample = tt.share })
			ctx, span := w.Tracer().Serve(context.Background(), http.Header{tracing.Header: {"00-" + trace + "-" + parent + "-" + tt.header}}, tt.believed, "GET", "/")
			assert.EqualValues(t, trace, tracing.Of(ctx))
			assert.Equal(t, tt.recorded, span.ID() != "")
			out := http.Header{}
			tracing.Send(ctx, out)
			flags := map[bool]string{true: "-01", false: "-00"}[tt.recorded]
			assert.True(t, strings.HasPrefix(out.Get(tracing.Header), "00-"+trace+"-") && strings.HasSuffix(out.Get(tracing.Header), flags), out)
			span.End()
			w.Close()
			spans := collector.Spans()
			if !tt.recorded {
				assert.Empty(t, spans)
				return
			}
			require.Len(t, spans, 1)
			assert.Equal(t, tt.below, spans[0].Parent)
		})
	}
}

// What is done later goes below what it comes of, where that is recorded.
func TestWhatIsDoneLaterIsPartOfTheTree(t *testing.T) {
	collector := otlptest.NewCollector(t)
	w := newWorld(t, collector.URL, func(o *Options) { o.Sample = 0 })
	const trace, span = identity.Trace("4bf92f3577b34da6a3ce929d0e0e4736"), identity.Span("00f067aa0ba902b7")
	for _, none := range []identity.Span{"", "0000000000000000", "00F067AA0BA902B7", "secret"} {
		ctx, later := w.Tracer().Resume(context.Background(), trace, none, "later")
		assert.Equal(t, trace, tracing.Of(ctx))
		assert.Empty(t, later.ID(), none)
		later.End()
	}
	ctx, later := w.Tracer().Resume(context.Background(), trace, span, "later")
	ctx, cancel := context.WithCancel(tracing.Join(ctx, ctx))
	cancel()
	_, part := tracing.Start(ctx, "part")
	part.FailWith(ctx.Err())
	part.End()
	later.End()
	w.Close()
	spans := collector.Spans()
	require.Len(t, spans, 2)
	assert.Empty(t, later.ID(), "it has ended")
	assert.Equal(t, []string{"part", "later"}, []string{spans[0].Name, spans[1].Name})
	assert.Equal(t, []string{spans[1].ID, string(span)}, []string{spans[0].Parent, spans[1].Parent})
	assert.True(t, spans[0].Failed)
	assert.Equal(t, "cancelled", spans[0].Facts["error.type"])
}

// Without a collector there is an exporter and a tracer all the same, which are nil.
func TestNoExporterDoesNothing(t *testing.T) {
	var none *Exporter
	none.Close()
	ctx, span := none.Tracer().Serve(context.Background(), http.Header{}, false, "GET", "/")
	assert.True(t, tracing.Of(ctx).Valid())
	assert.Empty(t, span.ID())
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		ctx, span := tracing.Start(ctx, "part")
		span.Tell(tracing.Peer, "b")
		span.Count(tracing.Asked, 3)
		span.Fail("slow")
		span.End()
		_, span = tracing.Call(ctx, "GET", "/", "b")
		span.End()
	}), "what isn't recorded costs nothing")
	_, later := none.Tracer().Resume(context.Background(), tracing.Of(ctx), "00f067aa0ba902b7", "later")
	later.End()
	assert.Empty(t, later.ID())
}

// However much a span is told, it stays small.
func TestASpanIsBounded(t *testing.T) {
	collector := otlptest.NewCollector(t)
	w := newWorld(t, collector.URL)
	_, span := w.Tracer().Serve(context.Background(), http.Header{}, false, "GET", "/")
	for i := range 1000 {
		span.Tell(tracing.Key(fmt.Sprint("key", i)), strings.Repeat("x", 10_000))
	}
	span.End()
	w.Close()
	spans := collector.Spans()
	require.Len(t, spans, 1)
	assert.LessOrEqual(t, len(spans[0].Facts), mostFacts)
	for _, text := range spans[0].Facts {
		assert.LessOrEqual(t, len(text), mostFact)
	}
}

// Property: whatever a collector answers, each span is taken or counted as lost, once.
func TestEachSpanIsTakenOrCountedAsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		collector := otlptest.NewCollector(t)
		defer collector.Close()
		w := newWorld(t, collector.URL)
		ended := 0
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			status := rapid.SampledFrom([]int{200, 400, 429, 500, 503, 0}).Draw(rt, "status")
			switch status {
			case 200:
				collector.Answer(nil)
			case 0:
				collector.Answer(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			default:
				collector.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			}
			parts := rapid.IntRange(0, 2*mostInBatch).Draw(rt, "parts")
			w.request(parts)
			ended += parts + 1
		}
		w.Close()
		sent, lost := w.counted("starling_spans_sent_total", ""), w.counted("starling_spans_lost_total", "")
		if len(collector.Spans()) != int(sent) || int(sent+lost) != ended {
			rt.Fatalf("of %d the collector has %d, %v were sent and %v lost", ended, len(collector.Spans()), sent, lost)
		}
	})
}
