package stage

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/federation/address"
	"starling/federation/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const table = "id,flux\n1,2.5\n2,3.5\n3,4.5\n"

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// fetch fetches from a handler with a stager that may use loopback.
func fetch(t *testing.T, handler http.HandlerFunc, r Request, change ...func(*Options)) (Result, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	o := Options{AllowPrivate: true, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	s := New(o)
	defer s.Close()
	if r.Dir == "" {
		r.Dir = t.TempDir()
	}
	r.URL = server.URL + r.URL
	result, err := s.Fetch(t.Context(), r)
	left, _ := filepath.Glob(filepath.Join(r.Dir, ".staging-*"))
	assert.Empty(t, left, "no part of a file stays")
	return result, err
}

func whole(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, table) }

func TestFileBearsTheNameOfItsURL(t *testing.T) {
	got, err := fetch(t, whole, Request{URL: "/a/table%20one.csv?sig=x"})
	require.NoError(t, err)
	assert.Equal(t, "table one.csv", filepath.Base(got.Path))
	assert.Equal(t, sum(table), got.SHA256)
	assert.False(t, got.Checked)
	content, err := os.ReadFile(got.Path)
	require.NoError(t, err)
	assert.Equal(t, table, string(content))
}

func TestWrongChecksumLeavesNoFile(t *testing.T) {
	for name, c := range map[string]struct {
		request Request
		header  [2]string
	}{
		"asked for":    {request: Request{SHA256: sum("other")}},
		"size":         {request: Request{Bytes: 5}},
		"Repr-Digest":  {header: [2]string{"Repr-Digest", "sha-256=:" + digestOf("other") + ":"}},
		"older Digest": {header: [2]string{"Digest", "MD5=xx,SHA-256=" + digestOf("other")}},
	} {
		t.Run(name, func(t *testing.T) {
			c.request.Dir = t.TempDir()
			_, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
				if c.header[0] != "" {
					w.Header().Set(c.header[0], c.header[1])
				}
				whole(w, r)
			}, c.request)
			require.Error(t, err)
			assert.False(t, Retryable(err))
			left, _ := os.ReadDir(c.request.Dir)
			assert.Empty(t, left)
		})
	}
}

func digestOf(text string) string {
	s := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(s[:])
}

func TestServersDigestIsChecked(t *testing.T) {
	got, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Repr-Digest", "sha-512=:AA==:, sha-256=:"+digestOf(table)+":")
		whole(w, r)
	}, Request{})
	require.NoError(t, err)
	assert.True(t, got.Checked)
}

// broken serves a file whose connection breaks after every few bytes, of the
// version that the function gives at each request.
func broken(requests *[]string, version func(n int) (tag, text string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tag, text := version(len(*requests))
		*requests = append(*requests, r.Header.Get("Range"))
		w.Header().Set("ETag", tag)
		from := 0
		if r.Header.Get("If-Range") == tag {
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		}
		rest := text[from:]
		w.Header().Set("Content-Length", fmt.Sprint(len(rest)))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(text)-1, len(text)))
			w.WriteHeader(http.StatusPartialContent)
		}
		fmt.Fprint(w, rest[:min(10, len(rest))])
		if len(rest) > 10 {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

func TestBrokenConnectionIsTakenUpWhereItBroke(t *testing.T) {
	var requests []string
	got, err := fetch(t, broken(&requests, func(int) (string, string) { return `"one"`, table }), Request{SHA256: sum(table)})
	require.NoError(t, err)
	assert.Equal(t, int64(len(table)), got.Bytes)
	assert.Equal(t, []string{"", "bytes=10-", "bytes=20-"}, requests)
}

func TestFileThatChangesMeanwhileIsFetchedAnew(t *testing.T) {
	var requests []string
	other := strings.ToUpper(table)
	got, err := fetch(t, broken(&requests, func(n int) (string, string) {
		if n == 0 {
			return `"one"`, table
		}
		return `"two"`, other
	}), Request{})
	require.NoError(t, err)
	assert.Equal(t, sum(other), got.SHA256, "never a mixture of two versions")
}

func TestServerWithoutRangesIsAskedForEverythingAgain(t *testing.T) {
	n := 0
	got, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(table)))
			fmt.Fprint(w, table[:7])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		whole(w, r)
	}, Request{})
	require.NoError(t, err)
	assert.Equal(t, sum(table), got.SHA256)
}

func TestBusyServerIsAskedAgainAndAMissingFileIsNot(t *testing.T) {
	for status, want := range map[int]int{503: 3, 500: 3, 429: 3, 404: 1, 403: 1, 410: 1} {
		n := 0
		_, err := fetch(t, func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.WriteHeader(status)
		}, Request{}, func(o *Options) { o.Tries = 3 })
		require.Error(t, err)
		assert.Equal(t, want, n, status)
		assert.Equal(t, want > 1, Retryable(err), status)
	}
}

func TestFileOverTheLimitIsRefused(t *testing.T) {
	_, err := fetch(t, whole, Request{Limit: 10})
	require.ErrorContains(t, err, "10 bytes")
	_, err = fetch(t, func(w http.ResponseWriter, r *http.Request) { // of no announced length
		for range 10 {
			whole(w, r)
			w.(http.Flusher).Flush()
		}
	}, Request{Limit: 10})
	require.ErrorContains(t, err, "10 bytes")
}

func TestSilentServerIsGivenUp(t *testing.T) {
	_, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "some")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, Request{}, func(o *Options) { o.Idle, o.Tries = 20*time.Millisecond, 1 })
	require.ErrorIs(t, err, errIdle)
	assert.True(t, Retryable(err))
}

func TestRedirectsAreFewAndGuarded(t *testing.T) {
	n := 0
	_, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		http.Redirect(w, r, fmt.Sprint("/", n), http.StatusFound)
	}, Request{}, func(o *Options) { o.Tries = 1 })
	require.ErrorContains(t, err, "redirects")
	assert.Equal(t, 6, n)
	for _, to := range []string{"http://169.254.169.254/latest", "ftp://example.org/x", "file:///etc/passwd", "http://[::ffff:169.254.1.1]/"} {
		_, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to, http.StatusFound)
		}, Request{})
		require.Error(t, err, to)
		assert.False(t, Retryable(err), to)
	}
}

func TestLoopbackIsForbiddenUnlessAllowed(t *testing.T) {
	_, err := fetch(t, whole, Request{}, func(o *Options) { o.AllowPrivate = false })
	require.ErrorAs(t, err, new(*outbound.Refusal))
	require.ErrorContains(t, err, "outbound.allow")
	assert.False(t, Retryable(err))
}

func TestSitesOwnAddressMayBeAllowed(t *testing.T) {
	ranges, _, err := address.ParseRanges([]string{"127.0.0.0/8"})
	require.NoError(t, err)
	_, err = fetch(t, whole, Request{}, func(o *Options) { o.AllowPrivate, o.Allow = false, ranges })
	require.NoError(t, err)
}

func TestErrorsKeepSecrets(t *testing.T) {
	s := New(Options{Tries: 1})
	defer s.Close()
	for _, url := range []string{"http://user:secret@127.0.0.1:9/x?sig=secret#secret", "gopher://user:secret@h/x?secret", "http://%zz/secret?x", "://secret"} {
		_, err := s.Fetch(t.Context(), Request{URL: url, Dir: t.TempDir(), Name: "x"})
		require.Error(t, err)
		assert.NotContains(t, strings.ReplaceAll(err.Error(), "/secret", ""), "secret", url)
	}
}

func TestSanitise(t *testing.T) {
	for in, want := range map[string]string{
		"table.vot": "table.vot", "..": "data", "": "data", "/": "data", ".bashrc": "_bashrc", "../x": "__x",
		"a/b": "a_b", "a\x00b\n": "a_b_", "a\xffb": "a_b", "naïve λ.fits": "naïve λ.fits",
	} {
		assert.Equal(t, want, Sanitise(in), "%q", in)
	}
	assert.LessOrEqual(t, len(Sanitise(strings.Repeat("é", 300))), maxName)
}

func FuzzSanitise(f *testing.F) {
	f.Add("../../etc/passwd")
	f.Fuzz(func(t *testing.T, name string) {
		got := Sanitise(name)
		if got == "" || got[0] == '.' || strings.ContainsAny(got, "/\x00\n") || len(got) > maxName {
			t.Fatalf("%q became %q", name, got)
		}
	})
}
