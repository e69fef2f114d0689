package cluster

import (
	"context"
	"net/http"
	"sync"

	"starling/federation/fanout"
	"starling/federation/line"
)

// guests are the requests that other nodes make to this one's API.
type guests struct {
	mu     sync.Mutex
	api    http.Handler // nil while the node starts or stops
	inside sync.WaitGroup
}

// ServeAPI answers other nodes' requests below APIPath from now on, without that
// prefix, and what they tell at fanout.TellPath, until stop: it takes no more, and
// waits for those under way until its context ends. The API finds out on whose behalf
// they are (Delegated); tidings are the nodes' own.
func (c *Cluster) ServeAPI(api, tidings http.Handler) (stop func(context.Context) error) {
	g := &c.guests
	if c.network.Answer != nil {
		api = c.network.Answer(api)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	api = http.StripPrefix(APIPath, api)
	g.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == fanout.TellPath {
			tidings.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
	return g.stop
}

func (g *guests) stop(ctx context.Context) error {
	g.mu.Lock()
	g.api = nil
	g.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		g.inside.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done(): // they end with the port, at the latest
		return ctx.Err()
	}
}

// ServeHTTP is described at http.Handler.
func (g *guests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if line.PeerOf(r.Context()) == "" || line.Newcomer(r.Context()) {
		http.Error(w, "a node that belongs to no federation may only ask to join", http.StatusForbidden)
		return
	}
	api := g.enter()
	if api == nil {
		w.Header().Set("Retry-After", "2")
		http.Error(w, "this node is starting or stopping", http.StatusServiceUnavailable)
		return
	}
	defer g.inside.Done()
	api.ServeHTTP(w, r)
}

// enter takes a guest in, who leaves by inside.Done; nil if none is taken.
func (g *guests) enter() http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.api != nil {
		g.inside.Add(1)
	}
	return g.api
}
