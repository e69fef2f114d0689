package site

import (
	"context"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/node/config"
)

func TestWithoutAnEndpointNoSpansAreSent(t *testing.T) {
	exporter, err := OpenSpans(config.Default(false).Tracing, Spans{})
	require.NoError(t, err)
	assert.Nil(t, exporter.Tracer())
	exporter.Close()
}

// What the collector is to be known by, and what it wants to see, is read before
// anything begins; what is secret of it is in no error.
func TestWhatIsWrongWithTheWayToTheCollectorIsSaidAtTheStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	const url = "https://collector.example.org"
	for want, c := range map[string]config.Tracing{
		"read the authority of the collector (tracing.ca): open ":                             {CA: filepath.Join(dir, "none.pem")},
		"(tracing.ca): " + dir + "/empty.pem holds no certificate in PEM":                     {CA: write("empty.pem", "", 0o600)},
		"send spans to " + url + " (tracing.headersFile): read a secret: open ":               {HeadersFile: filepath.Join(dir, "none")},
		dir + "/open can be read by others (mode 0644): chmod 600 it":                         {HeadersFile: write("open", "A: hunter2", 0o644)},
		"line 2 of the headers (tracing.headersFile) is no header, as Authorization: Bearer ": {HeadersFile: write("odd", "A: b\nhunter2", 0o600)},
	} {
		c.Endpoint = url
		_, err := OpenSpans(c, Spans{Log: slog.New(slog.DiscardHandler)})
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

// The collector is the operator's own: it may have a private address, a certificate of
// the site's own authority, and its headers go to nobody else.
func TestSpansGoToACollectorOfTheSitesOwn(t *testing.T) {
	dir, seen := t.TempDir(), make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("nothing goes here") }))
	defer elsewhere.Close()
	collector := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		select {
		case seen <- r.Header.Get("Authorization"):
		default:
		}
	}))
	defer collector.Close()
	ca, headers := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "headers")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw}), 0o600))
	require.NoError(t, os.WriteFile(headers, []byte("Authorization: Bearer hunter2\n"), 0o600))
	exporter, err := OpenSpans(config.Tracing{Endpoint: collector.URL, CA: ca, HeadersFile: headers, Sample: 1},
		Spans{Service: "starling", Instance: "a", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	require.NoError(t, err)
	_, span := exporter.Tracer().Serve(context.Background(), http.Header{}, false, "GET", "/")
	span.End()
	exporter.Close()
	assert.Equal(t, "Bearer hunter2", <-seen)
}
