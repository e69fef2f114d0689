package bench

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"
)

// What is wanted of offers.
const (
	askers     = 16
	bookings   = 10_000
	span       = 10 * 24 * time.Hour // in which they start
	askRate    = 1500                // a second
	answerOver = time.Millisecond    // beyond one fsync
)

// offers measures asking and accepting with 10,000 bookings on the timeline.
func offers(ctx context.Context, l *lab) error {
	if err := l.with(ctx, func(n *node) error { return l.offersOn(ctx, n) }, "--executors", "simulator"); err != nil {
		return err
	}
	return l.with(ctx, func(n *node) error { return l.sustained(ctx, n) }, "--executors", "simulator", "--set", "offers.holdTime=2s")
}

func (l *lab) offersOn(ctx context.Context, n *node) error {
	if err := l.furnish(ctx, n); err != nil {
		return err
	}
	fsync, err := l.fsync()
	if err != nil {
		return err
	}
	target, note := answerOver+fsync, "one fsync took "+strconv.FormatFloat(millis(fsync), 'f', 2, 64)+" ms just before"
	alone, err := n.put(ctx, load{clients: 1, last: l.Time / 2, do: asks})
	if err != nil {
		return err
	}
	l.note(latency("ask, p50 alone", alone.percentile(50), target, note))
	l.note(latency("ask, p99 alone", alone.percentile(99), 0, ""))
	accepted, err := n.acceptances(ctx, l.Time/2)
	if err != nil {
		return err
	}
	l.note(latency("accept, p50 alone", accepted.percentile(50), target, note))
	l.note(latency("accept, p99 alone", accepted.percentile(99), 0, ""))
	together, err := n.put(ctx, load{clients: askers, last: l.Time, do: asks})
	if err != nil {
		return err
	}
	l.note(rate("asks of 16 clients", together, askRate, ""))
	l.note(latency("ask, p50 of 16 clients", together.percentile(50), 0, ""))
	l.note(latency("ask, p99 of 16 clients", together.percentile(99), 0, ""))
	return nil
}

// sustained asks for as long again as offers are held, so that as many expire as are made.
func (l *lab) sustained(ctx context.Context, n *node) error {
	if err := l.furnish(ctx, n); err != nil {
		return err
	}
	if _, err := n.put(ctx, load{clients: askers, last: 2 * time.Second, do: asks}); err != nil {
		return err
	}
	p, err := n.put(ctx, load{clients: askers, last: l.Time, do: asks})
	l.note(rate("asks, as many expiring", p, 0, "; offers are held for 2 s"))
	return err
}

// furnish puts bookings on the timeline: of all sizes and lengths, over the coming days.
func (l *lab) furnish(ctx context.Context, n *node) error {
	l.tell("  %d bookings are being made", bookings)
	tomorrow := time.Now().Add(24 * time.Hour)
	_, err := n.put(ctx, load{clients: askers, times: bookings, do: func(ctx context.Context, c *client) error {
		_, err := c.book(ctx, job{
			cores: 1 + rand.Int64N(500), duration: time.Duration(1+rand.Int64N(72*60)) * time.Minute,
			from: tomorrow.Add(time.Duration(rand.Int64N(int64(span)))),
		}.request())
		return err
	}})
	return err
}

// asks asks for something to start in the coming days, sooner or later.
func asks(ctx context.Context, c *client) error {
	_, err := c.ask(ctx, job{
		cores: 1 + rand.Int64N(64), most: 128, duration: time.Duration(1+rand.Int64N(24*60)) * time.Minute,
		from: time.Now().Add(time.Duration(rand.Int64N(int64(span)))),
	}.request())
	return err
}

// acceptances accepts offers one by one; only the accepting is measured.
func (n *node) acceptances(ctx context.Context, last time.Duration) (pace, error) {
	var paths []string
	p, err := n.put(ctx, load{clients: 1, last: last, do: func(ctx context.Context, c *client) error {
		answer, err := c.ask(ctx, job{cores: 1, duration: time.Hour, from: time.Now().Add(48 * time.Hour)}.request())
		if err != nil {
			return err
		}
		path, err := best(answer)
		paths = append(paths, path)
		return err
	}})
	if err != nil {
		return p, err
	}
	return n.put(ctx, load{clients: 1, times: int64(len(paths)), do: func(ctx context.Context, c *client) error {
		path := paths[0]
		paths = paths[1:]
		return c.accept(ctx, path)
	}})
}
