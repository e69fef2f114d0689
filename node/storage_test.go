package node

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// withKept registers the world's built-in executor again, as one that keeps
// storage.
func (w *world) withKept() {
	w.t.Helper()
	_, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
		Name: "process", Kinds: append([]string{despatch.KindKeptStorage}, testKinds...), Schemes: []string{"http"},
		Capacity: despatch.Capacity{Cores: w.options.Capacity.Cores, Memory: w.options.Capacity.Memory, Storage: w.options.Capacity.Storage},
	})
	require.NoError(w.t, err)
}

// storing asks for storage with a schedule, mounted at /keep.
func storing(size int64, available ivoa.StartDuration) func(*ivoa.ExecutionRequest) {
	return func(r *ivoa.ExecutionRequest) {
		s := &ivoa.SimpleStorageResource{Size: ivoa.Exactly(size)}
		s.Kind, s.NeedMeta().Name = ivoa.KindSimpleStorage, "results"
		if available != (ivoa.StartDuration{}) {
			s.Schedule = &ivoa.Schedule{Available: &available}
		}
		v := &ivoa.SimpleVolumeMount{Path: "/keep", Mode: ivoa.ReadWrite, Resource: "results"}
		v.Kind = ivoa.KindSimpleVolume
		r.Storage = []ivoa.StorageResource{s}
		r.Compute.Mounted().Volumes = []ivoa.VolumeMount{v}
	}
}

func results(s *ivoa.Session) *ivoa.SimpleStorageResource {
	return s.Storage[0].(*ivoa.SimpleStorageResource)
}

func TestAnOfferSaysHowLongStorageIsKept(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.withKept()
		now := wall(w.now())
		for name, c := range map[string]struct {
			available ivoa.StartDuration
			lasts     time.Duration // from the session's beginning
		}{
			"as long as the session": {ivoa.StartDuration{}, time.Minute},
			"shorter":                {ivoa.StartDuration{Duration: "PT1S"}, time.Minute},
			"longer":                 {ivoa.StartDuration{Duration: "PT1H"}, time.Hour},
			"until":                  {ivoa.StartDuration{Start: ivoa.FormatInterval(ivoa.Interval{Start: now, End: now.Add(3 * time.Hour)})}, 3 * time.Hour},
			"from":                   {ivoa.StartDuration{Start: ivoa.FormatInterval(ivoa.Interval{Start: now, End: now}), Duration: "PT2H"}, 2 * time.Hour},
		} {
			s := w.offer(alice, request(1, storing(2, c.available)))
			storage := results(s)
			assert.Equal(t, ivoa.Exactly(2), storage.Size, name)
			assert.Equal(t, ivoa.FormatDuration(c.lasts), storage.Schedule.Available.Duration, name)
			assert.Equal(t, ivoa.FormatInstant(now.Add(c.lasts)), storage.Schedule.Releasing.Start, name)
			_, err := w.update(alice, s, ivoa.SessionRejected)
			require.NoError(t, err)
		}
	})
}

func TestStorageThatCanNotBeKeptIsANo(t *testing.T) {
	w := newWorld(t)
	year := ivoa.StartDuration{Duration: "P365D"}
	hour := ivoa.StartDuration{Duration: "PT1H"}
	no := func(why string, edit ...func(*ivoa.ExecutionRequest)) {
		t.Helper()
		set := w.ask(alice, request(1, edit...))
		require.Equal(t, ivoa.No, set.Result)
		var said []string
		for _, m := range set.Meta.Messages {
			said = append(said, m.Text)
		}
		assert.Contains(t, strings.Join(said, "\n"), why)
	}
	no("test has no executor that runs "+ivoa.KindProcess+" and keeps storage after the session's end", storing(1, hour))
	w.withKept()
	no("/storage/0/schedule/available reaches P364DT23H59M beyond the session's end: this site keeps storage for P90D at most", storing(1, year))
	no("/storage/0/schedule/available/duration is -PT1H: it must be more than nothing", storing(1, ivoa.StartDuration{Duration: "-PT1H"}))
	no("/storage/0 is to be kept after the session's end, so that one volume must mount it; 0 do", storing(1, hour), func(r *ivoa.ExecutionRequest) {
		r.Compute.Mounted().Volumes = nil
	})
	no("/compute/volumes/1/path lies around or within /keep", storing(1, hour), func(r *ivoa.ExecutionRequest) {
		s := &ivoa.SimpleStorageResource{}
		s.Kind, s.NeedMeta().Name = ivoa.KindSimpleStorage, "scratch"
		v := &ivoa.SimpleVolumeMount{Path: "/keep/scratch", Mode: ivoa.ReadWrite, Resource: "scratch"}
		v.Kind = ivoa.KindSimpleVolume
		r.Storage = append(r.Storage, s)
		c := r.Compute.Mounted()
		c.Volumes = append(c.Volumes, v)
	})
	for i := range 2 { // 100 GiB is all there is, and no more is kept
		w.accepted(alice, request(1, storing(40, hour)))
		_ = i
	}
	no("test keeps at most 100 GiB of storage after its sessions' ends, of which 80 GiB are taken: 40 GiB more can't be kept", storing(40, hour))
	_, err := w.Ask(context.Background(), alice, request(1, storing(1, ivoa.StartDuration{Duration: "long"})), nil, Asking{})
	assert.Equal(t, "invalid /storage/0/schedule/available/duration", fieldOf(err))
	_, err = w.Ask(context.Background(), alice, request(1, storing(1, ivoa.StartDuration{Start: "soon"})), nil, Asking{})
	assert.Equal(t, "invalid /storage/0/schedule/available/start", fieldOf(err))
}

// ended runs a session with kept storage, in which a file lies, to its end.
func (w *world) ended(s *ivoa.Session) *despatch.Despatch {
	w.t.Helper()
	d := w.takeWork()
	_, err := w.report(d, despatch.ActionStarted, "run")
	require.NoError(w.t, err)
	file := filepath.Join(w.dir, "kept")
	require.NoError(w.t, os.WriteFile(file, []byte("x"), 0o600))
	done := completion(d, despatch.Completed)
	done.Files = []despatch.File{{Name: "keep/kept", Location: (&url.URL{Scheme: "file", Path: file}).String(), Bytes: 1, Storage: d.Storage[0].ID}}
	_, err = w.complete(d, done)
	require.NoError(w.t, err)
	return d
}

func TestKeptStorageIsServedUntilItsTimeIsUp(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.withKept()
		s := w.accepted(alice, request(1, storing(2, ivoa.StartDuration{Duration: "PT1H"})))
		began := wall(w.now())
		d := w.ended(s)
		assert.Equal(t, []despatch.Storage{
			{ID: results(s).UUID(), Name: "results", Size: 2, KeepSeconds: 3540, KeepUntil: began.Add(time.Hour)},
		}, d.Storage)
		assert.Equal(t, results(s).UUID(), d.Sequence[0].Run.Volumes[0].Storage)
		names := func() (names []string) {
			files, err := w.Files(context.Background(), alice, id(t, s))
			require.NoError(t, err)
			for _, f := range files {
				names = append(names, f.Name)
			}
			return names
		}
		open := func() Code {
			content, _, err := w.OpenFile(context.Background(), alice, id(t, s), "keep/kept")
			if err == nil {
				require.NoError(t, content.Close())
			}
			return codeOf(err)
		}
		until := ivoa.FormatInstant(began.Add(time.Hour)) // however early the session has ended
		for _, when := range []time.Duration{0, time.Hour - time.Second} {
			time.Sleep(when)
			assert.Equal(t, []string{"keep/kept"}, names())
			assert.Empty(t, open())
			assert.Equal(t, ivoa.LifecycleAvailable, results(w.session(s)).Phase, "the session is over, the storage is not")
			assert.Equal(t, until, results(w.session(s)).Schedule.Releasing.Start)
		}
		w.mu.Lock()
		assert.EqualValues(t, 2, w.keptGiB())
		w.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Empty(t, names())
		assert.Equal(t, CodeGone, open())
		assert.Equal(t, ivoa.LifecycleCompleted, results(w.session(s)).Phase)
		w.mu.Lock()
		assert.Zero(t, w.keptGiB())
		w.mu.Unlock()
	})
}

func TestKeptStorageIsRememberedAfterACrash(t *testing.T) {
	w := newWorld(t)
	w.withKept()
	w.ended(w.accepted(alice, request(1, storing(2, ivoa.StartDuration{Duration: "PT1H"}))))
	require.NoError(t, w.settle())
	w.crash()
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.EqualValues(t, 2, w.keptGiB())
}

// again asks for storage that is kept, from a volume.
func again(storage string, size int64) func(*ivoa.ExecutionRequest) {
	return func(r *ivoa.ExecutionRequest) {
		v := &ivoa.SimpleVolumeMount{Path: "/again", Mode: ivoa.ReadWrite, Resource: storage}
		v.Kind = ivoa.KindSimpleVolume
		r.Compute.Mounted().Volumes = []ivoa.VolumeMount{v}
		if size == 0 {
			return
		}
		s := &ivoa.SimpleStorageResource{Size: ivoa.Exactly(size)}
		s.Kind, s.NeedMeta().UUID = ivoa.KindSimpleStorage, storage
		r.Storage = []ivoa.StorageResource{s}
	}
}

func TestALaterSessionOfTheOwnerUsesKeptStorageAgain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.withKept()
		first := w.accepted(alice, request(1, storing(2, ivoa.StartDuration{Duration: "PT1H"})))
		kept := w.ended(first).Storage[0].ID
		until := wall(w.now()).Add(time.Hour)
		said := func(caller identity.Caller, edit func(*ivoa.ExecutionRequest)) string {
			set := w.ask(caller, request(1, edit))
			require.Equal(t, ivoa.No, set.Result)
			return set.Meta.Messages[0].Text
		}
		assert.Contains(t, said(alice, again(kept, 3)), "storage "+kept+" has 2 GiB, and 3 GiB were asked for")
		assert.Contains(t, said(bob, again(kept, 0)), "/compute/volumes/0/resource refers to "+kept+", but no component")
		assert.Contains(t, said(bob, again(kept, 1)), "storage "+kept+" is unknown, has been released, or isn't yours")
		assert.Contains(t, said(operator, again(kept, 1)), "isn't yours")

		for _, size := range []int64{0, 1} { // straight from a volume, and as a storage resource
			rival := w.offer(alice, request(1, again(kept, size)))
			second := w.accepted(alice, request(1, again(kept, size)))
			assert.Equal(t, kept, results(second).UUID())
			assert.Equal(t, ivoa.Exactly(2), results(second).Size)
			_, err := w.update(alice, rival, ivoa.SessionAccepted)
			assert.ErrorContains(t, err, "is in use by session "+second.UUID())
			assert.Contains(t, said(alice, again(kept, size)), "storage "+kept+" is in use by session "+second.UUID())
			d := w.ended(second)
			assert.Equal(t, []despatch.Storage{{ID: kept, Size: 2, KeepUntil: until, Existing: true}}, d.Storage)
			assert.Equal(t, kept, d.Sequence[0].Run.Volumes[0].Storage)
			files, err := w.Files(context.Background(), alice, id(t, second))
			require.NoError(t, err)
			assert.Len(t, files, 1)
		}
		files, err := w.Files(context.Background(), alice, id(t, first))
		require.NoError(t, err)
		assert.Empty(t, files, "what is in the storage is the later session's now")
		w.mu.Lock()
		assert.EqualValues(t, 2, w.keptGiB(), "it is counted once")
		w.mu.Unlock()

		late := w.offer(alice, request(1, again(kept, 0)))
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Contains(t, said(alice, again(kept, 1)), "storage "+kept+" is unknown, has been released, or isn't yours")
		_, err = w.update(alice, late, ivoa.SessionAccepted)
		assert.Error(t, err)
	})
}

func TestKeptStorageIsUsedAgainWhereItLies(t *testing.T) {
	w := newWorld(t)
	w.withKept()
	kept := w.ended(w.accepted(alice, request(1, storing(2, ivoa.StartDuration{Duration: "PT1H"})))).Storage[0].ID
	other, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
		Name: "docker", Kinds: append([]string{despatch.KindKeptStorage}, testKinds...), Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
	})
	require.NoError(t, err)
	elsewhere, err := identity.ParseUUID(other.UUID)
	require.NoError(t, err)
	s := w.accepted(alice, request(1, again(kept, 0)))
	d, reasons, err := w.Despatch(context.Background(), builtIn, elsewhere, 0)
	require.NoError(t, err)
	assert.Nil(t, d, "it is not there")
	assert.Equal(t, despatch.Reasons{despatch.ReasonWrongKind: 1}, reasons)
	w.ended(s)
}
