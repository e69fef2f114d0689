package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Load is users and executors at work.
type Load struct {
	options Options
	journal *journal
	users   []Person
	found   findings // what users know to be there

	coming context.Context // ends when users go home
	home   context.CancelFunc
	crowd  sync.WaitGroup // users, and treasurers

	working context.Context // ends when executors do
	lay     context.CancelFunc
	crew    sync.WaitGroup
	busy    sync.WaitGroup // attempts
	polling context.Context
	enough  context.CancelFunc

	gone departed
}

// mostTrips are on their way at a time. Who comes when so many are is turned away, and
// counted: it bounds what a pause of all sites piles up.
const mostTrips = 512

// Start registers executors at all sites, grants what users may spend, and has users
// come. Every site must answer until then; the context bounds the beginning alone.
func Start(ctx context.Context, o Options) (*Load, error) {
	l, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	l.crowd.Go(l.comeAndGo)
	l.openTreasury()
	return l, nil
}

// prepare is Start without users.
func prepare(ctx context.Context, o Options) (*Load, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	for i := range o.Sites { // what redirects lead to is asked for as anything else
		client := *o.Sites[i].Client
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		o.Sites[i].Client = &client
	}
	l := &Load{options: o, journal: newJournal(&o)}
	l.coming, l.home = context.WithCancel(context.Background())
	l.working, l.lay = context.WithCancel(context.Background())
	l.polling, l.enough = context.WithCancel(l.working)
	for i := range o.Users {
		l.users = append(l.users, Person{Name: fmt.Sprintf("load-user-%d", i+1), Roles: []string{"user"}})
	}
	l.journal.note(func(r *Record) {
		for _, p := range append([]Person{Operator, Accountant, Robot, Mallory}, l.users...) {
			r.People[p.Name] = p
		}
	})
	if err := l.grant(ctx); err != nil {
		l.end()
		return nil, err
	}
	if err := l.hire(ctx); err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// Figures are those of the time between two instants since the load began.
func (l *Load) Figures(from, to time.Duration) Figures {
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	return l.journal.tally.figures(from, to)
}

// Now is how long ago the load began; times of the record are of this clock.
func (l *Load) Now() time.Duration { return l.journal.now() }

// Rest sends the users home: none begins anything more. Executors work on.
func (l *Load) Rest() {
	l.home()
	l.crowd.Wait()
	l.journal.note(func(r *Record) {
		if r.Rested == 0 {
			r.Rested = l.journal.now()
		}
	})
}

// Gone says that sites don't come back: nobody waits for what was theirs.
func (l *Load) Gone(names ...string) { l.gone.add(names) }

// Stop sends the users home, waits until what was accepted has ended or the context
// has, and then ends the executors. The record is whole from then on.
func (l *Load) Stop(ctx context.Context) *Record {
	l.Rest()
	l.cancelEndless(ctx)
	l.awaitEnds(ctx)
	l.enough()
	idle := make(chan struct{})
	go func() {
		l.busy.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	l.end()
	<-idle
	return l.journal.copy()
}

// end ends everything at once.
func (l *Load) end() {
	l.home()
	l.lay()
	l.crowd.Wait()
	l.crew.Wait()
	l.busy.Wait()
}

// comeAndGo has users come, at a rate, whether or not others are back.
func (l *Load) comeAndGo() {
	if l.options.Rate == 0 {
		return
	}
	draw := rand.New(rand.NewPCG(l.options.Seed, 1))
	places := make(chan struct{}, mostTrips)
	var trips sync.WaitGroup
	defer trips.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	for number := uint64(0); ; number++ {
		select {
		case <-l.coming.Done():
			return
		case <-timer.C:
		}
		trip := l.drawTrip(draw)
		select {
		case places <- struct{}{}:
			trips.Go(func() {
				defer func() { <-places }()
				trip.make(l, rand.New(rand.NewPCG(l.options.Seed, number+2)))
			})
		default:
			l.journal.note(func(r *Record) { r.Shed++ })
		}
		// As many operations as the trip has, on average, are some time in the making.
		next = next.Add(time.Duration(draw.ExpFloat64() * trip.operations / l.options.Rate * float64(time.Second)))
		timer.Reset(time.Until(next))
	}
}
