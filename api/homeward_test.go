package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/node/cluster"
)

// hostile is node jodrell, before an owner kth that answers as it likes, and says that
// it is reached at https://kth.example.
func hostile(t *testing.T, answer http.HandlerFunc) *world {
	s := newSites(t)
	asked := s.node("jodrell", func(o *Options) {
		o.Federation = heard{&flock{}, cluster.Member{Name: "kth", URL: "https://kth.example", State: cluster.Alive}}
		o.ownerPatience = 20 * time.Second
	})
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "theirs")
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	return asked
}

// heard is a federation of which one other node is known.
type heard struct {
	*flock
	of cluster.Member
}

func (h heard) Members() []cluster.Member { return []cluster.Member{h.of} }

// An owner speaks for what it owns, and not for the origin of another node.
func TestAnOwnersAnswerSaysNothingOfThisOrigin(t *testing.T) {
	asked := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Set-Cookie": "starling-connect=x; Path=/", "Strict-Transport-Security": "max-age=1", "Clear-Site-Data": "*", "Server": "x",
			"Access-Control-Allow-Origin": "*", "Www-Authenticate": "Basic", "X-Content-Type-Options": "x", "Link": "<https://evil.example>", "Refresh": "0; url=https://evil.example",
			"Content-Security-Policy": "default-src *", "Cache-Control": "public", "Content-Encoding": "gzip", "Referrer-Policy": "unsafe-url", "Starling-Age": "1",
		} {
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, "{}")
	})
	for _, path := range []string{"", "/stdout"} {
		resp := asked.get(on(path))
		assert.Equal(t, 200, resp.StatusCode)
		assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		assert.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.NotEqual(t, "theirs", resp.Header.Get("X-Request-Id"))
		assert.Equal(t, []string{strictTransport}, resp.Header["Strict-Transport-Security"])
		assert.Equal(t, "1", resp.Header.Get("Starling-Age"))
		for _, name := range []string{"Set-Cookie", "Clear-Site-Data", "Server", "Access-Control-Allow-Origin", "Www-Authenticate", "Link", "Refresh", "Content-Encoding"} {
			assert.Empty(t, resp.Header[name], name)
		}
	}
}

// A client is sent nowhere but to this node.
func TestAnOwnerSendsNobodyElsewhere(t *testing.T) {
	location, status := "", 0
	asked := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "{}")
	})
	for to, want := range map[string]string{
		"https://evil.example/": "", "//evil.example/": "", "https://jodrell.example.evil.example/": "", "https://kth.example.evil.example/x": "", "javascript:alert(1)": "",
		"https://user@kth.example/x": "", "///evil.example/x": "", "https://kth.example": "", "http://kth.example/x": "",
		"https://jodrell.example/x": "https://jodrell.example/x", "https://kth.example/x?y#z": "https://jodrell.example/x?y#z",
		"/x": "https://jodrell.example/x", "x": "https://jodrell.example/sessions/x", "../x": "https://jodrell.example/x",
	} {
		location = to
		for _, status = range []int{201, 303, 307} {
			resp := asked.get(on(""))
			assert.Equal(t, want, resp.Header.Get("Location"), "%d %s", status, to)
			if want == "" && status != 201 {
				p := wantProblem(t, resp, http.StatusBadGateway)
				assert.Contains(t, p["detail"], "this belongs to kth, whose answer is not passed on: it sends you elsewhere")
				assert.Contains(t, asked.log.String(), "a node's answer leads elsewhere")
				continue
			}
			assert.Equal(t, status, resp.StatusCode, to)
		}
	}
	location = ""
	status = 302
	wantProblem(t, asked.get(on("/stdout")), http.StatusBadGateway)
}

// Promise 8: every URL in a document that a client follows with its token leads to the
// node that it asks, in whichever form the document comes.
func TestPromise8AnOwnersURLsLeadToTheNodeThatIsAsked(t *testing.T) {
	var media ivoa.Media
	var document any
	asked := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := ivoa.Encode(media, document)
		assert.NoError(t, err)
		w.Header().Set("Content-Type", media.String())
		_, _ = w.Write(body)
	})
	session := func(url string) *ivoa.Session {
		s := sampleSession(ivoa.SessionRunning)
		s.Meta.URL, s.Executable.Base().NeedMeta().URL, s.Compute.Base().NeedMeta().URL = url, url, url
		s.Compute.Mounted().Volumes[0].Base().NeedMeta().URL = url
		s.Data[0].Base().NeedMeta().URL, s.Storage[0].Base().NeedMeta().URL = url, url
		s.Connectors = []ivoa.Connector{
			{Kind: "urn:a", Protocol: "HTTP", Location: url}, {Kind: "urn:b", Protocol: "TCP", Location: "tcp://10.0.0.1:5432"},
			{Kind: "urn:c", Protocol: "HTTP", Location: "https://kth.example/sessions/u/stdout"},
		}
		return s
	}
	for _, media = range []ivoa.Media{ivoa.JSON, ivoa.YAML, ivoa.XML} {
		for url, want := range map[string]string{
			"https://evil.example/x": "", "//evil.example/x": "", "https://kth.example.evil.example/": "", "https://jodrell.example@evil.example/": "", "tcp://evil.example/": "",
			"https://jodrell.example/x": "https://jodrell.example/x", "https://kth.example/x": "https://jodrell.example/x", "/x": "https://jodrell.example/x",
		} {
			label := fmt.Sprintf("%s in %s", url, media)
			check := func(s *ivoa.Session) {
				t.Helper()
				for _, c := range componentsOf(s) {
					if c.Meta != nil {
						assert.Equal(t, want, c.Meta.URL, label)
					}
				}
				var locations []string
				for _, c := range s.Connectors {
					locations = append(locations, c.Location)
				}
				all := []string{want, "tcp://10.0.0.1:5432", "https://jodrell.example/sessions/u/stdout"}
				if want == "" {
					all = all[1:]
				}
				assert.Equal(t, all, locations, label)
				said := false
				for _, m := range s.Meta.Messages {
					if said = said || m.Kind == messageLeftOut; m.Kind == messageLeftOut {
						assert.Contains(t, m.Text, "kth gives a URL for ")
						assert.NotEmpty(t, m.Time)
						assert.Equal(t, ivoa.LevelWarn, m.Level)
					}
				}
				assert.Equal(t, want == "", said, label)
			}
			document = session(url)
			body := text(t, asked.get(on("")))
			var got ivoa.Session
			_, err := ivoa.Decode(media, []byte(body), ivoa.Limits{}, &got)
			require.NoError(t, err, body)
			check(&got)
			if want == "" {
				assert.NotContains(t, body, "evil", label)
			}

			set := &ivoa.OfferSet{Result: ivoa.Yes, Offers: []*ivoa.Session{session(url)}}
			set.NeedMeta().URL = url
			document = set
			var offers ivoa.OfferSet
			_, err = ivoa.Decode(media, []byte(text(t, asked.get("/offersets/"+offersID.String()))), ivoa.Limits{}, &offers)
			require.NoError(t, err)
			assert.Equal(t, want, offers.Meta.URL, label)
			check(offers.Offers[0])
		}
	}
}

// What an owner can't have meant well isn't passed on; what it leads to by itself is.
func TestDocumentsOfOwnersArePassedOnAsTheyAre(t *testing.T) {
	body := ""
	asked := hostile(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) })
	for _, body = range []string{
		`{"kind":"x","newer":{"than":["this","node"]},"meta":{"url":"https://jodrell.example/x"},"data":[{"location":"https://archive.example/x"}]}`,
		` {"connectors":[{"location":"https://jodrell.example/x"}],"url":{"location":"https://archive.example"}}`,
	} {
		assert.Equal(t, body, text(t, asked.get(on(""))), "to the byte")
	}
	for _, body = range []string{
		`{"meta":{"URL":"https://evil.example/x"}}`, `{"meta":{"url":"https://jodrell.example/x","Url":"https://evil.example/x"}}`,
		`{"CONNECTORS":[{"location":"https://evil.example/"}]}`, `{"connectors":[{"x":[1],"Location":"https://evil.example/"}]}`,
	} {
		body = `{"kind":"` + ivoa.KindScheduledSession + `","phase":"RUNNING",` + body[1:]
		resp := asked.get(on(""))
		assert.Equal(t, 200, resp.StatusCode, body)
		assert.NotContains(t, text(t, resp), "evil", body)
	}
	for _, body = range []string{
		"{", "{}{}", `{"meta":{"url":"https://jodrell.example/x","url":"https://evil.example/x"}}`, "\xff",
	} {
		wantProblem(t, asked.get(on("")), http.StatusBadGateway)
	}
	body = `{"files": [{"name": "a b", "url": "https://evil.example/"}]}`
	assert.Contains(t, text(t, asked.get(on("/files"))), `"url":"https://jodrell.example`+on(`/files/a%20b"`))
	for _, body = range []string{`{"session": {"url": "https://evil.example/"}}`, `{"Session": {"URL": "https://evil.example/"}}`} {
		wantProblem(t, asked.post("/executors/"+workerID.String()+"/despatch", ""), http.StatusBadGateway)
	}
	body = `{"session": {"url": "https://jodrell.example/x"}, "sequence": [{"url": "https://archive.example"}]}`
	assert.Equal(t, body, text(t, asked.post("/executors/"+workerID.String()+"/despatch", "")))
	for _, body = range []string{`{"url": "https://evil.example/"}`, `{"url": "https://jodrell.example/sessions/x/links/lab/secret"}`, `{"url": "https://jodrell.example` + on(`/links/lab/se/../cret"}`), `{"url": "/"}`} {
		resp := asked.do(call{method: "POST", path: on("/links/lab")})
		assert.NotContains(t, text(t, resp), "evil")
	}
}

// Whatever an owner does, the client hears soon what it can do about it, and this node
// spends no more than its bounds.
func TestAnOwnerThatMisbehavesIsBounded(t *testing.T) {
	flood := strings.Repeat("x", 1<<20)
	for name, try := range map[string]struct {
		path   string
		answer http.HandlerFunc
		status int
		words  string
	}{
		"huge": {"", func(w http.ResponseWriter, r *http.Request) {
			for range 9 {
				_, _ = io.WriteString(w, flood)
			}
		}, 502, "more than 8388608 bytes"},
		"huge problem": {"/stdout", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", problemType)
			w.WriteHeader(404)
			_, _ = io.WriteString(w, flood)
		}, 502, "more than 65536 bytes"},
		"endless headers": {"", func(w http.ResponseWriter, r *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprintf("X-%d", i), flood[:1<<10])
			}
		}, 503, "can't be reached"},
		"drips": {"", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Millisecond)
			}
		}, 503, "can't be reached"},
		"breaks off": {"", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"kind":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 503, "can't be reached"},
		"a page": {"", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<script>alert(1)</script>")
		}, 502, "it is no document: text/html"},
		"a page for a list": {"/files", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<script>alert(1)</script>")
		}, 502, "it is no JSON: text/html"},
		"a page for a problem": {"/stdout", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(404)
			_, _ = io.WriteString(w, "<script>alert(1)</script>")
		}, 502, "not as nodes do: text/html"},
		"no problem": {"", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", problemType)
			w.WriteHeader(404)
			_, _ = io.WriteString(w, "<script>")
		}, 502, "it is no JSON"},
		"early answers without end": {"", func(w http.ResponseWriter, r *http.Request) {
			for range 10_000 {
				w.Header().Set("Link", "<https://evil.example>")
				w.WriteHeader(http.StatusEarlyHints)
			}
			_, _ = io.WriteString(w, "{}")
		}, 503, "can't be reached"},
		"another protocol": {"", takesOver, 502, "nobody has asked for that"},
		"another protocol, for a program": {"/connect/lab/x", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(programHeader, "1")
			takesOver(w, r)
		}, 502, "nobody has asked for that"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := hostile(t, try.answer)
			if name == "drips" {
				asked.server.ownerPatience = 200 * time.Millisecond
			}
			resp := fetch(t, "GET", port(t, asked)+on(try.path), "", "Authorization", byAlice)
			p := wantProblem(t, resp, try.status)
			assert.Contains(t, p["detail"], "this belongs to kth")
			assert.Contains(t, p["detail"], try.words)
			assert.Empty(t, resp.Header.Get("Link"))
			assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), "its own headers are all there")
			eventually(t, func() bool { return asked.server.passages.open() == 0 })
		})
	}
}

// takesOver switches to a protocol that nobody has asked for, and says so or not.
func takesOver(w http.ResponseWriter, r *http.Request) {
	h := w.Header().Clone()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(conn)
	fmt.Fprintf(conn, "\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
}

// A few early answers are no fault, and this node's own headers stay.
func TestEarlyAnswersStayBehind(t *testing.T) {
	asked := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</x>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "{}")
	})
	resp := fetch(t, "GET", port(t, asked)+on(""), "", "Authorization", byAlice)
	assert.Equal(t, 200, resp.StatusCode)
	guarded(t, resp.Header, "as ever")
	assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))
}

// An owner that answers before it has read all leaves a body to whoever sends it on; when
// that goes on, the request is over, and what it was read by may be another's.
func TestPromise8NoRequestsBodyIsReadForAnother(t *testing.T) {
	w := newWorld(t)
	r := call{method: "POST", path: "/x", body: "first"}.request()
	c := w.server.echo.NewContext(r, httptest.NewRecorder())
	v := &visit{Context: c, server: w.server}
	body := v.patientBody()
	c.Reset(call{method: "POST", path: "/y", body: "another's"}.request(), httptest.NewRecorder())
	piece := make([]byte, 3)
	n, err := body.Read(piece)
	require.NoError(t, err)
	assert.Equal(t, "fir", string(piece[:n]))
	body.end()
	_, err = body.Read(piece)
	assert.ErrorIs(t, err, http.ErrBodyReadAfterClose)
}

// Files of an owner's are for saving, whatever it says that they are.
func TestAnOwnersFilesAreNoPages(t *testing.T) {
	asked := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Disposition", "inline")
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	})
	for _, path := range []string{"/files/a.html", "/stdout"} {
		resp := asked.get(on(path))
		assert.Equal(t, "application/octet-stream", resp.Header.Get("Content-Type"))
		assert.Equal(t, []string{sandbox}, resp.Header["Content-Security-Policy"])
		assert.NotEqual(t, "inline", resp.Header.Get("Content-Disposition")[:min(6, len(resp.Header.Get("Content-Disposition")))])
	}
}

// What is passed on unread holds no URL that leads elsewhere, however it is written:
// also for readers that don't care about case.
func FuzzLeadHere(f *testing.F) {
	for _, seed := range []string{
		`{"meta":{"url":"https://a.example/x"}}`, `{"meta":{"Url":"x"}}`, `{"connectors":[{"location":"https://a.example/"}]}`,
		`{"connectors":[[{"x":1}],{"location":"x"}]}`, `{"connectors":{"location":"x"}}`, `{"url":["x"]}`, `{"\u0075rl":"x"}`, `{"a":[],"url":"x"}`, `{"a":"url","b":"x"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !leadHere([]byte(body), "https://a.example") {
			return
		}
		var value any
		require.NoError(t, json.Unmarshal([]byte(body), &value), body)
		seenByAnybody(t, value, "", false)
	})
}

// seenByAnybody walks a document as the least careful of clients would.
func seenByAnybody(t *testing.T, value any, name string, connectors bool) {
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			seenByAnybody(t, v, strings.ToLower(name), connectors || strings.EqualFold(name, "connectors"))
		}
	case []any:
		for _, v := range value {
			seenByAnybody(t, v, "", connectors)
		}
	case string:
		if name == "url" || connectors && name == "location" {
			assert.True(t, strings.HasPrefix(value, "https://a.example/"), value)
		}
	}
}
