package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Capacity is how many operations a second the sites answer to users who wait for
// each answer before they ask again, many at a time: a load is a part of it.
func Capacity(ctx context.Context, o Options, users int, lasting time.Duration) (Figures, error) {
	o.Forget = true
	l, err := prepare(ctx, o)
	if err != nil {
		return Figures{}, err
	}
	var crowd sync.WaitGroup
	from := l.Now()
	for number := range users {
		draw := rand.New(rand.NewPCG(o.Seed, uint64(number)))
		crowd.Go(func() {
			for l.coming.Err() == nil {
				l.drawTrip(draw).make(l, draw)
			}
		})
	}
	pause(ctx, lasting)
	to := l.Now()
	l.home()
	crowd.Wait()
	f := l.Figures(from, to)
	l.Stop(ctx)
	return f, ctx.Err()
}
