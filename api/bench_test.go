package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"starling/api/auth"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/federation/tracing/otlp"
	"starling/federation/tracing/otlp/otlptest"
	"starling/node"
	"starling/scheduling"
)

func benchServer(b *testing.B, change ...func(*Options)) (*Server, string) {
	b.Helper()
	issuer, err := auth.LoadIssuer(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	token, err := issuer.Issue(auth.Grant{User: "alice"}, time.Now(), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	o := Options{
		Broker: &fake{}, BaseURL: testBase, Authenticator: auth.Bearer{
			Verifier: auth.NewVerifier(time.Now, 0, issuer.Trusted()), Mapping: auth.NewMapping(auth.MappingOptions{Own: issuer.Name()}),
		},
		Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	server, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	return server, token
}

// discarded is the cheapest answer there is.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarded) WriteHeader(int)             {}

// What this package and the codecs cost of a POST /requests with one offer:
// everything but the network and the broker.
func BenchmarkAskHandler(b *testing.B) {
	server, token := benchServer(b)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/requests", strings.NewReader(sampleRequest))
		r.Header.Set("Authorization", "Bearer "+token)
		server.ServeHTTP(&discarded{header: http.Header{}}, r)
	}
}

// The same where the request leaves a span, which a collector takes.
func BenchmarkAskHandlerWithSpans(b *testing.B) {
	collector := otlptest.NewCollector(b)
	collector.Answer(func(http.ResponseWriter, *http.Request) {})
	exporter, err := otlp.Open(otlp.Options{Endpoint: collector.URL, HTTP: &http.Client{Transport: &http.Transport{}}, Sample: 1, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer exporter.Close()
	server, token := benchServer(b, func(o *Options) { o.Tracer = exporter.Tracer() })
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/requests", strings.NewReader(sampleRequest))
		r.Header.Set("Authorization", "Bearer "+token)
		server.ServeHTTP(&discarded{header: http.Header{}}, r)
	}
}

// The same over loopback, at 16 clients.
func BenchmarkAskOverLoopback(b *testing.B) {
	server, token := benchServer(b)
	askOverLoopback(b, server, token, sampleRequest)
}

func askOverLoopback(b *testing.B, server *Server, token, request string) {
	listening := httptest.NewServer(server)
	defer listening.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	b.SetParallelism(8) // on two cores
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, _ := http.NewRequest(http.MethodPost, listening.URL+"/requests", strings.NewReader(request))
			r.Header.Set("Authorization", "Bearer "+token)
			resp, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusSeeOther || !bytes.Contains(answer, []byte(`"YES"`)) {
				b.Errorf("%d %s", resp.StatusCode, answer)
				return
			}
		}
	})
}

// A despatch by a built-in executor.
func BenchmarkDespatchInProcess(b *testing.B) {
	server, _ := benchServer(b)
	client := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: server.Local(builtIn)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := client.Despatch(b.Context(), workerID.String(), time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

// POST /requests over loopback at 16 clients with a whole broker and fsync on:
// every request is answered with offers, which are held.
func BenchmarkAskWholeNode(b *testing.B) {
	server, token := benchServer(b)
	server.Broker = realBroker(b, b.TempDir(), func(o *node.Options) {
		o.Capacity = scheduling.Resources{Cores: 1 << 30, Memory: 1 << 30, Storage: 1 << 30}
		o.Offers.HoldGroupsPerUser = 1 << 30
	})
	worker := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: server.Local(builtIn)}}
	if _, err := worker.Register(b.Context(), despatch.Registration{
		Name: "simulator", Kinds: []string{ivoa.KindDockerContainer}, Capacity: despatch.Capacity{Cores: 1 << 30, Memory: 1 << 30, Storage: 1 << 30},
	}); err != nil {
		b.Fatal(err)
	}
	askOverLoopback(b, server, token, sampleRequest)
}

// GET /sessions/{uuid} over loopback at its owner, and by way of another node: the
// difference is what a passage costs.
func BenchmarkReadOverLoopback(b *testing.B) {
	s := newSites(b)
	s.keep = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	b.Cleanup(s.keep.CloseIdleConnections)
	for _, name := range []identity.NodeName{"kth", "jodrell"} {
		quietly := s.node(name, func(o *Options) {
			o.Logger, o.Broker = slog.New(slog.NewJSONHandler(io.Discard, nil)), inwards{&fake{}}
		})
		listening := httptest.NewServer(quietly.server)
		b.Cleanup(listening.Close)
		b.Run(string(name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _ := http.NewRequest(http.MethodGet, listening.URL+on(""), nil)
				r.Header.Set("Authorization", "Bearer alice")
				resp, err := listening.Client().Do(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Fatal(resp.Status)
				}
			}
		})
	}
}

// inwards is a broker whose sessions have no connectors elsewhere, as real ones.
type inwards struct{ *fake }

func (i inwards) Session(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.Session, error) {
	session, err := i.fake.Session(ctx, caller, id)
	if err == nil {
		session.Connectors = session.Connectors[:1]
	}
	return session, err
}
