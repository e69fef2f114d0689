package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
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
