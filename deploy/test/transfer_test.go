package systemtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// throttled is a server that gives a file no faster than at a rate, in bytes per
// second, and notes how long that took.
type throttled struct {
	content []byte
	rate    int
	mu      sync.Mutex
	took    []time.Duration
}

func (s *throttled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	w.Header().Set("Content-Length", strconv.Itoa(len(s.content)))
	const piece = 64 << 10
	for sent := 0; sent < len(s.content); sent += piece {
		due := began.Add(time.Duration(float64(sent+piece) / float64(s.rate) * float64(time.Second)))
		timer := time.NewTimer(time.Until(due))
		select {
		case <-timer.C:
		case <-r.Context().Done():
			timer.Stop()
			return
		}
		if _, err := w.Write(s.content[sent:min(sent+piece, len(s.content))]); err != nil {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, time.Since(began))
}

// An object of the data lake is fetched from the replica that the node has chosen;
// how long that took is what the next offer says, also after a crash.
func TestANodeLearnsHowFastDataCome(t *testing.T) {
	t.Parallel()
	source := &throttled{content: bytes.Repeat([]byte("0123456789abcdef"), 1<<20), rate: 8 << 20}
	server := httptest.NewServer(source)
	defer server.Close()
	sum := sha256.Sum256(source.content)
	n := newNode(t, t.TempDir()+"/data")
	require.NoError(t, os.WriteFile(n.Data+".yaml", []byte(prices+`
storageElements: [{name: HOME, bandwidth: 10 GB/s}]
bandwidths: [{from: SLOW, bandwidth: 5 kB/s}]
`), 0o600))
	n.Start()
	skao := func(bytes int, replicas ...any) object {
		w := work{command: sh("sha256sum < input/table > sum.txt"), data: "x"}
		return w.with(object{"data": list{object{
			"kind": calycopis + "/data/skao-data-resource.yaml", "meta": object{"name": "data"},
			"skao": object{"namespace": "testing", "objectname": "table", "objecttype": "FILE", "datasize": bytes, "replicas": replicas},
		}}})
	}
	far := object{"rsename": "FAR", "dataurl": server.URL + "/table"}
	slow := object{"rsename": "SLOW", "dataurl": "https://storm.example.org/table"}
	ask := func(request object) (id string, says map[string]string) {
		var set offerSet
		n.do("POST", "/requests", request).into(t, &set)
		require.Equal(t, "YES", set.Result, "%v", set.Meta.Messages)
		for _, m := range set.Offers[0].Meta.Messages {
			if m.Kind == "urn:starling:message:transfer" {
				return set.Offers[0].Meta.UUID, m.Values
			}
		}
		require.Fail(t, "the offer says nothing of its data", "%v", set.Offers[0].Meta.Messages)
		return "", nil
	}
	seconds := func(says map[string]string) float64 {
		s, err := strconv.ParseFloat(says["seconds"], 64)
		require.NoError(t, err)
		return s - 5 // to begin with
	}
	request := skao(len(source.content), slow, far)
	request["data"].(list)[0].(object)["skao"].(object)["checksum"] = object{"type": "SHA256", "value": hex.EncodeToString(sum[:])}
	id, says := ask(request)
	assert.Equal(t, "FAR", says["source"], "SLOW is slower")
	assert.Equal(t, strconv.Itoa(len(source.content)), says["moved"])
	assert.InEpsilon(t, 16.0/50, seconds(says), 0.01, "nobody knows better")
	require.Equal(t, 200, n.setPhase(id, "ACCEPTED").Status)
	n.ranOnce(id, "COMPLETED")
	assert.Contains(t, n.file(id, "sum.txt"), hex.EncodeToString(sum[:]))

	source.mu.Lock()
	took := source.took[0].Seconds()
	source.mu.Unlock()
	_, says = ask(skao(100*len(source.content), far))
	learned := float64(100*len(source.content)) / seconds(says)
	really := float64(len(source.content)) / took
	t.Logf("learned %.2f MiB/s; the server gave %.2f", learned/(1<<20), really/(1<<20))
	assert.Less(t, learned, really*1.01, "it can't have come faster than it was given")
	assert.Greater(t, learned, really/3, "the executor has more to do than to fetch, on a busy machine")
	before := says
	n.Restart()
	_, says = ask(skao(100*len(source.content), far))
	assert.Equal(t, before["seconds"], says["seconds"])
	_, says = ask(skao(100*len(source.content), far, object{"rsename": "HOME", "dataurl": server.URL + "/table"}))
	assert.Equal(t, "0", says["moved"])
	assert.Equal(t, "HOME", says["source"], fmt.Sprint(says))
}
