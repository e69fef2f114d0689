package network

import (
	"fmt"
	"strconv"
	"time"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/scheduling"
)

// kindOfAll is the kind of everything that is run.
const kindOfAll = "urn:starling:executable:process-1.0"

// board is what the nodes know of each other. A node tells of itself when there is news, at most once in a while, and
// the same again now and then; each other node knows it later by a time drawn from those that gossip took.
type board struct {
	every, repeat scheduling.Span
	delays        []float64 // seconds, sorted
	known         []digest.Known
	number        map[identity.NodeName]int
	shown         []scheduling.Instant // by node: when that was made which is in known
	told          [][]posting          // by node, the newest last
	count, bytes  int
}

// posting is a digest, as it was made and as others decoded it.
type posting struct {
	made       scheduling.Instant
	said, fast digest.Fast
}

// mostDigest is what a note has room for, in bytes.
const mostDigest = 600

func newBoard(sites []place, every, repeat scheduling.Span, delays []float64) *board {
	b := &board{every: every, repeat: max(every, repeat), delays: delays, known: make([]digest.Known, len(sites)), told: make([][]posting, len(sites)), shown: make([]scheduling.Instant, len(sites)), number: map[identity.NodeName]int{}}
	for i, s := range sites {
		b.known[i] = digest.Known{
			Node: identity.NodeName("node-" + strconv.Itoa(i)), Alive: true, Said: true,
			Slow: &digest.Slow{Kinds: []string{kindOfAll}, Rates: []digest.Rate{{Type: ivoa.CostMonetary, Unit: "EUR", CoreHour: s.price}}},
		}
		b.number[b.known[i].Node] = i
	}
	return b
}

// tell has a node tell of itself, if that is news or due again, and reports whether it did.
func (b *board) tell(site int, now scheduling.Instant, fast digest.Fast) (bool, error) {
	told := b.told[site]
	if n := len(told); n > 0 {
		earlier := now.Sub(told[n-1].made)
		if earlier < b.repeat && !fast.News(told[n-1].said, earlier) {
			return false, nil
		}
	}
	data := fast.Encode(mostDigest)
	b.count, b.bytes = b.count+1, b.bytes+len(data)
	decoded, err := digest.Decode(data)
	if err != nil {
		return false, fmt.Errorf("node %d tells %w", site, err)
	}
	// What all have heard something newer than is forgotten.
	slowest, first := scheduling.SpanOf(b.delay(1<<63)), 0
	for first+1 < len(told) && now.Sub(told[first+1].made) > slowest {
		first++
	}
	b.told[site] = append(told[first:], posting{now, fast, decoded})
	return true, nil
}

// delay is how long some news takes, by a number that stands for it and for whom it reaches.
func (b *board) delay(of uint64) time.Duration {
	if len(b.delays) == 0 {
		return 0
	}
	at := len(b.delays) - 1
	if of < 1<<63 {
		at = int(of % uint64(len(b.delays)))
	}
	return time.Duration(b.delays[at] * float64(time.Second))
}

// seenBy is what a node knows now of all. It is good until the next call.
func (b *board) seenBy(viewer int, now scheduling.Instant) []digest.Known {
	for i := range b.known {
		k, told := &b.known[i], b.told[i]
		k.Self = i == viewer
		k.Said = false
		for n := len(told) - 1; n >= 0; n-- {
			p := &told[n]
			age := now.Sub(p.made)
			if scheduling.SpanOf(b.delay(mixed(viewer, i, p.made)>>1)) <= age {
				k.Said, k.Age = true, age.Duration()
				if b.shown[i] != p.made {
					b.shown[i], k.Fast = p.made, p.fast
				}
				break
			}
		}
	}
	return b.known
}

// mixed is a number that looks random, and always the same for the same news and listener (the last steps are those of
// SplitMix64).
func mixed(viewer, site int, made scheduling.Instant) uint64 {
	x := uint64(made)*0x9e3779b97f4a7c15 ^ uint64(viewer)<<32 ^ uint64(site)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
