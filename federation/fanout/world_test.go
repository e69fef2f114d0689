package fanout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/scheduling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	teller = identity.NodeName("kth") // who answers
	base   = "https://jodrell.example/starling"
)

var (
	noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	mint = identity.NewMint(teller, 0)
	// alien is of a node that isn't asked.
	alien = identity.NewMint("inaf", 0)
)

// asked is what was asked for: a program with some data, for ten minutes.
func asked() Wanted {
	process := &ivoa.Process{Command: []string{"wc", "-l", "/input/table"}, Environment: map[string]string{"A": "1", "B": "2"}}
	process.Kind = ivoa.KindProcess
	process.NeedMeta().Name = "count"
	data := &ivoa.SimpleDataResource{Location: "https://archive.example/table"}
	data.Kind = ivoa.KindSimpleData
	return Wanted{
		Executable: process, Data: []ivoa.DataResource{data},
		Least: scheduling.Resources{Cores: 2, Memory: 4}, Most: scheduling.Resources{Cores: 8, Memory: 4},
		Start:    scheduling.StartInterval{Earliest: scheduling.InstantOf(noon), Latest: scheduling.InstantOf(noon.Add(24 * time.Hour))},
		Duration: 10 * scheduling.Minute,
		Constraints: scheduling.Constraints{
			AtMost:  []scheduling.Amount{{Type: ivoa.CostMonetary, Value: 2}},
			AtLeast: []scheduling.Amount{{Type: ivoa.MetricComputePerformance, Value: 10}},
		},
	}
}

// honest is an answer with two offers, as a node makes it.
func honest() *ivoa.OfferSet {
	set := &ivoa.OfferSet{Result: ivoa.Yes}
	set.Kind = ivoa.KindOfferSet
	meta := set.NeedMeta()
	meta.UUID = mint.New(noon.UnixMilli()).String()
	meta.URL, meta.Created = base+"/offersets/"+meta.UUID, ivoa.At(noon)
	meta.Messages = []ivoa.Message{ivoa.NewMessage(noon, ivoa.LevelInfo, "urn:x", "{site} says something", "site", string(teller))}
	set.Offers = []*ivoa.Session{offer(), offer()}
	return set
}

func offer() *ivoa.Session {
	s := &ivoa.Session{Phase: ivoa.SessionOffered, Expires: ivoa.At(noon.Add(5 * time.Minute))}
	s.Kind = ivoa.KindScheduledSession
	meta := s.NeedMeta()
	meta.UUID = mint.New(noon.UnixMilli()).String()
	meta.URL = base + "/sessions/" + meta.UUID
	meta.Messages = []ivoa.Message{ivoa.NewMessage(noon, ivoa.LevelInfo, "urn:starling:message:offer", "{site}: earliest", "site", string(teller))}
	meta.Options = []ivoa.Option{&ivoa.EnumValueOption{Target: ivoa.Target{Kind: ivoa.KindEnumValueOption, Path: "/phase"}, Values: []string{"COMPLETED"}}}
	w := asked()
	named := func(c part) {
		c.Base().NeedMeta().UUID = mint.New(noon.UnixMilli()).String()
		c.Base().Meta.Modified, c.Life().Phase = ivoa.At(noon), ivoa.LifecycleInitializing
	}
	s.Executable, s.Data = w.Executable, w.Data
	compute := &ivoa.SimpleComputeResource{Cores: ivoa.Exactly(4), Memory: ivoa.Exactly(4)}
	compute.Kind = ivoa.KindSimpleCompute
	s.Compute = compute
	storage := &ivoa.SimpleStorageResource{Size: ivoa.Exactly(1)}
	storage.Kind = ivoa.KindSimpleStorage
	s.Storage = []ivoa.StorageResource{storage}
	for _, c := range []part{s.Executable, compute, storage, s.Data[0]} {
		named(c)
	}
	s.Data[0].Place().Storage = storage.UUID()
	s.Costs = []ivoa.CostItem{ivoa.NewFloatCost(ivoa.CostMonetary, 1.5), ivoa.NewFloatCost(ivoa.CostCarbon, 0.25)}
	s.Metrics = []ivoa.MetricItem{ivoa.NewFloatMetric(ivoa.MetricComputePerformance, 40)}
	start := noon.Add(time.Minute)
	s.Schedule = &ivoa.Schedule{
		Preparing: &ivoa.StartDuration{Start: ivoa.FormatInstant(noon), Duration: "PT1M"},
		Available: &ivoa.StartDuration{Start: ivoa.FormatInterval(ivoa.Interval{Start: start, End: start.Add(5 * time.Minute)}), Duration: "PT10M"},
		Releasing: &ivoa.StartDuration{Start: ivoa.FormatInstant(start.Add(10 * time.Minute)), Duration: "PT0S"},
	}
	return s
}

func encoded(t testing.TB, document any) []byte {
	t.Helper()
	body, err := ivoa.Encode(ivoa.JSON, document)
	require.NoError(t, err)
	return body
}

func checkerOf(w Wanted) checker {
	return checker{node: teller, base: base, now: noon, wanted: w.prepare()}
}
