package node

import (
	"context"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// Bounds of one pass of the sweeper, so that it delays nobody.
const (
	sweepEvery = time.Minute
	sweepBatch = 200 // offer sets in one write
	// sweepKeysBatch is how many idempotency keys are looked at in one write.
	sweepKeysBatch = 2000
)

// runSweeper forgets, now and then, offers that came to nothing long ago.
func (b *Broker) runSweeper(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.sweep(ctx)
			b.sweepKeys(ctx)
			b.sweepUploads()
			b.mu.Lock()
			b.state.tally.Forget(scheduling.Instant(b.now()))
			b.mu.Unlock()
		}
	}
}

// sweep forgets every offer set of which no offer was accepted, once its
// retention has passed.
func (b *Broker) sweep(ctx context.Context) {
	before := b.now() - b.options.Sessions.OfferRetention.Milliseconds()
	var after identity.UUID
	for ctx.Err() == nil && b.store.Failed() == nil {
		stale, last, err := b.stale(after, before)
		if err != nil {
			b.log.Error("old offers can't be read", "error", err)
			return
		}
		if len(stale) > 0 {
			b.mu.Lock()
			ticket := b.submit(write{extra: func(tx *store.Tx) error {
				if err := tx.PutHighWater(b.mint.HighWater()); err != nil {
					return err
				}
				for _, set := range stale {
					if err := tx.DeleteOfferSet(set); err != nil {
						return err
					}
				}
				return nil
			}})
			b.mu.Unlock()
			if ticket.Wait() != nil {
				return
			}
		}
		if last.IsZero() {
			return
		}
		after = last
	}
}

// keyMillis is how long an idempotency key is remembered: by then, whoever didn't
// get the answer has asked again.
const keyMillis = 24 * 3600 * 1000

// sweepKeys forgets old idempotency keys.
func (b *Broker) sweepKeys(ctx context.Context) {
	var from []byte
	for ctx.Err() == nil && b.store.Failed() == nil {
		var old [][]byte
		if err := b.store.View(func(tx *store.Tx) error {
			old, from = tx.OldKeys(from, b.now()-keyMillis, sweepKeysBatch)
			return nil
		}); err != nil {
			b.log.Error("old idempotency keys can't be read", "error", err)
			return
		}
		if len(old) > 0 {
			b.mu.Lock()
			ticket := b.submit(write{extra: func(tx *store.Tx) error { return tx.DeleteKeys(old) }})
			b.mu.Unlock()
			if ticket.Wait() != nil {
				return
			}
		}
		if from == nil {
			return
		}
	}
}

// sweepUploads removes sent files that have been kept long enough.
func (b *Broker) sweepUploads() {
	if b.options.Uploads == nil {
		return
	}
	inProgress := func(ref identity.UUID) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.state.attempts[ref] != nil
	}
	// Files bear the system's time, not the broker's.
	if err := b.options.Uploads.Sweep(time.Now().Add(-b.options.UploadRetention), inProgress); err != nil {
		b.log.Error("sent files that have been kept long enough can't be removed", "error", err)
	}
}

// stale finds offer sets to forget, and where to go on; zero at the end.
func (b *Broker) stale(after identity.UUID, before store.Millis) (stale []*store.OfferSet, last identity.UUID, err error) {
	looked := 0
	err = b.store.View(func(tx *store.Tx) error {
		return tx.OfferSetsAfter(after, before, func(set *store.OfferSet) (bool, error) {
			for _, id := range set.Offers {
				s, err := tx.Session(id)
				if err != nil {
					return false, err
				}
				if s != nil && (s.Live() || s.Phase != ivoa.SessionExpired && s.Phase != ivoa.SessionRejected) {
					return b.goOn(&looked, &last, set), nil
				}
			}
			stale = append(stale, set)
			return b.goOn(&looked, &last, set), nil
		})
	})
	if looked < sweepBatch {
		last = identity.UUID{}
	}
	return stale, last, err
}

func (b *Broker) goOn(looked *int, last *identity.UUID, set *store.OfferSet) bool {
	*looked++
	*last = set.ID
	return *looked < sweepBatch
}
