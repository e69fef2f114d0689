package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

// private serves a server over TLS until the test ends, and returns its URL and
// the client's side of TLS.
func private(t testing.TB, s *Server) (string, *tls.Config) {
	t.Helper()
	pem, key := certificatetest.Server(t, t.TempDir())
	public, err := certificate.LoadPublic(pem, key, "127.0.0.1", time.Now)
	require.NoError(t, err)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := Serve(socket, s, public.Server())
	t.Cleanup(func() {
		require.NoError(t, l.Shutdown(context.Background()))
		require.ErrorIs(t, <-l.Done(), http.ErrServerClosed)
	})
	text, err := os.ReadFile(pem)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(text))
	return "https://" + l.Addr().String(), &tls.Config{RootCAs: pool}
}

func TestClientsAreServedOverTLSAndHTTP2(t *testing.T) {
	s, err := New(Options{Broker: &fake{}, BaseURL: "https://broker.example.org", Authenticator: names{}})
	require.NoError(t, err)
	base, config := private(t, s)
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	answer, err := client.Get(base + "/healthz")
	require.NoError(t, err)
	assert.Equal(t, "ok\n", text(t, answer))
	assert.Equal(t, 2, answer.ProtoMajor)
	assert.Equal(t, "max-age=31536000", answer.Header.Get("Strict-Transport-Security"))

	plain, err := http.Get("http://" + base[len("https://"):] + "/healthz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, plain.StatusCode, "nothing is served in the clear")
	text(t, plain)
	http.DefaultClient.CloseIdleConnections()

	old := config.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	_, err = tls.Dial("tcp", base[len("https://"):], old)
	require.Error(t, err, "nothing older than TLS 1.2")
}

func TestInTheClearNothingIsSaidOfTLS(t *testing.T) {
	s, err := New(Options{Broker: &fake{}, BaseURL: "http://127.0.0.1:7733", Authenticator: names{}})
	require.NoError(t, err)
	l := listening(t, s)
	defer func() { require.NoError(t, l.Shutdown(context.Background())) }()
	answer, err := http.Get("http://" + l.Addr().String() + "/healthz")
	require.NoError(t, err)
	text(t, answer)
	assert.Empty(t, answer.Header.Get("Strict-Transport-Security"))
	http.DefaultClient.CloseIdleConnections()
}

// What is wrong with keys and certificates is no reason to send work elsewhere, and
// is shown.
func TestReadinessShowsWhatElseIsNotWell(t *testing.T) {
	s, err := New(Options{
		Broker: &fake{}, BaseURL: testBase, Authenticator: names{},
		Warnings: func() []string { return []string{"tls: the certificate ends"} },
	})
	require.NoError(t, err)
	l := listening(t, s)
	defer func() { require.NoError(t, l.Shutdown(context.Background())) }()
	answer, err := http.Get("http://" + l.Addr().String() + "/readyz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, []any{"tls: the certificate ends"}, object(t, answer)["messages"])
	http.DefaultClient.CloseIdleConnections()
}

// TLS costs a read over a connection that is kept less than a fifth: compare the
// two.
func BenchmarkReadKeptAlive(b *testing.B) {
	s, err := New(Options{Broker: &fake{}, BaseURL: testBase, Authenticator: names{}, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	for name, of := range map[string]func(b *testing.B) (string, *tls.Config){
		"plain": func(b *testing.B) (string, *tls.Config) {
			l := listening(b, s)
			b.Cleanup(func() { _ = l.Shutdown(context.Background()) })
			return "http://" + l.Addr().String(), nil
		},
		"tls": func(b *testing.B) (string, *tls.Config) { return private(b, s) },
	} {
		b.Run(name, func(b *testing.B) {
			base, config := of(b)
			transport := &http.Transport{TLSClientConfig: config} // HTTP/1.1: the same in both
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			reads := make([]time.Duration, 0, 4096)
			for b.Loop() {
				began := time.Now()
				request, _ := http.NewRequest(http.MethodGet, base+"/sessions", nil)
				request.Header.Set("Authorization", "Bearer alice")
				answer, err := client.Do(request)
				if err != nil {
					b.Fatal(err)
				}
				text(b, answer)
				reads = append(reads, time.Since(began))
			}
			b.ReportMetric(float64(slices.Sorted(slices.Values(reads))[len(reads)/2].Nanoseconds())/1e3, "p50-µs")
		})
	}
}
