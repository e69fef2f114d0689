package fanout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
	"starling/federation/line"
)

// heard takes what it is told.
type heard struct {
	peer    identity.NodeName
	tidings []Tiding
	err     error
}

func (h *heard) Hear(_ context.Context, peer identity.NodeName, tidings []Tiding) error {
	h.peer, h.tidings = peer, tidings
	return h.err
}

// over leads requests to a handler, as the line of a node does.
type over struct {
	http.Handler
	peer line.Peer
}

func (o over) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in := httptest.NewRequest(r.Method, r.URL.RequestURI(), r.Body)
	in.Header = r.Header
	o.ServeHTTP(w, in.WithContext(line.WithPeer(r.Context(), o.peer)))
	return w.Result(), nil
}

func TestWhatIsToldIsHeard(t *testing.T) {
	told := []Tiding{
		{Set: mint.New(1), Accepted: mint.New(2)},
		{Set: mint.New(3), Keep: []identity.UUID{mint.New(4), mint.New(5)}},
		{Set: mint.New(6)},
	}
	var h heard
	p := Peers{Transport: over{Listener(&h), line.Peer{Node: "inaf"}}, Now: time.Now}
	require.NoError(t, p.Tell(t.Context(), teller, told))
	assert.EqualValues(t, "inaf", h.peer, "as the line says")
	assert.Equal(t, told, h.tidings)

	h.err = errors.New("the disk is full")
	require.ErrorContains(t, p.Tell(t.Context(), teller, told), "503", "and is told again")
}

func TestWhatIsNotATidingIsNotHeard(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"set":"`+mint.New(1).String()+`"},`, MostTidings+1), ",")
	keeps := strings.TrimSuffix(strings.Repeat(`"`+mint.New(1).String()+`",`, mostOffers+1), ",")
	set := `"set":"` + mint.New(1).String() + `"`
	for body, peer := range map[string]line.Peer{
		`[{` + set + `}]`:                        {},                             // who isn't known
		`[{` + set + `} ]`:                       {Node: "inaf", Newcomer: true}, // who doesn't belong yet
		`{`:                                      {Node: "inaf"},                 //
		`[{}]`:                                   {Node: "inaf"},                 // of nothing
		`[{"set":"x"}]`:                          {Node: "inaf"},                 //
		`[` + many + `]`:                         {Node: "inaf"},                 // too many
		`[{` + set + `,"keep":[` + keeps + `]}]`: {Node: "inaf"},                 // of too many offers
		`[{` + set + `,"accepted":"` + mint.New(2).String() + `","keep":["` + mint.New(3).String() + `"]}]`: {Node: "inaf"}, // of both
		`["` + strings.Repeat("x", mostTold) + `"]`:                                                         {Node: "inaf"},
	} {
		var h heard
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, TellPath, strings.NewReader(body))
		Listener(&h).ServeHTTP(w, r.WithContext(line.WithPeer(r.Context(), peer)))
		assert.GreaterOrEqual(t, w.Code, 400, "%.80s", body)
		assert.Less(t, w.Code, 500, "%.80s", body)
		assert.Empty(t, h.peer, "%.80s", body)
	}
}

func FuzzTidings(f *testing.F) {
	good, _ := json.Marshal([]Tiding{{Set: mint.New(1), Accepted: mint.New(2)}, {Set: mint.New(3), Keep: []identity.UUID{mint.New(4)}}})
	f.Add(good)
	f.Add([]byte(`[{"set":"x"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		tidings, err := readTidings(body)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(tidings), MostTidings)
		for _, one := range tidings {
			require.False(t, one.Set.IsZero())
			require.LessOrEqual(t, len(one.Keep), mostOffers)
		}
	})
}
