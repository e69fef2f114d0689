package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
)

// Promise 2: whatever was answered survives a crash at any step of a session's
// life, and the session ends in exactly one terminal phase, with one charge.
func TestPromise2ACrashAtEveryStepLosesNothing(t *testing.T) {
	steps := []string{"offered", "accepted", "waiting", "despatched", "running", "ran", "completed"}
	for at := range steps {
		t.Run(steps[at], func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				w := newWorld(t)
				crashAfter := func(step string) {
					if steps[at] == step {
						before := w.freeCores()
						w.crash()
						w.register()
						assert.Equal(t, before, w.freeCores(), "what is booked after a crash %s", step)
					}
				}
				s := w.offer(alice, request(3))
				crashAfter("offered")
				_, err := w.update(alice, s, ivoa.SessionAccepted)
				require.NoError(t, err)
				crashAfter("accepted")
				time.Sleep(2 * awaitDelay * time.Millisecond)
				assert.Equal(t, ivoa.SessionWaiting, w.session(s).Phase)
				crashAfter("waiting")
				d := w.takeWork()
				crashAfter("despatched")
				_, err = w.report(d, despatch.ActionStarted, "run")
				require.NoError(t, err)
				crashAfter("running")
				assert.Equal(t, ivoa.SessionRunning, w.session(s).Phase)
				_, err = w.report(d, despatch.ActionCompleted, "run")
				require.NoError(t, err)
				crashAfter("ran")
				answer, err := w.complete(d, completion(d, despatch.Completed))
				require.NoError(t, err)
				assert.False(t, answer.Duplicate)
				crashAfter("completed")
				assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
				assert.EqualValues(t, 8, w.freeCores())
				answer, err = w.complete(d, completion(d, despatch.Completed))
				require.NoError(t, err)
				assert.True(t, answer.Duplicate)
				require.Len(t, w.charged(alice), 3, "money, energy and carbon, once each")
				w.audit()
			})
		})
	}
}

func TestACancelSurvivesACrashAndStillStopsTheWork(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(3))
		d := w.takeWork()
		_, err := w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		_, err = w.update(alice, s, ivoa.SessionCancelled)
		require.NoError(t, err)
		w.crash()
		assert.EqualValues(t, 5, w.freeCores(), "it has not been seen to stop")
		answer, err := w.report(d, despatch.LogLine, "")
		require.NoError(t, err)
		require.NotNil(t, answer.Stop)
		_, err = w.complete(d, completion(d, despatch.Abandoned))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCancelled, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}

func TestOffersExpireWhileTheNodeIsDown(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.offer(alice, request(8))
		w.stop()
		time.Sleep(time.Hour)
		w.start()
		synctest.Wait()
		assert.Equal(t, ivoa.SessionExpired, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())
	})
}

func TestWhatShouldHaveBegunWhileTheNodeWasDownRunsAfterwards(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		for range 5 {
			w.accepted(alice, request(8))
		}
		w.stop()
		time.Sleep(time.Hour)
		w.start()
		w.register()
		for range 5 {
			d := w.takeWork()
			_, err := w.complete(d, completion(d, despatch.Completed))
			require.NoError(t, err)
		}
		list, err := w.Sessions(context.Background(), alice, SessionFilter{Phases: []ivoa.SessionPhase{ivoa.SessionCompleted}}, "", 10)
		require.NoError(t, err)
		assert.Len(t, list.Sessions, 5)
	})
}

// A full disk: new answers stop and say so, nothing accepted is lost, and work
// goes on once there is room.
func TestAFullDiskStopsAnswersAndLosesNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		s := w.accepted(alice, request(2))
		offered := w.offer(alice, request(2))
		time.Sleep(10 * time.Millisecond)
		d := w.takeWork()
		w.diskFull.Store(true)
		_, err := w.Ask(ctx, alice, request(1), nil, Asking{})
		assert.Equal(t, CodeUnavailable, codeOf(err), "%v", err)
		_, err = w.update(alice, offered, ivoa.SessionAccepted)
		assert.Equal(t, CodeUnavailable, codeOf(err))
		_, err = w.complete(d, completion(d, despatch.Completed))
		assert.Equal(t, CodeUnavailable, codeOf(err))
		assert.NotEmpty(t, w.Ready())
		assert.Equal(t, ivoa.SessionOffered, w.session(offered).Phase, "reads go on")

		w.diskFull.Store(false)
		time.Sleep(2 * time.Second)
		assert.Empty(t, w.Ready())
		assert.EqualValues(t, 4, w.freeCores())
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		_, err = w.update(alice, offered, ivoa.SessionAccepted)
		require.NoError(t, err)
		w.audit()
	})
}

func TestOldOffersThatCameToNothingAreForgotten(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		kept := w.accepted(alice, request(1))
		var gone []*ivoa.Session
		for range 3 {
			gone = append(gone, w.offer(alice, request(1)))
		}
		time.Sleep(w.options.Sessions.OfferRetention + 2*sweepEvery)
		for _, s := range gone {
			_, err := w.Session(context.Background(), alice, id(t, s))
			assert.Equal(t, CodeNotFound, codeOf(err))
		}
		assert.NotNil(t, w.session(kept))
		w.register()
		again := w.offer(alice, request(1))
		assert.Greater(t, again.UUID(), gone[2].UUID())
	})
}

func TestSessionsAreListedNewestFirstInPages(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		var want []string
		for range 7 {
			want = append([]string{w.offer(alice, request(1)).UUID()}, want...)
			w.offer(bob, request(1))
			time.Sleep(time.Second)
		}
		for _, page := range []int{1, 3, 7, 100} {
			func() {
				var got []string
				for cursor := ""; ; {
					list, err := w.Sessions(context.Background(), alice, SessionFilter{}, cursor, page)
					require.NoError(t, err)
					for _, s := range list.Sessions {
						got = append(got, s.UUID())
					}
					if cursor = list.Cursor; cursor == "" {
						break
					}
				}
				assert.Equal(t, want, got)
			}()
		}
	})
}

// An executor that was killed before it had noted a despatch says so when it
// comes back: nobody waits for the lease, and what it does hold goes on.
func TestARestartedExecutorSaysWhatItStillHolds(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		lost := w.accepted(alice, request(3))
		w.takeWork()
		kept := w.accepted(alice, request(3))
		d := w.takeWork()
		w.crash()
		began := time.Now()
		_, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "process", Kinds: testKinds, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100}, Holding: []string{d.HistoryRef},
		})
		require.NoError(t, err)
		again := w.takeWork()
		assert.Less(t, time.Since(began), time.Second, "of virtual time")
		assert.Equal(t, lost.UUID(), again.Session.UUID)
		assert.Equal(t, 2, again.Attempt)
		_, err = w.complete(again, completion(again, despatch.Completed))
		require.NoError(t, err)
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, w.session(lost).Phase)
		assert.Equal(t, ivoa.SessionCompleted, w.session(kept).Phase)
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}
