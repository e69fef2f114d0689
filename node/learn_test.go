package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/store"
	"starling/scheduling/transfer"
)

// stages reports an action that stages data as it happens: it begins now, takes a
// time, and has fetched so many bytes.
func (w *world) stages(d *despatch.Despatch, action string, took time.Duration, bytes int64) {
	w.t.Helper()
	_, err := w.report(d, despatch.ActionStarted, action)
	require.NoError(w.t, err)
	for took > 0 { // it is heard of now and then
		time.Sleep(min(took, 30*time.Second))
		took -= 30 * time.Second
		_, err = w.Report(context.Background(), builtIn, ref(w.t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
			{Key: fmt.Sprint("progress ", action, took), Type: despatch.Progressed, Action: action, Time: time.Now(), Progress: new(0.5)},
		}}, 0)
		require.NoError(w.t, err)
	}
	_, err = w.Report(context.Background(), builtIn, ref(w.t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
		{Key: "completed " + action, Type: despatch.ActionCompleted, Action: action, Time: time.Now(), Bytes: bytes},
	}}, 0)
	require.NoError(w.t, err)
}

func (w *world) finish(d *despatch.Despatch) {
	w.t.Helper()
	_, err := w.report(d, despatch.ActionStarted, "run")
	require.NoError(w.t, err)
	_, err = w.complete(d, completion(d, despatch.Completed))
	require.NoError(w.t, err)
}

// preparing is how long the best offer for a request prepares.
func (w *world) preparing(req *ivoa.ExecutionRequest) string {
	w.t.Helper()
	return w.offer(bob, req).Schedule.Preparing.Duration
}

// A staging that has really happened changes what the next offer says, also after a
// restart; one that was configured otherwise meanwhile is forgotten.
func TestWhatHasHappenedChangesTheNextOffer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		const tenGB = 10e9
		w := newWorld(t, withSite(japan))
		req := func() *ivoa.ExecutionRequest {
			return request(1, lake(tenGB, at("SPSRC_STORM", "https://storm.sp.example/ska/testing/table")))
		}
		require.Equal(t, "PT1M45S", w.preparing(req()))
		w.accepted(alice, req())
		d := w.takeWork()
		assert.Equal(t, "https://storm.sp.example/ska/testing/table", d.Sequence[0].Stage.Location)
		w.stages(d, "stage-1", 400*time.Second, tenGB)
		w.finish(d)
		assert.Equal(t, "PT3M25S", w.preparing(req()), "200 s are half-way between 100 and 400, as factors")
		w.crash()
		assert.Equal(t, "PT3M25S", w.preparing(req()), "after a crash")

		w.stop()
		withSite(func(c *config.Config) {
			japan(c)
			c.Bandwidths[0].Bandwidth = 1e9
		})(&w.options)
		w.start()
		assert.Equal(t, "PT15S", w.preparing(req()), "what the operator says now is believed")
		w.stop()
		withSite(japan)(&w.options)
		w.start()
		assert.Equal(t, "PT1M45S", w.preparing(req()))
	})
}

func TestWhatExecutorsReportIsBelievedWithinBounds(t *testing.T) {
	for name, c := range map[string]struct {
		bytes    int64 // of the request
		reported int64
		took     time.Duration
	}{
		"other than the request says":  {10e9, 9e9, time.Minute},
		"more than the storage holds":  {0, 10e9, time.Minute},
		"in no time":                   {10e9, 10e9, 0},
		"a trifle":                     {1e6, 1e6, time.Minute},
		"nothing of what is not known": {0, 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				w := newWorld(t, withSite(japan))
				before := w.state.transfers
				w.accepted(alice, request(1, lake(c.bytes, at("", "https://data.example/x"))))
				d := w.takeWork()
				w.stages(d, "stage-1", c.took, c.reported)
				w.finish(d)
				assert.Same(t, before, w.state.transfers)
			})
		})
	}
}

// An executor's clock may say what it likes: what it has done before it was asked to,
// or will do, is taken for now.
func TestAnExecutorsClockIsNotBelieved(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(japan))
		w.accepted(alice, request(1, lake(10e9, at("", "https://data.example/x"))))
		d := w.takeWork()
		updates := func(key, kind string, at time.Time) {
			_, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
				{Key: key, Type: kind, Action: "stage-1", Time: at, Bytes: 10e9},
			}}, 0)
			require.NoError(t, err)
		}
		updates("a", despatch.ActionStarted, time.Now().Add(-1000*time.Hour))
		time.Sleep(10 * time.Second)
		updates("b", despatch.ActionCompleted, time.Now().Add(1000*time.Hour))
		assert.InEpsilon(t, 1e9, float64(w.state.transfers.Rate("data.example")), 0.01)
		updates("c", despatch.ActionCompleted, time.Now())
		assert.InEpsilon(t, 1e9, float64(w.state.transfers.Rate("data.example")), 0.01, "it has not begun again")
	})
}

func TestAnEndTeachesNothingWithoutItsBeginning(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(japan))
		w.accepted(alice, request(1, lake(10e9, at("", "https://a.example/x")), lake(10e9, at("", "https://b.example/x"))))
		d := w.takeWork()
		before := w.state.transfers
		_, err := w.report(d, despatch.ActionStarted, "stage-1")
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		for _, action := range []string{"stage-2", "stage-1", "stage-", "run"} {
			_, err = w.report(d, despatch.ActionCompleted, action)
			require.NoError(t, err)
		}
		w.stages(d, "stage-3", 10*time.Second, 10e9) // there are two
		assert.Same(t, before, w.state.transfers)
	})
}

func TestLessThanNothingIsNotTaken(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1, lake(10e9, at("", "https://data.example/x"))))
		d := w.takeWork()
		_, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
			{Key: "a", Type: despatch.ActionCompleted, Action: "stage-1", Time: time.Now(), Bytes: -1},
		}}, 0)
		assert.ErrorContains(t, err, "data have 0 bytes or more")
	})
}

func TestWhatIsSimulatedTeachesNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(japan))
		answer, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "simulator", Kinds: []string{ivoa.KindJupyterNotebook, ivoa.KindSkaoData}, Simulated: true, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
		})
		require.NoError(t, err)
		notebook := &ivoa.JupyterNotebook{Location: "https://example.org/a.ipynb"}
		notebook.Kind = ivoa.KindJupyterNotebook
		before := w.state.transfers
		w.accepted(alice, request(1, lake(10e9, at("SPSRC_STORM", "")), func(r *ivoa.ExecutionRequest) { r.Executable = notebook }))
		w.executor, err = identity.ParseUUID(answer.UUID)
		require.NoError(t, err)
		d := w.takeWork()
		w.stages(d, "stage-1", time.Minute, 10e9)
		assert.Same(t, before, w.state.transfers)
	})
}

// However many sources sessions read from, what is kept and told of them is bounded.
func TestWhatIsLearnedIsBounded(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(japan))
		for i := range 300 {
			w.accepted(alice, request(1, lake(10e6, at(fmt.Sprintf("E%d", i), "https://h.example/x"))))
			d := w.takeWork()
			w.stages(d, "stage-1", 10*time.Second, 10e6)
			w.finish(d)
		}
		_, told := w.Digest()
		assert.LessOrEqual(t, len(told.Links), transfer.MaxLinks)
		require.NoError(t, w.options.Store.View(func(tx *store.Tx) error {
			all, err := tx.Learned()
			assert.LessOrEqual(t, len(all), 250)
			return err
		}))
		assert.Contains(t, told.Links, digest.Link{Source: "E299", Bandwidth: 1e6, Samples: 1})
		assert.Equal(t, []digest.Element{{Name: "JPSRC_STORM", Host: "storm.jp.example", Bandwidth: 2e9}}, told.Elements)
	})
}

// Promise 8: from which host somebody reads is nobody else's business, unless the
// site's operators have named it themselves.
func TestPromise8HostsOfUsersURLsAreNotTold(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(func(c *config.Config) {
			japan(c)
			c.Bandwidths = []config.Link{{From: "archive.example", Bandwidth: 1e6}}
		}))
		for _, replica := range []ivoa.SkaoReplica{at("JPSRC_STORM", "https://alices-other.example/x"), at("", "https://alices-secret.example/x"), at("", "https://archive.example/x"), at("FAR", "https://far.example/x")} {
			w.accepted(alice, request(1, lake(10e6, replica)))
			d := w.takeWork()
			w.stages(d, "stage-1", 2*time.Second, 10e6)
			w.finish(d)
		}
		w.crash()
		assert.InEpsilon(t, 5e6, float64(w.state.transfers.Rate("alices-secret.example")), 0.01)
		_, told := w.Digest()
		var sources []string
		for _, l := range told.Links {
			sources = append(sources, l.Source)
		}
		assert.Equal(t, []string{"*", "FAR", "archive.example"}, sources)
	})
}

// The preparation begins so early that slow data are there when the session is to be
// available.
func TestDataAreThereAtThePromisedStart(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(func(c *config.Config) {
			c.Bandwidths = []config.Link{{From: "SPSRC_STORM", Bandwidth: 10e6}}
			c.Transfers.Start = 0
		}))
		from := time.Now().Add(time.Hour).UTC()
		s := w.accepted(alice, request(1, lake(10e9, at("SPSRC_STORM", "https://storm.sp.example/x")), func(r *ivoa.ExecutionRequest) {
			r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: from, End: from.Add(time.Minute)})
		}))
		var d *despatch.Despatch
		for d == nil { // an executor polls all the time
			var err error
			d, _, err = w.Despatch(context.Background(), builtIn, w.executor, 30*time.Second)
			require.NoError(t, err)
		}
		assert.WithinDuration(t, from.Add(-1000*time.Second), time.Now(), time.Second)
		w.stages(d, "stage-1", 1000*time.Second, 10e9)
		now := w.session(s)
		assert.Equal(t, ivoa.SessionAvailable, now.Phase)
		promised, err := ivoa.ParseInterval(s.Schedule.Available.Start)
		require.NoError(t, err)
		assert.WithinDuration(t, promised.Start, time.Now(), time.Second)
	})
}
