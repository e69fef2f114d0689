package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/store"
)

// second lends another executor, with a pool of its own.
func second(r *despatch.Registration) { r.Name = "lt-2" }

// Promise 2: what was accepted comes to an end, also where its executor never
// comes back: another takes it over.
func TestPromise2AnotherExecutorTakesOverWhatTheFirstLeft(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		lost := w.lend()
		s := w.accepted(alice, request(3))
		other := w.lend(second)
		for range 2*3600/renewSeconds - 1 {
			time.Sleep(renewSeconds * time.Second)
			w.lend(second)
			d, _ := w.poll(other)
			require.Nil(t, d, "it isn't yet time to despair of the first")
		}
		time.Sleep(2 * time.Minute)
		w.lend(second)
		d, _ := w.poll(other)
		require.NotNil(t, d)
		assert.Equal(t, s.UUID(), d.Session.UUID)
		assert.Contains(t, w.texts(s)[0], "no executor has come for it in PT2H: another takes it over, and the start moves to ")
		_, err := w.Complete(context.Background(), robot, ref(t, d), completion(d, despatch.Completed))
		require.NoError(t, err)
		w.lend()
		none, _ := w.poll(lost)
		assert.Nil(t, none, "who comes too late finds nothing")
		w.audit()
	})
}

// Promise 9: where nobody else can run it, its owner is told, and nothing is
// held or offered any more.
func TestPromise9WhatNobodyComesForFailsAndSaysSo(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		w.options.Offers.HoldTime = 24 * time.Hour
		e := w.lend()
		s := w.accepted(alice, request(3))
		later := w.accepted(alice, request(4, func(r *ivoa.ExecutionRequest) {
			from := wall(w.now()).Add(30 * time.Hour)
			r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: from, End: from.Add(time.Hour)})
		}))
		time.Sleep(2*time.Hour + 2*time.Minute)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
		assert.Contains(t, w.lastMessage(s), "no executor has come for it in PT2H, and no other here can run it")
		assert.Equal(t, ivoa.SessionWaiting, w.session(later).Phase, "its executor may be off until then")
		time.Sleep(28 * time.Hour)
		w.lend()
		d, _ := w.poll(e)
		require.NotNil(t, d)
		assert.Equal(t, later.UUID(), d.Session.UUID)
		held, _, err := w.Accounts(context.Background(), operator, nil, accounting.AccountFilter{Side: accounting.Held}, "", 10)
		require.NoError(t, err)
		assert.NotEmpty(t, held)
		w.audit()
	})
}

func TestOffersOfALapsedExecutorAreWithdrawn(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Offers.HoldTime = 24 * time.Hour })
		time.Sleep(2 * aliveMillis * time.Millisecond)
		w.lend()
		s := w.offer(alice, request(1))
		time.Sleep(2*time.Hour + 2*time.Minute)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionExpired, w.session(s).Phase)
		assert.Contains(t, w.lastMessage(s), "isn't heard of any more")
	})
}

// A retry at an executor that lapsed ends when its user's time is over.
func TestWhatCanNotBeginInTimeIsNotKeptWaiting(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, w.startingWithin(10*time.Minute)))
		time.Sleep(13 * time.Minute)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
		assert.Contains(t, w.lastMessage(s), "can't begin by ")
	})
}

// An executor that is gone for a day is forgotten, on disk too; but not what it
// did, nor that it did it.
func TestALapsedExecutorIsForgottenAndItsAttemptsAreNot(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		e := w.lend()
		w.accepted(alice, request(1))
		d, _ := w.poll(e)
		done := completion(d, despatch.Completed)
		_, err := w.Complete(context.Background(), robot, ref(t, d), done)
		require.NoError(t, err)
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		list, err := w.Executors(context.Background(), operator)
		require.NoError(t, err)
		assert.Empty(t, list)
		require.NoError(t, w.store.View(func(tx *store.Tx) error {
			kept, err := tx.Executors()
			assert.Empty(t, kept)
			return err
		}))
		_, _, err = w.Despatch(context.Background(), robot, e, 0)
		assert.Equal(t, CodeNotFound, codeOf(err))
		again, err := w.Complete(context.Background(), robot, ref(t, d), done)
		require.NoError(t, err)
		assert.True(t, again.Duplicate)
		_, err = w.Complete(context.Background(), thief, ref(t, d), done)
		assert.Equal(t, CodeNotFound, codeOf(err))
		w.crash()
		assert.NotEqual(t, e, w.lend())
	})
}

// A node that was started again without one of its built-in executors offers
// nothing in that executor's name.
func TestABuiltInExecutorThatIsNotStartedAgainIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.stop()
	w.options.BuiltIn = []string{"simulator"}
	w.start()
	assert.Equal(t, ivoa.No, w.ask(alice, request(1)).Result)
	w.stop()
	w.options.BuiltIn = []string{"process"}
	w.start()
	assert.Equal(t, ivoa.Yes, w.ask(alice, request(1)).Result)
}
