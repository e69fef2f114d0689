//go:build docker

package containers

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/conformance"
)

// The exemplary story: an answer has offers of several sites; asked at one, taken at
// another, followed at a third, its files fetched at a fourth; and all five tell the
// same of it.
func TestASessionIsEverywhere(t *testing.T) {
	const user = "story"
	sites := everywhere(t, user)
	uksrc, espsrc, jpsrc, cansrc, aussrc := sites[0], sites[1], sites[2], sites[3], sites[4]

	set, asked := uksrc.ask(shell("echo counting; seq 1 1000 | wc -l > output/lines; echo wrong >&2"))
	assert.Greater(t, len(set.Offers), 1)
	id := set.of(t, "espsrc")
	accepted := jpsrc.setPhase(id, "ACCEPTED")
	require.Equal(t, 200, accepted.Status, "%s", accepted.Body)
	assert.Equal(t, 409, espsrc.setPhase(set.of(t, "uksrc"), "ACCEPTED").Status, "one offer of an answer is taken, the others are rejected")
	cansrc.await(id, "COMPLETED")
	assert.Equal(t, "counting\n", string(cansrc.document("/sessions/"+id+"/stdout", nil).Body))
	assert.Equal(t, "wrong\n", string(uksrc.document("/sessions/"+id+"/stderr", nil).Body))
	assert.Equal(t, "1000\n", string(aussrc.document("/sessions/"+id+"/files/output/lines", nil).Body))

	for _, p := range sites {
		var s session
		p.document("/sessions/"+id, &s)
		assert.Equal(t, p.URL+"/sessions/"+id, s.Meta.URL, "each site's own URL")
	}
	var history struct{ History []attempt }
	require.NoError(t, json.Unmarshal([]byte(agree(everywhere(t, user), "/history?session="+id)), &history))
	require.Len(t, history.History, 1)
	assert.Equal(t, "COMPLETED", history.History[0].Phase)
	assert.Equal(t, "espsrc", history.History[0].Node)
	assert.Contains(t, agree(everywhere(t, user), "/statements?owner=user:"+user), "core-seconds")
	agree(everywhere(t, user), "/accounts")

	stranger := at(t, "aussrc", "stranger")
	assert.Equal(t, 404, stranger.do("GET", "/sessions/"+id, nil).Status, "promise 8")
	assert.Equal(t, 404, stranger.do("GET", "/sessions/"+id+"/files/output/lines", nil).Status, "promise 8")

	documents := []conformance.Document{
		{Name: "the answer", Op: "POST /requests", Status: 303, Location: asked.Header.Get("Location"), Body: asked.Body, OpenKinds: true},
		{Name: "accepted", Op: "POST /sessions/x", Body: accepted.Body, OpenKinds: true},
		{Name: "the session, from elsewhere", Op: "GET /sessions/x", Body: aussrc.document("/sessions/"+id, nil).Body, OpenKinds: true},
	}
	t.Run("conforms", func(t *testing.T) { conformance.New(t).Check(t, documents...) })
}

// The command line, as somebody on this machine uses it.
func TestTheCommandLineReachesTheSites(t *testing.T) {
	s, token := federation.Site("jpsrc"), tokenOf(t, "typist")
	got := starling(t, s, token, "run", "--cores", "1", "--for", "10m", "--", "echo", "hello from far away")
	require.Equal(t, 0, got.status, "%s%s", got.out, got.err)
	assert.Contains(t, got.out+got.err, "hello from far away")
	got = starling(t, s, token, "offers", "--cores", "1000", "--", "true")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.out+got.err, "1000 needed", "promise 9")
	got = starling(t, s, token, "whoami")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, "typist")
}
