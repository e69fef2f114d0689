package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"starling/api/despatch"
)

// executor is one that works for a site. It polls, and reports, through any.
type executor struct {
	load  *Load
	name  string
	home  int // the site
	cores int64
	uuid  atomic.Pointer[string]
}

// hire has executors registered at every site, and polling.
func (l *Load) hire(ctx context.Context) error {
	for home, site := range l.options.Sites {
		for number := range l.options.Executors {
			e := &executor{load: l, name: fmt.Sprintf("load-%d", number+1), home: home, cores: int64(l.options.Cores)}
			if err := e.registers(ctx, true); err != nil {
				return fmt.Errorf("register an executor at %s: %w", site.Name, err)
			}
			draw := rand.New(rand.NewPCG(l.options.Seed, uint64(home*1000+number)<<40|3))
			l.crew.Go(func() { e.polls(draw) })
		}
	}
	return nil
}

// client speaks the protocol to a site.
func (e *executor) client(ctx context.Context, site int) (*despatch.Client, error) {
	s := e.load.options.Sites[site]
	token, err := s.Token(ctx, Robot)
	return &despatch.Client{Base: s.URL, Token: token, HTTP: s.Client}, err
}

// registers says who the executor is, until its own site has heard it.
func (e *executor) registers(ctx context.Context, fresh bool) error {
	r := despatch.Registration{
		Name: e.name, Kinds: []string{kindSequence},
		Capacity: despatch.Capacity{Cores: e.cores, Memory: 4 * e.cores, Storage: 100},
	}
	if fresh {
		r.Holding = []string{}
	}
	for {
		answer, err := e.try(ctx, e.home, func(ctx context.Context, c *despatch.Client) (string, error) {
			registered, err := c.Register(ctx, r)
			return registered.UUID, err
		})
		var problem *despatch.Problem
		switch {
		case err == nil:
			e.uuid.Store(&answer)
			e.load.journal.note(func(record *Record) { record.Executors[answer] = e.cores })
			return nil
		case errors.As(err, &problem) && problem.Refused(), ctx.Err() != nil:
			return err
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// try asks one site, for as long as the load's patience.
func (e *executor) try(ctx context.Context, site int, do func(context.Context, *despatch.Client) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, e.load.options.Patience)
	defer cancel()
	c, err := e.client(ctx, site)
	if err != nil {
		return "", err
	}
	return do(ctx, c)
}

// pollWait is how long a poll waits for work.
const pollWait = 5 * time.Second

// polls asks for work, mostly its own site, and begins whatever it gets.
func (e *executor) polls(draw *rand.Rand) {
	l := e.load
	for l.polling.Err() == nil {
		site := e.home
		if draw.IntN(4) == 0 {
			site = draw.IntN(len(l.options.Sites))
		}
		ctx, cancel := context.WithTimeout(l.polling, pollWait+l.options.Patience)
		asked := l.journal.now()
		work, err := e.asksForWork(ctx, site)
		cancel()
		var problem *despatch.Problem
		switch {
		case work != nil:
			a := e.begins(work, asked)
			draw := rand.New(rand.NewPCG(draw.Uint64(), 5))
			l.busy.Go(func() { a.performs(draw) })
		case errors.As(err, &problem) && problem.Status == 404:
			if err := e.registers(l.polling, false); err != nil {
				l.options.Log.Warn("an executor can't register", "executor", e.name, "site", l.options.Sites[e.home].Name, "error", err)
				pause(l.polling, time.Second)
			}
		case err != nil:
			pause(l.polling, 100*time.Millisecond)
		}
	}
}

func (e *executor) asksForWork(ctx context.Context, site int) (*despatch.Despatch, error) {
	c, err := e.client(ctx, site)
	if err != nil {
		return nil, err
	}
	work, _, err := c.Despatch(ctx, *e.uuid.Load(), pollWait)
	return work, err
}
