package api

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
)

// Promise 8: tokens for data go to their executor where nobody on the way reads
// them, and it is given no such work elsewhere.
func TestPromise8TokensForDataAreNotSentInClear(t *testing.T) {
	for name, c := range map[string]struct {
		from    string
		tls     bool
		header  map[string]string
		private bool
	}{
		"in clear":                       {from: "192.0.2.1:1"},
		"over TLS":                       {from: "192.0.2.1:1", tls: true, private: true},
		"this machine":                   {from: "127.0.0.1:1", private: true},
		"this machine, v6":               {from: "[::1]:1", private: true},
		"an unknown proxy here":          {from: "127.0.0.1:1", header: map[string]string{"X-Forwarded-For": "192.0.2.1"}},
		"another kind of proxy here":     {from: "127.0.0.1:1", header: map[string]string{"Forwarded": "for=192.0.2.1;proto=https"}},
		"a trusted proxy over TLS":       {from: "10.1.2.3:1", header: map[string]string{"X-Forwarded-Proto": "https"}, private: true},
		"a trusted proxy in clear":       {from: "10.1.2.3:1", header: map[string]string{"X-Forwarded-Proto": "http"}},
		"a trusted proxy that is silent": {from: "10.1.2.3:1"},
		"forged":                         {from: "192.0.2.1:1", header: map[string]string{"X-Forwarded-Proto": "https"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) {
				o.Broker = tokened{o.Broker.(*fake)}
				o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			})
			ask := func(path, body string) *http.Response {
				r := call{method: http.MethodPost, path: path, body: body, from: c.from, header: c.header}.request()
				if c.tls {
					r.TLS = &tls.ConnectionState{}
				}
				recorder := httptest.NewRecorder()
				w.server.ServeHTTP(recorder, r)
				return recorder.Result()
			}
			work := text(t, ask("/executors/"+workerID.String()+"/despatch", ""))
			assert.Equal(t, c.private, strings.Contains(work, "hunter2"))
			assert.Contains(t, work, `"scheme":"Bearer"`)
			answer := object(t, ask("/executors", `{"name":"lt-1","kinds":["a","`+despatch.KindDataToken+`"]}`))
			if c.private {
				assert.Contains(t, w.broker.reg.Kinds, despatch.KindDataToken)
				assert.Nil(t, answer["messages"])
				return
			}
			assert.Equal(t, []string{"a"}, w.broker.reg.Kinds)
			assert.Contains(t, answer["messages"].([]any)[0], "https URL")
		})
	}
}

func TestABuiltInExecutorGetsItsTokens(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Broker = tokened{o.Broker.(*fake)} })
	client := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: w.server.Local(builtIn)}}
	work, _, err := client.Despatch(context.Background(), workerID.String(), 0)
	require.NoError(t, err)
	assert.Equal(t, "hunter2", work.Sequence[0].Stage.Authorization.Token.Reveal())
	assert.NotContains(t, w.log.String(), "hunter2")
}
