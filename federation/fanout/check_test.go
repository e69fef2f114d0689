package fanout

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/identity"
)

func TestAnHonestAnswerIsTaken(t *testing.T) {
	set := honest()
	c := checkerOf(asked())
	a, err := c.answer(encoded(t, set))
	require.NoError(t, err)
	assert.Equal(t, set.Meta.UUID, a.Set.String())
	require.Len(t, a.Offers, 2)
	for i, o := range a.Offers {
		assert.Equal(t, set.Offers[i].Meta.UUID, o.UUID())
		assert.Equal(t, "/sessions/"+o.UUID(), o.Meta.URL, "a path, for whoever shows it")
		assert.Empty(t, o.Meta.Options, "what may be done with it is decided here")
		assert.Len(t, o.Meta.Messages, 1)
	}
	assert.Len(t, a.Messages, 1)

	no := &ivoa.OfferSet{Component: set.Component, Result: ivoa.No}
	c = checkerOf(asked())
	a, err = c.answer(encoded(t, no))
	require.NoError(t, err)
	assert.Empty(t, a.Offers)
}

func TestAnAnswerThatCannotBeReadIsBroken(t *testing.T) {
	for _, body := range []string{"", "<html>", `{"result":"YES"`, `{"offers":7}`, "[]"} {
		c := checkerOf(asked())
		_, err := c.answer([]byte(body))
		require.True(t, IsFault(err, Broken), "%q: %v", body, err)
		assert.Contains(t, err.Error(), "can't be read", "%q", body)
	}
}

// Relative URLs are this node's as well.
func TestPathsAreTakenForURLs(t *testing.T) {
	set := honest()
	set.Meta.URL = strings.TrimPrefix(set.Meta.URL, base)
	set.Offers[0].Meta.URL = strings.TrimPrefix(set.Offers[0].Meta.URL, base)
	set.Offers[1].Meta.URL = ""
	c := checkerOf(asked())
	a, err := c.answer(encoded(t, set))
	require.NoError(t, err)
	assert.Equal(t, "/sessions/"+a.Offers[1].UUID(), a.Offers[1].Meta.URL)
}

// Promise 8, and 2 and 9 of the federation: what a node lies about, or gets wrong,
// leaves it out, all of it, with a reason that names no URL.
func TestLiesLeaveANodeOut(t *testing.T) {
	first := func(edit func(o *ivoa.Session)) func(*ivoa.OfferSet) {
		return func(set *ivoa.OfferSet) { edit(set.Offers[1]) }
	}
	cores := func(o *ivoa.Session) *ivoa.SimpleComputeResource { return o.Compute.(*ivoa.SimpleComputeResource) }
	available := func(o *ivoa.Session, from, to time.Time) {
		o.Schedule.Available.Start = ivoa.FormatInterval(ivoa.Interval{Start: from, End: to})
	}
	two := int64(2)
	for name, lie := range map[string]struct {
		tell func(*ivoa.OfferSet)
		want string
		kind Kind
	}{
		"YES without offers":     {func(s *ivoa.OfferSet) { s.Offers = nil }, "says YES, with 0 offers", Broken},
		"NO with offers":         {func(s *ivoa.OfferSet) { s.Result = ivoa.No }, "says NO, with 2 offers", Broken},
		"neither YES nor NO":     {func(s *ivoa.OfferSet) { s.Result, s.Offers = "PERHAPS", nil }, "says PERHAPS", Broken},
		"NO without a reason":    {func(s *ivoa.OfferSet) { s.Result, s.Offers, s.Meta.Messages = ivoa.No, nil, nil }, "not why", Broken},
		"NO with half a reason":  {func(s *ivoa.OfferSet) { s.Result, s.Offers, s.Meta.Messages[0].Text = ivoa.No, nil, "" }, "not why", Broken},
		"too many offers":        {func(s *ivoa.OfferSet) { s.Offers = many(mostOffers + 1) }, "65 offers", Broken},
		"a set without a UUID":   {func(s *ivoa.OfferSet) { s.Meta.UUID = "" }, "no UUID", Broken},
		"another node's set":     {func(s *ivoa.OfferSet) { s.Meta.UUID = alien.New(1).String() }, "belongs to another node", Wrong},
		"a set's URL elsewhere":  {func(s *ivoa.OfferSet) { s.Meta.URL = "https://evil.example/offersets/" + s.Meta.UUID }, "leads elsewhere", Wrong},
		"no session":             {first(func(o *ivoa.Session) { o.Kind = ivoa.KindSimpleSession }), "no session", Wrong},
		"accepted already":       {first(func(o *ivoa.Session) { o.Phase = ivoa.SessionAccepted }), "is ACCEPTED", Wrong},
		"it runs":                {first(func(o *ivoa.Session) { o.Connectors = []ivoa.Connector{{Location: base + "/sessions/x"}} }), "runs already", Wrong},
		"it has run":             {first(func(o *ivoa.Session) { o.Repeats = &ivoa.Repeats{Completed: 1} }), "runs already", Wrong},
		"another node's session": {first(func(o *ivoa.Session) { o.Meta.UUID = alien.New(1).String() }), "belongs to another node", Wrong},
		"one session twice":      {func(s *ivoa.OfferSet) { s.Offers[1] = s.Offers[0] }, "twice", Wrong},
		"a component's alien":    {first(func(o *ivoa.Session) { o.Executable.Base().Meta.UUID = alien.New(1).String() }), "belongs to another node", Wrong},
		"a part twice":           {first(func(o *ivoa.Session) { o.Executable.Base().Meta.UUID = o.Compute.Base().Meta.UUID }), "twice", Wrong},

		"a URL elsewhere":      {first(func(o *ivoa.Session) { o.Meta.URL = "https://evil.example/sessions/" + o.Meta.UUID }), "leads elsewhere", Wrong},
		"a URL like the base":  {first(func(o *ivoa.Session) { o.Meta.URL = base + ".evil.example/sessions/" + o.Meta.UUID }), "leads elsewhere", Wrong},
		"a URL without scheme": {first(func(o *ivoa.Session) { o.Meta.URL = "//evil.example/sessions/" + o.Meta.UUID }), "leads elsewhere", Wrong},
		"a URL with a query":   {first(func(o *ivoa.Session) { o.Meta.URL += "?x" }), "leads elsewhere", Wrong},
		"a URL of another":     {first(func(o *ivoa.Session) { o.Meta.URL = base + "/sessions/" + mint.New(1).String() }), "something else", Wrong},
		"a part's URL":         {first(func(o *ivoa.Session) { o.Executable.Base().Meta.URL = "https://evil.example/x" }), "URL of its own", Wrong},
		"a storage's URL":      {first(func(o *ivoa.Session) { o.Storage[0].Base().Meta.URL = base + "/x" }), "URL of its own", Wrong},

		"expired":           {first(func(o *ivoa.Session) { o.Expires = ivoa.At(noon) }), "expired already", Wrong},
		"no expiry":         {first(func(o *ivoa.Session) { o.Expires = ivoa.Time{} }), "expired already", Wrong},
		"held for ever":     {first(func(o *ivoa.Session) { o.Expires = ivoa.At(noon.Add(48 * time.Hour)) }), "held for 48h", Wrong},
		"nothing to run":    {first(func(o *ivoa.Session) { o.Executable = nil }), "another executable", Wrong},
		"another program":   {first(func(o *ivoa.Session) { o.Executable.(*ivoa.Process).Command[0] = "rm" }), "another executable", Wrong},
		"other environment": {first(func(o *ivoa.Session) { o.Executable.(*ivoa.Process).Environment["A"] = "2" }), "another executable", Wrong},
		"no data":           {first(func(o *ivoa.Session) { o.Data = nil }), "other data", Wrong},
		"other data":        {first(func(o *ivoa.Session) { o.Data[0].(*ivoa.SimpleDataResource).Location = "https://evil.example/table" }), "other data", Wrong},
		"no compute":        {first(func(o *ivoa.Session) { o.Compute = nil }), "no compute resource", Wrong},
		"unsaid cores":      {first(func(o *ivoa.Session) { cores(o).Cores = nil }), "how many cores", Wrong},
		"a range of cores":  {first(func(o *ivoa.Session) { cores(o).Cores.Min = &two }), "how many cores", Wrong},
		"too few cores":     {first(func(o *ivoa.Session) { cores(o).Cores = ivoa.Exactly(1) }), "1 cores, where 2 to 8", Wrong},
		"too much memory":   {first(func(o *ivoa.Session) { cores(o).Memory = ivoa.Exactly(5) }), "5 GiB of memory, where 4 to 4", Wrong},

		"no schedule":       {first(func(o *ivoa.Session) { o.Schedule = nil }), "when", Wrong},
		"no preparation":    {first(func(o *ivoa.Session) { o.Schedule.Preparing.Start = "soon" }), "when it is prepared", Wrong},
		"no start":          {first(func(o *ivoa.Session) { o.Schedule.Available.Start = "soon" }), "when it begins", Wrong},
		"a start backwards": {first(func(o *ivoa.Session) { available(o, noon.Add(time.Hour), noon.Add(time.Minute)) }), "when it begins", Wrong},
		"no length":         {first(func(o *ivoa.Session) { o.Schedule.Available.Duration = "" }), "how long it lasts", Wrong},
		"another length":    {first(func(o *ivoa.Session) { o.Schedule.Available.Duration = "PT9M" }), "for 9m", Wrong},
		"in the past":       {first(func(o *ivoa.Session) { o.Schedule.Preparing.Start = ivoa.FormatInstant(noon.Add(-2 * time.Minute)) }), "can't be", Wrong},
		"before it's ready": {first(func(o *ivoa.Session) { o.Schedule.Preparing.Start = ivoa.FormatInstant(noon.Add(2 * time.Minute)) }), "can't be", Wrong},
		"too late":          {first(func(o *ivoa.Session) { available(o, noon.Add(time.Hour), noon.Add(25*time.Hour)) }), "wasn't asked for", Wrong},
		"too early": {func(s *ivoa.OfferSet) {
			s.Offers[1].Schedule.Preparing.Start = ivoa.FormatInstant(noon.Add(-time.Minute))
			available(s.Offers[1], noon.Add(-time.Second), noon.Add(time.Minute))
		}, "wasn't asked for", Wrong},
		"in an age":           {first(func(o *ivoa.Session) { available(o, noon.Add(100*365*24*time.Hour), noon.Add(101*365*24*time.Hour)) }), "can't be", Wrong},
		"too dear":            {first(func(o *ivoa.Session) { o.Costs[0] = ivoa.NewFloatCost(ivoa.CostMonetary, 2.5) }), "costs more", Wrong},
		"no cost":             {first(func(o *ivoa.Session) { o.Costs = nil }), "costs more", Wrong},
		"too slow":            {first(func(o *ivoa.Session) { o.Metrics[0] = ivoa.NewFloatMetric(ivoa.MetricComputePerformance, 5) }), "promises less", Wrong},
		"an indefinite cost":  {first(func(o *ivoa.Session) { o.Costs[1].(*ivoa.FloatCost).Max = nil }), "no numbers", Wrong},
		"a range of metrics":  {first(func(o *ivoa.Session) { x := 1.0; o.Metrics[0].(*ivoa.FloatMetric).Min = &x }), "no numbers", Wrong},
		"an endless duration": {first(func(o *ivoa.Session) { o.Schedule.Releasing.Duration = strings.Repeat("0", 300) }), "too many words", Wrong},
		"an endless cost":     {first(func(o *ivoa.Session) { o.Costs[1].(*ivoa.FloatCost).Type = strings.Repeat("x", 300) }), "no numbers", Wrong},
		"an endless metric":   {first(func(o *ivoa.Session) { o.Metrics[0].(*ivoa.FloatMetric).Description = strings.Repeat("x", 300) }), "no numbers", Wrong},
		"too many costs": {first(func(o *ivoa.Session) {
			for range mostQuoted {
				o.Costs = append(o.Costs, ivoa.NewFloatCost("urn:x", 1))
			}
		}), "no numbers", Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			set := honest()
			lie.tell(set)
			c := checkerOf(asked())
			_, err := c.answer(encoded(t, set))
			var f *Fault
			require.ErrorAs(t, err, &f)
			assert.Equal(t, lie.kind, f.Kind)
			assert.Contains(t, f.Detail, lie.want)
			assert.NotContains(t, f.Detail, "://")
		})
	}
}

func many(n int) (list []*ivoa.Session) {
	for range n {
		list = append(list, offer())
	}
	return list
}

// What a node says in words is bounded, and leads nowhere.
func TestWordsAreBounded(t *testing.T) {
	for said, want := range map[string]string{
		"see https://evil.example/x?y#z for more": "see (URL) for more",
		`"http://evil.example/": refused`:         `"(URL)": refused`,
		"two\nlines\x1b[31m and\u202e more":       "two lines[31m and more",
		"://":                                     "(URL)",
		strings.Repeat("é", 300):                  strings.Repeat("é", 250) + "…",
	} {
		assert.Equal(t, want, plain(said))
	}
	set := honest()
	long := ivoa.NewMessage(noon, ivoa.LevelWarn, "urn:x", strings.Repeat("long ", 1000), "a", strings.Repeat("x", 10_000))
	for range 100 {
		set.Offers[0].Meta.Messages = append(set.Offers[0].Meta.Messages, long)
	}
	set.Offers[0].Meta.Description = strings.Repeat("x", 100_000)
	set.Offers[0].Compute.Base().Meta.Name = strings.Repeat("x", 100_000)
	c := checkerOf(asked())
	a, err := c.answer(encoded(t, set))
	require.NoError(t, err)
	assert.Less(t, len(encoded(t, a.Offers[0])), 24_000)
}

// Whatever comes, what is taken of it is what was asked for, of the node's own, and
// leads nowhere else.
func FuzzAnswer(f *testing.F) {
	f.Add(encoded(f, honest()))
	f.Add(encoded(f, &ivoa.OfferSet{Component: honest().Component, Result: ivoa.No}))
	f.Add([]byte(`{"result":"YES","meta":{"uuid":"x"},"offers":[{}]}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c := checkerOf(asked())
		a, err := c.answer(body)
		if err != nil {
			require.IsType(t, &Fault{}, err)
			assert.NotContains(t, err.Error(), "://")
			return
		}
		require.Equal(t, teller.Tag(), a.Set.Owner())
		require.LessOrEqual(t, len(a.Offers), mostOffers)
		if len(a.Offers) == 0 {
			require.NotEmpty(t, a.Messages)
		}
		for _, o := range a.Offers {
			id, err := identity.ParseUUID(o.UUID())
			require.NoError(t, err)
			require.Equal(t, teller.Tag(), id.Owner())
			require.Equal(t, "/sessions/"+id.String(), o.Meta.URL)
			require.Equal(t, c.wanted.executable, content(o.Executable))
			require.True(t, o.Expires.After(noon))
			q, ok := QuoteOf(o)
			require.True(t, ok)
			require.NotEmpty(t, q.Costs)
		}
	})
}
