package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"starling/federation/digest"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/scheduling/transfer"
)

// slowPath is where nodes have the slow parts of their digests.
const slowPath = "/peer/digest"

const (
	// slowPatience is how long one fetch may take: some kilobytes over a bad line.
	slowPatience = 10 * time.Second
	// After a fetch in vain come pauses, each twice as long as the one before. What was
	// fetched may simply be newer than what gossip has told yet.
	slowPause, slowPauseMost = time.Second, time.Minute
	// slowAtOnce bounds how many are fetched at a time, when a node starts in a large
	// federation.
	slowAtOnce = 8
)

// slows are the slow parts of others' digests: each is fetched from its node once its
// hash in a note is another one. They are kept in memory alone.
type slows struct {
	running *sync.WaitGroup
	fetch   func(ctx context.Context, node identity.NodeName, hash digest.Hash) (*digest.Slow, error)
	told    func(node identity.NodeName, err error, vain int) // of each fetch, and how many were in vain
	now     func() time.Time
	done    chan struct{} // holds a token when something was fetched

	mu   sync.Mutex
	of   map[identity.NodeName]*slowPart
	busy int
}

type slowPart struct {
	at     string       // the server that has it, and where
	has    *digest.Slow // nil: nothing yet
	model  *transfer.Model
	done   bool        // it is what was wanted
	wanted digest.Hash // zero of a node that doesn't say what it has: it is asked who it is
	busy   bool        // it is being fetched
	again  time.Time   // not before
	pause  time.Duration
	vain   int   // fetches since one succeeded
	err    error // of the last one; nil: it succeeded
}

// look fills in the slow parts that are known, begins to fetch those that are not,
// and says how long that can wait which has to wait. Where another answers than a node
// itself, the node doesn't count as alive.
func (s *slows) look(ctx context.Context, list []acquaintance) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	next := slowPauseMost
	there := make(map[identity.NodeName]*slowPart, len(list))
	for i := range list {
		a := &list[i]
		part := s.of[a.Node]
		if part == nil || part.at != a.at {
			part = &slowPart{at: a.at, wanted: a.Fast.Slow, pause: slowPause}
		}
		there[a.Node] = part
		a.Slow, a.Transfers, a.trouble = part.has, part.model, part.err
		if a.Fast.Slow != part.wanted {
			part.wanted, part.done, part.again, part.pause = a.Fast.Slow, false, now, slowPause
		}
		asked := !a.Self && a.Alive && !part.done
		a.Alive = a.Alive && !line.IsAnother(part.err)
		if !asked {
			continue
		}
		switch wait := part.again.Sub(now); {
		case part.busy || s.busy == slowAtOnce: // one that is done has us look again
		case wait > 0:
			next = min(next, wait)
		default:
			s.begin(ctx, a.Node, part)
		}
	}
	s.of = there // of those who are forgotten nothing is kept
	return next
}

// begin fetches a part; s.mu is held.
func (s *slows) begin(ctx context.Context, node identity.NodeName, part *slowPart) {
	part.busy = true
	s.busy++
	wanted := part.wanted
	s.running.Go(func() {
		patience, cancel := context.WithTimeout(ctx, slowPatience)
		defer cancel()
		got, err := s.fetch(patience, node, wanted)
		model := got.Transfers()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy--
		part.busy = false
		if part.err = err; err == nil {
			part.has, part.model, part.done, part.vain = got, model, part.wanted == wanted, 0
		} else if part.vain++; part.wanted == wanted {
			part.again = s.now().Add(part.pause)
			part.pause = min(2*part.pause, slowPauseMost)
		}
		s.told(node, err, part.vain)
		signal(s.done)
	})
}

// fetchSlow asks a node for the slow part of this hash; or, if that is zero, only
// whether it is the node.
func (c *Cluster) fetchSlow(ctx context.Context, node identity.NodeName, hash digest.Hash) (*digest.Slow, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+string(node)+slowPath, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.peers.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if hash == (digest.Hash{}) {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, digest.MaxSlow+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", node, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: %.200s", node, answer.Status, body)
	}
	return digest.DecodeSlow(body, hash)
}

// vainly is how many fetches in vain an operator hears of: half a minute of them.
const vainly = 5

// fetched counts what was fetched; of what can't be had for long an operator hears.
func (c *Cluster) fetched(node identity.NodeName, err error, vain int) {
	if err == nil {
		c.counts.fetched.Inc()
		return
	}
	c.counts.failed.Inc()
	if vain == vainly || vain == 1 && line.IsAnother(err) {
		c.slog.Warn("a node is heard of, but what it can do and asks can't be had from it; it is tried again", "node", node, "error", err)
	}
}

// showSlow answers other nodes that ask for this one's.
func (c *Cluster) showSlow(w http.ResponseWriter, r *http.Request) {
	if line.Newcomer(r.Context()) {
		http.Error(w, "a node that belongs to no federation may only ask to join", http.StatusForbidden)
		return
	}
	self := c.describing.self.Load()
	if self == nil {
		w.Header().Set("Retry-After", "2")
		http.Error(w, "this node is starting", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(self.text) // the asker will ask again
}
