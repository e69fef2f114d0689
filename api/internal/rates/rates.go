// Package rates tells who asks too often. Each of many askers has a bucket of
// requests that fills up steadily; whoever finds it empty waits. It remembers a
// fixed number of askers and forgets those who have been silent longest, so that
// no crowd makes it grow.
package rates

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Rate is how often one asker may ask.
type Rate struct {
	PerSecond float64 // 0: as often as it likes
	Burst     int     // at once, after a silence; 1 at least
}

// Window is the time in which an empty bucket fills up, in whole seconds.
func (r Rate) Window() int { return int(math.Ceil(float64(r.Burst) / r.PerSecond)) }

// Table has the buckets of many askers. Nil counts nobody. It is safe for
// concurrent use.
type Table[K comparable] struct {
	rate    Rate
	mu      sync.Mutex
	buckets *simplelru.LRU[K, *rate.Limiter]
}

// New makes a table for so many askers at most; nil where the rate is no bound.
func New[K comparable](r Rate, most int) *Table[K] {
	if r.PerSecond <= 0 {
		return nil
	}
	r.Burst = max(r.Burst, 1)
	buckets, _ := simplelru.NewLRU[K, *rate.Limiter](max(most, 1), nil) // whose only error is a size below 1
	return &Table[K]{rate: r, buckets: buckets}
}

// Rate is what one asker may.
func (t *Table[K]) Rate() Rate { return t.rate }

// Take counts one request. If there is none left it takes nothing, and returns
// how long it is until there is.
func (t *Table[K]) Take(asker K, now time.Time) (wait time.Duration) {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	bucket, ok := t.buckets.Get(asker)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(t.rate.PerSecond), t.rate.Burst)
		t.buckets.Add(asker, bucket)
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing / t.rate.PerSecond * float64(time.Second))
}
