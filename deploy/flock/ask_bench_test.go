package flock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/node/config"
)

// How long a request takes at one of five nodes that asks three others, and how many a
// second are answered: alone, and by eight who ask at the same time. All five share
// this machine.
func BenchmarkAskOfFive(b *testing.B) {
	f := newFlock(b, 5, func(_ int, c *config.Config) {
		c.Capacity = config.Capacity{Cores: 100_000, Memory: 200_000, Storage: 100_000}
		c.Offers.HoldGroupsPerUser, c.Offers.HoldTime = 100_000, 5*time.Second
	})
	a := f.nodes[0]
	eventually(b, "all to be known", func() bool {
		for range 20 { // a node that isn't known yet would be preferred to those that only simulate
			if len(a.ask(alice, work{}).Offers) != 4 {
				return false
			}
		}
		return true
	})
	body, err := json.Marshal(work{}.request())
	require.NoError(b, err)
	token := a.token(alice)
	for _, askers := range []int{1, 8} {
		b.Run(fmt.Sprint("askers=", askers), func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: askers}
			defer transport.CloseIdleConnections()
			var mu sync.Mutex
			var took []time.Duration
			var all sync.WaitGroup
			next := make(chan struct{})
			for range askers {
				all.Go(func() {
					for range next {
						began := time.Now()
						r, _ := http.NewRequest(http.MethodPost, a.config.URL+"/requests", bytes.NewReader(body))
						r.Header.Set("Content-Type", "application/json")
						r.Header.Set("Authorization", "Bearer "+token)
						resp, err := transport.RoundTrip(r)
						if err != nil {
							b.Error(err)
							continue
						}
						answer, _ := io.ReadAll(resp.Body)
						resp.Body.Close()
						if resp.StatusCode != http.StatusSeeOther || bytes.Count(answer, []byte(`"phase":"OFFERED"`)) != 4 {
							b.Errorf("%d: %s", resp.StatusCode, answer)
						}
						mu.Lock()
						took = append(took, time.Since(began))
						mu.Unlock()
					}
				})
			}
			for b.Loop() {
				next <- struct{}{}
			}
			close(next)
			all.Wait()
			slices.Sort(took)
			at := func(part int) float64 { return float64(took[len(took)*part/100].Microseconds()) / 1000 }
			b.ReportMetric(at(50), "p50-ms")
			b.ReportMetric(at(99), "p99-ms")
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
