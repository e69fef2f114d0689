package changeling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"

	"starling/cmd/starling/site"
	"starling/deploy/faults/leap"
	"starling/node/cluster"
	"starling/node/config"
)

// Changeling is one that runs.
type Changeling struct {
	config config.Config
	log    *slog.Logger
	clock  leap.Clock
	orders atomic.Pointer[Orders]
	taken  takings
	minds  map[string]mind

	mu     sync.Mutex
	random *rand.Rand
}

// Run runs a node with a configuration, which follows its orders, until ctx ends.
func Run(ctx context.Context, c config.Config, log *slog.Logger, version string) error {
	given, err := OrdersIn(c.Data)
	if err != nil {
		return err
	}
	changeling := &Changeling{config: c, log: log, minds: minds()}
	changeling.orders.Store(new(Orders))
	changeling.obey(given) // a clock that is wrong from the start is wrong before anything looks at it
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- changeling.follow(ctx)
	}()
	err = site.Run(ctx, site.Options{
		Config: c, Version: version, Log: log, Now: changeling.clock.Now,
		Network: cluster.Network{Answer: changeling.answer, Describe: changeling.describe},
	})
	cancel()
	return errors.Join(err, <-ended)
}

// follow obeys until ctx ends; attacks end with the orders for them.
func (c *Changeling) follow(ctx context.Context) error {
	var attack sync.WaitGroup
	defer attack.Wait()
	cease := func() {}
	defer func() { cease() }()
	return follow(ctx, c.config.Data, func(o Orders) {
		cease()
		attack.Wait()
		c.obey(o)
		if o.Attack == "" {
			return
		}
		var attacking context.Context
		attacking, cease = context.WithCancel(ctx)
		attack.Go(func() {
			if err := c.attack(attacking, o); err != nil {
				c.log.Error("the attack came to nothing", "attack", o.Attack, "error", err)
			}
		})
	})
}

func (c *Changeling) obey(o Orders) {
	c.clock.Set(o.Off)
	c.mu.Lock()
	c.random = rand.New(rand.NewPCG(o.Seed, 0)) //nolint:gosec // chance that can be repeated is what is wanted
	c.mu.Unlock()
	if old := c.orders.Swap(&o); *old != o {
		c.log.Warn("orders of the changeling", "off", o.Off, "mind", o.Mind, "attack", o.Attack, "seed", o.Seed)
	}
}

// chance is for one request.
func (c *Changeling) chance() *rand.Rand {
	c.mu.Lock()
	defer c.mu.Unlock()
	return rand.New(rand.NewPCG(c.random.Uint64(), c.random.Uint64())) //nolint:gosec // as above
}

// answer answers other nodes in the node's stead, while it is of a mind to.
func (c *Changeling) answer(own http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := c.orders.Load()
		if o.Attack == "replaying" {
			c.taken.take(r)
		}
		if o.Mind == "" {
			own.ServeHTTP(w, r)
			return
		}
		does := c.minds[o.Mind]
		if does == nil {
			http.Error(w, fmt.Sprintf("the changeling knows no mind %q", o.Mind), http.StatusInternalServerError)
			return
		}
		does(w, r, own, c.chance())
	})
}
