package node

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/config"
	"starling/scheduling"
	"starling/scheduling/transfer"
)

// lake are data of the lake with so many bytes at these replicas: ELEMENT or
// ELEMENT=URL.
func lake(bytes int64, replicas ...ivoa.SkaoReplica) func(*ivoa.ExecutionRequest) {
	return func(r *ivoa.ExecutionRequest) {
		d := &ivoa.SkaoDataResource{Skao: &ivoa.Skao{Namespace: "testing", ObjectName: "table", ObjectType: ivoa.ObjectFile, Replicas: replicas}}
		d.Kind = ivoa.KindSkaoData
		if bytes > 0 {
			d.Skao.DataSize = &bytes
		}
		r.Data = append(r.Data, d)
	}
}

func at(element, url string) ivoa.SkaoReplica {
	return ivoa.SkaoReplica{RSEName: element, DataURL: url}
}

// withSite gives a broker storage elements and links.
func withSite(edit func(*config.Config)) func(*Options) {
	return func(o *Options) {
		c := config.Default(true)
		edit(&c)
		o.StorageElements, o.Transfers = c.StorageElements, c.TransferSite()
	}
}

func japan(c *config.Config) {
	c.StorageElements = []config.StorageElement{{Name: "JPSRC_STORM", Bandwidth: 2e9, URL: "https://storm.jp.example/ska"}}
	c.Bandwidths = []config.Link{{From: "SPSRC_STORM", Bandwidth: 100e6}}
}

func spain(c *config.Config) {
	c.StorageElements = []config.StorageElement{{Name: "SPSRC_STORM", Bandwidth: 1e9, URL: "https://storm.sp.example/ska"}}
	c.Bandwidths = []config.Link{{From: "JPSRC_STORM", Bandwidth: 100e6}}
}

func messageOf(t *testing.T, s *ivoa.Session, kind string) ivoa.Message {
	t.Helper()
	for _, m := range s.Meta.Messages {
		if m.Kind == kind {
			complete(t, m)
			return m
		}
	}
	require.Fail(t, "no message of kind "+kind, "%v", s.Meta.Messages)
	return ivoa.Message{}
}

// Of two sites the one that has a replica needs no transfer, and says so.
func TestAReplicaDecidesWhatASiteHasToMove(t *testing.T) {
	const tenGB = 10e9
	jp, sp := newWorld(t, withSite(japan)), newWorld(t, withSite(spain))
	ask := func(w *world, replicas ...ivoa.SkaoReplica) (ivoa.Message, *ivoa.Session) {
		s := w.offer(alice, request(1, lake(tenGB, replicas...)))
		return messageOf(t, s, messageTransfer), s
	}
	here, offer := ask(jp, at("JPSRC_STORM", "https://storm.jp.example/ska/testing/table"))
	assert.Equal(t, "test: all data are here, 9.3 GiB in JPSRC_STORM; to read them takes 10s", here.Text)
	assert.Equal(t, "0", here.Values["moved"])
	assert.Equal(t, "10000000000", here.Values["bytes"])
	assert.Equal(t, "10", here.Values["seconds"], "5 s to begin with, and 10 GB at 2 GB/s")
	assert.Equal(t, "PT10S", offer.Schedule.Preparing.Duration)

	there, offer := ask(sp, at("JPSRC_STORM", "https://storm.jp.example/ska/testing/table"))
	assert.Equal(t, "test: 0 of 1 data are here; 9.3 GiB from JPSRC_STORM take 1m45s", there.Text)
	assert.Equal(t, "10000000000", there.Values["moved"])
	assert.Equal(t, "105", there.Values["seconds"])
	assert.Equal(t, "PT1M45S", offer.Schedule.Preparing.Duration)

	for _, w := range []*world{jp, sp} { // both have one
		m, _ := ask(w, at("JPSRC_STORM", "https://storm.jp.example/ska/testing/table"), at("SPSRC_STORM", "https://storm.sp.example/ska/testing/table"))
		assert.Equal(t, "0", m.Values["moved"])
	}
}

func TestItemsSayWhereDataAreToBeHad(t *testing.T) {
	q, err := read(t, program+`data:
  - {kind: KIND/data/simple-data-resource.yaml, location: 'https://Archive.example.org:8443/x?y', meta: {name: simple}}
  - {kind: KIND/data/S3-data-resource.yaml, endpoint: 's3.example.org', bucket: b, object: o}
  - {kind: KIND/data/rucio-data-resource.yaml, rucio: {endpoint: 'https://rucio.example.org', scope: s, object: o}}
  - {kind: KIND/data/ivoa-data-resource.yaml, ivoa: {obscore: {access_url: 'https://a.example.org/x'}, datalink: {access_url: 'https://d.example.org/x', content_length: 1234}}}
  - {kind: KIND/data/skao-data-resource.yaml, skao: {datasize: 5000, replicas: [{rsename: A}, {rsename: B, dataurl: 'https://b.example.org/x'}, {dataurl: 'https://c.example.org/x'}]}}
  - {kind: KIND/data/skao-data-resource.yaml, skao: {namespace: n, objectname: o}}
`)
	require.NoError(t, err)
	assert.Empty(t, q.objections)
	assert.Equal(t, []transfer.Item{
		{Name: "simple", Sources: []string{"archive.example.org"}},
		{Name: "data 2", Sources: []string{"s3.example.org"}},
		{Name: "data 3", Sources: []string{"rucio.example.org"}},
		{Name: "data 4", Bytes: 1234, Sources: []string{"d.example.org"}},
		{Name: "data 5", Bytes: 5000, Sources: []string{"A", "B", "c.example.org"}},
		{Name: "data 6"},
	}, q.items)
	assert.Equal(t, q.transfer.Span, q.demand.Preparing)
	assert.Greater(t, q.demand.Preparing, 25*scheduling.Second)
}

// What this site has a URL for in its own element, another may have none for. One that
// has says so in its digest.
func TestOtherSitesMustFindReplicasThemselves(t *testing.T) {
	jp := newWorld(t, withSite(japan))
	kinds := func(replicas ...ivoa.SkaoReplica) (here, elsewhere []string) {
		req := request(1, lake(10e9, replicas...))
		q, err := understand(req, nil, asked, jp.options.Offers, jp.recalled(alice, req))
		require.NoError(t, err)
		return q.dataKinds, q.plainKinds()
	}
	here, elsewhere := kinds(at("JPSRC_STORM", ""))
	assert.Equal(t, []string{ivoa.KindSkaoData + "#https"}, here)
	assert.Equal(t, []string{ivoa.KindSkaoData}, elsewhere)
	here, elsewhere = kinds(at("SPSRC_STORM", ""))
	assert.Equal(t, []string{ivoa.KindSkaoData}, here)
	assert.Equal(t, []string{ivoa.KindSkaoData}, elsewhere)
	_, elsewhere = kinds(at("SPSRC_STORM", "https://storm.sp.example/x"))
	assert.Empty(t, elsewhere)

	_, told := jp.Digest()
	assert.Contains(t, told.Kinds, ivoa.KindSkaoData)
	_, told = newWorld(t).Digest()
	assert.NotContains(t, told.Kinds, ivoa.KindSkaoData)
}

// Where nobody here can fetch a replica the answer is NO, and says so.
func TestPromise9DataThatNobodyHereCanFetchAreNo(t *testing.T) {
	w := newWorld(t, withSite(japan))
	for name, c := range map[string]struct {
		replicas []ivoa.SkaoReplica
		says     string
	}{
		"no URL":               {[]ivoa.SkaoReplica{at("SPSRC_STORM", "")}, "test can't stage data of kind " + ivoa.KindSkaoData},
		"a scheme of no use":   {[]ivoa.SkaoReplica{at("SPSRC_STORM", "root://storm.sp.example//x")}, "nor fetch from root"},
		"no replica":           {nil, "can't stage data of kind"},
		"a name that leads up": {[]ivoa.SkaoReplica{at("JPSRC_STORM", "")}, "can't stage data of kind"},
	} {
		set := w.ask(alice, request(1, lake(10, c.replicas...), func(r *ivoa.ExecutionRequest) {
			if name == "a name that leads up" {
				r.Data[0].(*ivoa.SkaoDataResource).Skao.ObjectName = "../../etc/passwd"
			}
		}))
		require.Equal(t, ivoa.No, set.Result, name)
		assert.Contains(t, set.Meta.Messages[0].Text, c.says, name)
		complete(t, set.Meta.Messages[0])
	}
}

// A replica in an element of the site has a URL below the element's, whatever its
// name; a checksum of the data lake is checked.
func TestAnExecutorIsToldTheURLOfTheChosenReplica(t *testing.T) {
	const sum = "79287BA5ABAC5E6F8D50DE979EE9A4604025BA13FB42A54BC28D376133A0C6D7"
	for name, want := range map[string]string{
		"table":          "https://storm.jp.example/ska/testing/table",
		"a/b c?d#e%2e":   "https://storm.jp.example/ska/testing/a/b%20c%3Fd%23e%252e",
		"/pulsars/x.fil": "", // an empty element of a path leads to no object
	} {
		inTime(t, func(t *testing.T) {
			w := newWorld(t, withSite(japan))
			req := request(1, lake(10e9, at("SPSRC_STORM", ""), at("JPSRC_STORM", "")), func(r *ivoa.ExecutionRequest) {
				skao := r.Data[0].(*ivoa.SkaoDataResource).Skao
				skao.ObjectName, skao.Checksum = name, &ivoa.Checksum{Type: "SHA-256", Value: sum}
			})
			if want == "" {
				require.Equal(t, ivoa.No, w.ask(alice, req).Result)
				return
			}
			w.accepted(alice, req)
			stage := w.takeWork().Sequence[0].Stage
			assert.Equal(t, want, stage.Location)
			assert.Equal(t, strings.ToLower(sum), stage.SHA256)
			assert.EqualValues(t, 10e9, stage.Bytes)
		})
	}
}

// Promise 8: what somebody calls a replica of the site's own element teaches nothing
// about that when it comes from elsewhere.
func TestPromise8AReplicaElsewhereTeachesNothingOfTheSitesElement(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, withSite(japan))
		w.accepted(alice, request(1, lake(10e9, at("JPSRC_STORM", "https://mallory.example/slow"))))
		d := w.takeWork()
		w.stages(d, "stage-1", 1000*time.Second, 10e9)
		assert.EqualValues(t, 2e9, w.state.transfers.Rate("JPSRC_STORM"))
		assert.InEpsilon(t, 1e7, float64(w.state.transfers.Rate("mallory.example")), 0.01)
	})
}

func TestWhatAnOfferSaysOfItsDataIsReadAgain(t *testing.T) {
	w := newWorld(t, withSite(spain))
	span, moved, bytes := readTransfer(w.offer(alice, request(1, lake(10e9, at("JPSRC_STORM", "https://storm.jp.example/x")), lake(1e9, at("SPSRC_STORM", "")))))
	assert.Equal(t, (5+100+1)*scheduling.Second, span)
	assert.EqualValues(t, 10e9, moved)
	assert.EqualValues(t, 11e9, bytes)
	span, moved, bytes = readTransfer(w.offer(alice, request(1)))
	assert.Zero(t, span)
	assert.Zero(t, moved+bytes)
}

// Another node may write there what it likes: it comes to a length of time and to
// amounts, with which others count.
func FuzzReadTransfer(f *testing.F) {
	f.Add("105", "10000000000", "10000000000")
	f.Add("NaN", "-1", "1e9")
	f.Add("+Inf", "99999999999999999999", "0x1p63")
	f.Fuzz(func(t *testing.T, seconds, moved, bytes string) {
		s := &ivoa.Session{}
		s.NeedMeta().Messages = []ivoa.Message{{Kind: messageTransfer, Values: map[string]string{"seconds": seconds, "moved": moved, "bytes": bytes}}}
		span, m, b := readTransfer(s)
		if span < 0 || span > scheduling.MaxSpan/1024 || m < 0 || m > b {
			t.Fatalf("%v, %d of %d bytes", span, m, b)
		}
	})
}

// The sites that have a replica are asked, and come first; the one that was asked
// needs none of them. That one needs to know a site's URLs for it is not said.
func TestASessionIsOfferedWhereItsDataAre(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three, func(o *Options) {
			switch o.Name {
			case "b":
				withSite(japan)(o)
			case "c":
				withSite(spain)(o)
			}
			o.Placement.Ask = 1
		})
		sites := func(policy string, replicas ...ivoa.SkaoReplica) (sites []string, first *ivoa.Session) {
			set, err := f.worlds["a"].Ask(context.Background(), alice, request(1, lake(100e9, replicas...)), nil, Asking{Placement: policy})
			require.NoError(t, err)
			require.Equal(t, ivoa.Yes, set.Result, "%v", set.Meta.Messages)
			for _, o := range set.Offers {
				sites = append(sites, string(f.ownerOf(o).options.Name))
			}
			return sites, set.Offers[0]
		}
		for _, policy := range []string{"fastest", "data-local", "balanced"} {
			names, offer := sites(policy, at("JPSRC_STORM", "https://storm.jp.example/ska/testing/table"))
			assert.Equal(t, []string{"b", "a"}, names, policy)
			assert.Equal(t, "0", messageOf(t, offer, messageTransfer).Values["moved"])
			names, _ = sites(policy, at("SPSRC_STORM", "https://storm.sp.example/ska/testing/table"))
			assert.Equal(t, []string{"c", "a"}, names, policy)
			names, _ = sites(policy, at("SPSRC_STORM", "")) // only c knows where it is
			assert.Equal(t, []string{"c"}, names, policy)
		}
	})
}

// What a site has learned others are told, and they ask somebody else.
func TestWhatASiteHasLearnedOthersKnow(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three, func(o *Options) {
			withSite(func(c *config.Config) {
				c.Bandwidths = []config.Link{{From: "FAR", Bandwidth: map[identity.NodeName]config.Bandwidth{"a": 1e6, "b": 100e6, "c": 50e6}[o.Name]}}
			})(o)
			o.Placement.Ask = 1
		})
		best := func() string {
			set, err := f.worlds["a"].Ask(context.Background(), alice, request(1, lake(10e9, at("FAR", "https://far.example/x"))), nil, Asking{Placement: "fastest"})
			require.NoError(t, err)
			return string(f.ownerOf(set.Offers[0]).options.Name)
		}
		require.Equal(t, "b", best())
		b := f.worlds["b"]
		for range 3 {
			here := identity.Caller{User: "bob", Roles: bob.Roles, Via: []identity.NodeName{"z"}}
			_, err := b.update(bob, b.offer(here, request(1, lake(10e9, at("FAR", "https://far.example/x")))), ivoa.SessionAccepted)
			require.NoError(t, err)
			d := b.takeWork()
			b.stages(d, "stage-1", 2000*time.Second, 10e9)
			b.finish(d)
		}
		for _, w := range f.worlds {
			w.register() // time has passed
		}
		assert.Equal(t, "c", best())
	})
}
