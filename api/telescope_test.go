package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
)

// staff is an authenticator that takes a token for a name, and knows what each
// may do.
type staff struct{}

func (staff) Authenticate(r *http.Request) (identity.Caller, error) {
	name, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	callers := map[string]identity.Caller{
		"alice": {User: "alice", Roles: []identity.Role{identity.RoleUser}, Proposal: "JL1"},
		"bob":   {User: "bob", Roles: []identity.Role{identity.RoleUser}},
		"robot": {User: "robot", Roles: []identity.Role{identity.RoleExecutor}},
	}
	caller, known := callers[name]
	if !known {
		return caller, errNobody
	}
	return caller, nil
}

// observatory is a node with a telescope, over HTTP, in a bubble in which nights
// pass quickly.
type observatory struct {
	*testing.T
	broker    *node.Broker
	http      *http.Client
	telescope despatch.Client
	executor  string
	document  openAPIDocument
}

func newObservatory(t *testing.T) *observatory {
	broker := realBroker(t, t.TempDir())
	accountant := identity.Caller{User: "ann", Roles: []identity.Role{identity.RoleAccountant}}
	tag, programme := accounting.Owner{Kind: accounting.KindTAG, ID: "JMU"}, accounting.Owner{Kind: accounting.KindProgramme, ID: "sn"}
	for _, order := range []accounting.EnrolOwner{
		{Owner: tag, Name: "Liverpool"}, {Owner: programme, Name: "Supernovae", Parent: tag},
		{Owner: accounting.Proposal("JL1"), Name: "Early light", Parent: programme},
	} {
		_, err := broker.Enrol(context.Background(), accountant, order)
		require.NoError(t, err)
	}
	w := newWorld(t, func(o *Options) { o.Broker, o.Authenticator, o.Limits.Poll = broker, staff{}, time.Second })
	o := &observatory{T: t, broker: broker, http: overPipes(t, w.server), document: readDocument(t)}
	o.telescope = despatch.Client{Base: "http://kth", Token: "robot", HTTP: o.http}
	o.executor = o.register()
	return o
}

func (o *observatory) register() string {
	o.Helper()
	answer, err := o.telescope.Register(o.Context(), despatch.Registration{
		Name: "lt-1", Kinds: []string{ivoa.KindSequence}, Capacity: despatch.Capacity{Cores: 1, Memory: 1, Storage: 1},
		Windows: []despatch.Window{{Start: time.Now().Add(-time.Hour), End: time.Now().Add(24 * time.Hour)}},
	})
	require.NoError(o, err)
	return answer.UUID
}

// call does one request, and reads its answer.
func (o *observatory) call(as, method, path, body string) (status int, answer string) {
	o.Helper()
	r, err := http.NewRequestWithContext(o.Context(), method, "http://kth"+path, strings.NewReader(body))
	require.NoError(o, err)
	r.Header.Set("Authorization", "Bearer "+as)
	r.Header.Set("Content-Type", "application/json")
	resp, err := o.http.Do(r)
	require.NoError(o, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(o, err)
	return resp.StatusCode, string(text)
}

// book asks for five exposures, accepts the best offer, and returns its path.
func (o *observatory) book() string {
	o.Helper()
	status, body := o.call("alice", "POST", "/requests", `{
		"executable": {"kind": "urn:starling:executable:sequence-1.0", "meta": {"name": "SN 2026a"},
			"actions": [{"kind": "slew", "ra": 10.684710, "dec": 41.26875}, {"kind": "expose", "filter": "r'", "seconds": 120, "count": 5}]},
		"schedule": {"requested": {"duration": "PT15M"}}}`)
	require.Equal(o, http.StatusSeeOther, status, body)
	var set ivoa.OfferSet
	_, err := ivoa.Decode(ivoa.JSON, []byte(body), ivoa.Limits{}, &set)
	require.NoError(o, err)
	require.Equal(o, ivoa.Yes, set.Result, body)
	path := strings.TrimPrefix(set.Offers[0].Meta.URL, testBase)
	status, body = o.call("alice", "POST", path, acceptUpdate)
	require.Equal(o, http.StatusOK, status, body)
	return path
}

// poll asks for a job.
func (o *observatory) poll(wait time.Duration) (*despatch.Despatch, despatch.Reasons) {
	o.Helper()
	o.register()
	work, reasons, err := o.telescope.Despatch(o.Context(), o.executor, wait)
	require.NoError(o, err)
	return work, reasons
}

func (o *observatory) phase(path string) string {
	o.Helper()
	status, body := o.call("alice", "GET", path, "")
	require.Equal(o, http.StatusOK, status, body)
	var session struct {
		Phase string `json:"phase"`
	}
	require.NoError(o, json.Unmarshal([]byte(body), &session))
	return session.Phase
}

// history reads one entry, as its owner, and holds it against our document.
func (o *observatory) history(work *despatch.Despatch) accounting.HistoryEntry {
	o.Helper()
	status, body := o.call("alice", "GET", "/history/"+work.HistoryRef, "")
	require.Equal(o, http.StatusOK, status, body)
	var value any
	require.NoError(o, json.Unmarshal([]byte(body), &value))
	assert.Empty(o, o.document.check("", tree{"$ref": "#/components/schemas/HistoryEntry"}, value, true), body)
	var entry accounting.HistoryEntry
	require.NoError(o, json.Unmarshal([]byte(body), &entry))
	return entry
}

// exposures reports exposures with one file each, as a telescope does: action by
// action.
func (o *observatory) exposures(work *despatch.Despatch, ids ...string) despatch.Updates {
	report := despatch.Updates{Fence: work.Fence, Updates: []despatch.Update{
		{Key: "slew", Type: despatch.ActionCompleted, Action: "action-1", Time: time.Now()},
		{Key: "began", Type: despatch.ActionStarted, Action: "action-2", Time: time.Now()},
	}}
	for i, id := range ids {
		began := time.Now().Add(-2 * time.Minute)
		name := fmt.Sprintf("%s_%d.fits", id, i)
		report.Updates = append(report.Updates, despatch.Update{
			Key: fmt.Sprintf("e%d", i), Type: despatch.ExposureTaken, Action: "action-2", Time: time.Now(),
			Exposure: &despatch.Exposure{ID: id, Start: began, End: began.Add(2 * time.Minute), Files: []despatch.File{
				{Name: name, Location: "https://archive.example/" + name, Bytes: 8_641_440, SHA256: strings.Repeat("ab", 32)},
			}},
		})
	}
	return report
}

// complete sends a final report as any program would, and returns the answer.
func (o *observatory) complete(work *despatch.Despatch, done despatch.Completion) (status int, answer string) {
	o.Helper()
	body, err := json.Marshal(done)
	require.NoError(o, err)
	return o.call("robot", "POST", "/history/"+work.HistoryRef+"/completion", string(body))
}

func ids(i despatch.Identification) map[string]string {
	return map[string]string{"tag": i.TAG.ID, "programme": i.Programme.ID, "proposal": i.Proposal.ID, "user": i.User.ID, "group": i.Group.ID}
}

// amounts is what was used, or charged, by name.
func amounts(list []accounting.Quantity) map[string]string {
	m := map[string]string{}
	for _, q := range list {
		m[string(q.Name)] = string(q.Amount.Format(q.Unit)) + " " + string(q.Unit)
	}
	return m
}

// The whole protocol, as a telescope plays it over HTTP: two groups in a night,
// one that is observed, and one that clouds, an hour's veto and a lost executor
// delay (promises 3, 4 and 9).
func TestATelescopeObservesForANight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newObservatory(t)

		// Nothing is there to do. Then there is, for who waits.
		work, reasons := o.poll(0)
		require.Nil(t, work)
		assert.Empty(t, reasons)
		waiting := make(chan *despatch.Despatch, 1)
		go func() {
			work, _, err := o.telescope.Despatch(t.Context(), o.executor, 30*time.Second)
			assert.NoError(t, err)
			waiting <- work
		}()
		synctest.Wait()
		first := o.book()
		work = <-waiting
		require.NotNil(t, work)

		// The answer says who it is for, what to do, and under which reference.
		assert.Equal(t, testBase+first, work.Session.URL)
		i := work.Identification
		assert.Equal(t, despatch.Name{ID: "JMU", Name: "Liverpool"}, i.TAG)
		assert.Equal(t, despatch.Name{ID: "sn", Name: "Supernovae"}, i.Programme)
		assert.Equal(t, despatch.Name{ID: "JL1", Name: "Early light"}, i.Proposal)
		assert.Equal(t, "alice", i.User.ID)
		assert.Equal(t, "SN 2026a", i.Group.Name)
		assert.NotEmpty(t, i.Group.ID)
		require.GreaterOrEqual(t, len(work.Sequence), 2)
		assert.JSONEq(t, `{"kind": "expose", "filter": "r'", "seconds": 120, "count": 5}`, string(work.Sequence[1].Value))
		assert.Equal(t, 60, work.Lease.Seconds)
		assert.NotZero(t, work.Fence)
		entry := o.history(work)
		assert.Equal(t, accounting.Despatched, entry.Phase, "the entry is open before the answer")
		assert.EqualValues(t, i.Group.ID, entry.Owners.Group.ID)
		assert.Equal(t, "WAITING", o.phase(first))
		status, _ := o.call("bob", "GET", "/history/"+work.HistoryRef, "")
		assert.Equal(t, http.StatusNotFound, status)

		o.observes(work, first)
		o.isClouded()
	})
}

// observes plays a group that succeeds: five exposures, of which two share an
// id, and a completion with four resources, repeated and contradicted.
func (o *observatory) observes(work *despatch.Despatch, path string) {
	t := o.T
	time.Sleep(50 * time.Second)
	report := o.exposures(work, "E1", "E2", "E3", "E4", "E4")
	answer, err := o.telescope.Update(t.Context(), work.HistoryRef, report, 0)
	require.NoError(t, err)
	assert.Equal(t, []int{7, 0}, []int{answer.Accepted, answer.Duplicates})
	assert.Equal(t, time.Now().Add(time.Minute).UTC(), answer.Lease.Expires)
	answer, err = o.telescope.Update(t.Context(), work.HistoryRef, report, 0)
	require.NoError(t, err)
	assert.Equal(t, []int{0, 7}, []int{answer.Accepted, answer.Duplicates}, "the same again changes nothing, and says so")
	assert.Equal(t, "RUNNING", o.phase(path))
	entry := o.history(work)
	assert.Equal(t, accounting.Running, entry.Phase)

	done := despatch.Completion{
		Fence: work.Fence, Key: "done", Time: time.Now(), IDs: ids(work.Identification), Outcome: despatch.Completed,
		Resources: []despatch.Resource{
			{Name: "total-time", Amount: "612.5", Unit: "s"}, {Name: "dark-time", Amount: "300", Unit: "s"},
			{Name: "poor-seeing-time", Amount: "12.25", Unit: "s"}, {Name: "core-seconds", Amount: "50", Unit: "s"},
		},
		Quality: []despatch.Quality{{ID: "seeing", Value: 1.1, Description: "arcsec"}},
	}
	wrong := done
	wrong.IDs = map[string]string{"proposal": "Early light"}
	status, body := o.complete(work, wrong)
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, body, `"/ids/proposal"`, "ids, never names")
	for again := range 3 {
		status, body = o.complete(work, done)
		require.Equal(t, http.StatusOK, status, body)
		assert.Equal(t, again > 0, strings.Contains(body, `"duplicate":true`), body)
	}
	other := done
	other.Resources = done.Resources[:3]
	status, body = o.complete(work, other)
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, body, "completed with another report")

	assert.Equal(t, "COMPLETED", o.phase(path))
	entry = o.history(work)
	assert.Equal(t, accounting.Completed, entry.Phase)
	var taken []string
	for _, e := range entry.Exposures {
		taken = append(taken, e.ID)
		assert.Equal(t, 2*time.Minute, e.End.Time().Sub(e.Start.Time()))
		require.Len(t, e.Files, 1)
		assert.EqualValues(t, 8_641_440, e.Files[0].Bytes)
		assert.Equal(t, "https://archive.example/"+e.Files[0].Name, e.Files[0].Location)
		assert.Len(t, e.Files[0].SHA256, 64)
	}
	assert.Equal(t, []string{"E1", "E2", "E3", "E4", "E4"}, taken)
	used := amounts(entry.Resources)
	for name, amount := range map[string]string{"total-time": "612.5 s", "dark-time": "300 s", "poor-seeing-time": "12.25 s", "core-seconds": "50 s"} {
		assert.Equal(t, amount, used[name])
	}
	assert.Equal(t, "0.5 EUR", amounts(entry.Charges)["monetary"])
	assert.Equal(t, "seeing", entry.Quality[0].ID)
	assert.Equal(t, "0.5", o.charged(), "three reports, one charge")

	status, body = o.call("alice", "GET", "/history/"+work.HistoryRef+"/updates?limit=5", "")
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"next":"/history/`+work.HistoryRef+`/updates?`)
	assert.Contains(t, body, `"recorded":`)
}

// charged is what the proposal was charged in all.
func (o *observatory) charged() string {
	o.Helper()
	status, body := o.call("alice", "GET", "/statements?owner=proposal:JL1", "")
	require.Equal(o, http.StatusOK, status, body)
	var statement accounting.Statement
	require.NoError(o, json.Unmarshal([]byte(body), &statement))
	for _, line := range statement.Totals {
		if line.Resource == accounting.Monetary {
			return string(line.Charged)
		}
	}
	return ""
}

// isClouded plays a group that is abandoned after two exposures, kept back for an
// hour, lost by its next executor, and observed in the end.
func (o *observatory) isClouded() {
	t := o.T
	path := o.book()
	clouded, reasons := o.poll(30 * time.Second)
	require.NotNil(t, clouded, reasons)
	_, err := o.telescope.Update(t.Context(), clouded.HistoryRef, o.exposures(clouded, "F1", "F2"), 0)
	require.NoError(t, err)
	status, body := o.complete(clouded, despatch.Completion{
		Fence: clouded.Fence, Key: "gone", Time: time.Now(), IDs: ids(clouded.Identification), Outcome: despatch.Abandoned,
		Failure:   &despatch.Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: 3600},
		Resources: []despatch.Resource{{Name: "total-time", Amount: "240", Unit: "s"}, {Name: "core-seconds", Amount: "20", Unit: "s"}},
	})
	require.Equal(t, http.StatusOK, status, body)
	entry := o.history(clouded)
	assert.Equal(t, accounting.Abandoned, entry.Phase)
	assert.Equal(t, accounting.Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: 3600}, *entry.Failure)
	assert.Len(t, entry.Exposures, 2)
	assert.Equal(t, "WAITING", o.phase(path), "it is to be observed all the same")
	assert.Equal(t, "0.7", o.charged(), "what was used is charged")

	// For an hour it is not tried again.
	for range 2 {
		work, reasons := o.poll(0)
		require.Nil(t, work)
		assert.Equal(t, despatch.Reasons{despatch.ReasonVetoed: 1}, reasons)
		time.Sleep(59 * time.Minute / 2)
	}
	lost, reasons := o.poll(55 * time.Second)
	require.Nil(t, lost, reasons)
	lost, reasons = o.poll(30 * time.Second)
	require.NotNil(t, lost, reasons)
	assert.Equal(t, 2, lost.Attempt)
	assert.Greater(t, lost.Fence, clouded.Fence)
	assert.NotEqual(t, clouded.HistoryRef, lost.HistoryRef)

	// Nothing is heard of it within its lease. What comes later is refused, and
	// noted.
	time.Sleep(2 * time.Minute)
	assert.Equal(t, accounting.Stalled, o.history(lost).Phase)
	assert.Equal(t, "WAITING", o.phase(path))
	last, reasons := o.poll(30 * time.Second)
	require.NotNil(t, last, reasons)
	_, err = o.telescope.Update(t.Context(), lost.HistoryRef, o.exposures(lost, "L1"), 0)
	var problem *despatch.Problem
	require.ErrorAs(t, err, &problem)
	assert.Equal(t, http.StatusConflict, problem.Status)
	stale := despatch.Completion{Fence: lost.Fence, Key: "late", Time: time.Now(), Outcome: despatch.Completed}
	status, _ = o.complete(lost, stale)
	assert.Equal(t, http.StatusConflict, status)
	status, body = o.complete(last, stale)
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, body, "fence")
	var notes []string
	for _, n := range o.history(lost).Notes {
		notes = append(notes, n.Text)
	}
	require.NotEmpty(t, notes)
	assert.Contains(t, notes[0], "no report came within the lease")
	assert.Contains(t, notes[len(notes)-1], "refused: a completion COMPLETED that came after the end")
	assert.Equal(t, "0.7", o.charged(), "who lost its lease charges nothing")

	// The third comes to an end, though only of a part.
	done := despatch.Completion{
		Fence: last.Fence, Key: "done", Time: time.Now(), IDs: ids(last.Identification), Outcome: despatch.Partial,
		Resources: []despatch.Resource{{Name: "core-seconds", Amount: "10", Unit: "s"}},
	}
	status, body = o.complete(last, done)
	require.Equal(t, http.StatusOK, status, body)
	assert.Equal(t, accounting.Partial, o.history(last).Phase)
	assert.Equal(t, "COMPLETED", o.phase(path))
	assert.Equal(t, "0.8", o.charged())

	// Whoever watched was told of it all, and nothing is held any more.
	_, events := o.call("alice", "GET", path+"/events", "")
	assert.Contains(t, events, "attempt 1 ABANDONED: cloud (code 660); next try at 2000-01-01T0")
	assert.Contains(t, events, "attempt 2 is lost: no report came within the lease; next try at ")
	status, body = o.call("alice", "GET", "/accounts?side=held", "")
	require.Equal(t, http.StatusOK, status)
	for line := range strings.SplitSeq(body, `"balance":`) {
		if rest, found := strings.CutPrefix(line, `"`); found {
			assert.True(t, strings.HasPrefix(rest, `0"`), body)
		}
	}
	status, body = o.call("alice", "GET", "/history?session="+last.Session.UUID, "")
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, 3, strings.Count(body, `"historyRef"`), "every despatch has one entry")
}
