package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// trail is what the audit trail says, the oldest first, to somebody.
func (w *world) trail(caller identity.Caller) []accounting.AuditEntry {
	w.t.Helper()
	page, next, err := w.Audit(context.Background(), caller, nil, accounting.AuditFilter{Oldest: true}, "", 1000)
	require.NoError(w.t, err)
	require.Empty(w.t, next)
	return page
}

// told is the trail in short.
func (w *world) told(caller identity.Caller) (list []string) {
	w.t.Helper()
	for _, e := range w.trail(caller) {
		kind, _, _ := strings.Cut(e.Object, ":")
		line := fmt.Sprintf("%s %s %s: %s by %s", e.User, e.Action, kind, e.Decision, e.Rule)
		if e.Count > 1 {
			line += fmt.Sprintf(", %d times", e.Count)
		}
		list = append(list, line)
	}
	return list
}

// eventuallyTold waits for the trail to end with something that is gathered.
func (w *world) eventuallyTold(last string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		list := w.told(auditor)
		return len(list) > 0 && list[len(list)-1] == last
	}, 20*time.Second, 5*time.Millisecond, "want %s", last)
}

// What was allowed is on record with what it did: after a crash both are there, and
// where the disk didn't take it, neither is.
func TestWhatWasAllowedIsOnRecordWithWhatItDid(t *testing.T) {
	w := newWorld(t)
	via := alice
	via.Via, via.Subject.Issuer = []identity.NodeName{"jpsrc", "uksrc"}, "https://iam.example"
	accepted, err := w.update(via, w.offer(alice, request(1)), ivoa.SessionAccepted)
	require.NoError(t, err)
	again, err := w.Update(context.Background(), alice, id(t, accepted), ivoa.SetPhase(ivoa.SessionCancelled), "")
	require.NoError(t, err)
	require.Equal(t, ivoa.SessionCancelled, again.Phase)
	_, err = w.Direct(context.Background(), bob, request(1), nil, "", Asking{})
	require.NoError(t, err)
	rejected := w.offer(bob, request(1))
	_, err = w.update(bob, rejected, ivoa.SessionRejected)
	require.NoError(t, err)
	others := w.offer(bob, request(1))
	_, err = w.update(operator, others, ivoa.SessionRejected)
	require.NoError(t, err)
	_, err = w.Enrol(context.Background(), operator, accounting.EnrolOwner{Owner: accounting.Proposal("P-7"), Name: "Deep"})
	require.NoError(t, err)
	_, _, err = w.Register(context.Background(), robot, despatch.Registration{Name: "telescope", Kinds: []string{ivoa.KindSequence}, Capacity: despatch.Capacity{Cores: 1}})
	require.NoError(t, err)
	require.NoError(t, w.Permit(context.Background(), operator, ActionExpel, "node:jpsrc"))
	want := []string{
		"alice accept session: allowed by owner", "alice cancel session: allowed by owner", "bob direct session: allowed by owner",
		"oscar reject session: allowed by role operator", "oscar enrol proposal: allowed by role operator",
		"robot register executor: allowed by role executor", "oscar expel node: allowed by role operator",
	}
	w.crash()
	assert.Equal(t, want, w.told(auditor))
	first := w.trail(auditor)[0]
	assert.Equal(t, []accounting.NodeName{"jpsrc", "uksrc"}, first.Via)
	assert.Equal(t, "https://iam.example", first.Issuer)
	assert.Equal(t, []string{"user"}, first.Roles)
	assert.Equal(t, "session:"+accepted.UUID(), first.Object)
	assert.EqualValues(t, "test", first.Node)

	open := w.offer(alice, request(1))
	w.diskFull.Store(true)
	_, err = w.update(alice, open, ivoa.SessionAccepted)
	assert.Equal(t, CodeUnavailable, codeOf(err))
	w.diskFull.Store(false)
	w.crash()
	assert.Equal(t, ivoa.SessionOffered, w.session(open).Phase)
	assert.Equal(t, want, w.told(auditor))
}

// Promise 8, on record: who tried what isn't theirs is known, and gains nothing by
// trying often.
func TestPromise8RefusalsAreOnRecordAndBounded(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		s, d := w.running()
		setID, err := identity.ParseUUID(w.ask(alice, request(1)).UUID())
		require.NoError(t, err)
		u := id(t, s)
		synctest.Wait()
		before := w.told(auditor)
		for i := range 100 {
			if i == 1 {
				synctest.Wait() // the first of each is written at once, by itself
			}
			_, err := w.Session(ctx, bob, u)
			require.Equal(t, CodeNotFound, codeOf(err))
			_, _, err = w.OpenFile(ctx, bob, u, "m.fits")
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.update(bob, s, ivoa.SessionCancelled)
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.update(auditor, s, ivoa.SessionCancelled)
			require.Equal(t, CodeForbidden, codeOf(err))
			_, err = w.OfferSet(ctx, bob, setID)
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.HistoryEntry(ctx, bob, nil, ref(t, d))
			require.Equal(t, CodeNotFound, codeOf(err))
			_, _, err = w.Despatch(ctx, thief, w.executor, 0)
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.Report(ctx, thief, ref(t, d), despatch.Updates{Fence: d.Fence}, 0)
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.Sessions(ctx, bob, SessionFilter{Owner: "alice"}, "", 0)
			require.Equal(t, CodeForbidden, codeOf(err))
			_, err = w.Ask(ctx, thief, request(1), nil, Asking{})
			require.Equal(t, CodeForbidden, codeOf(err))
			_, err = w.Enrol(ctx, bob, accounting.EnrolOwner{Owner: accounting.Proposal("P-7")})
			require.Equal(t, CodeForbidden, codeOf(err))
			require.Equal(t, CodeForbidden, codeOf(w.Permit(ctx, auditor, ActionLeave, "node:test")))
			require.Equal(t, CodeForbidden, codeOf(w.Permit(ctx, bob, ActionReadAll, "metrics:test")))
			// Of what isn't there, of strangers and of the node's own nothing is noted.
			_, err = w.Session(ctx, bob, w.mint.New(w.now()))
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.Session(ctx, identity.Caller{}, u)
			require.Equal(t, CodeNotFound, codeOf(err))
			_, err = w.Session(ctx, builtIn, u)
			require.Equal(t, CodeNotFound, codeOf(err))
		}
		synctest.Wait()
		want := []string{
			"bob enrol proposal: denied by role accountant", "bob list sessions: denied by owner", "bob read-all metrics: denied by role operator",
			"bob open session: denied by owner", "bob cancel session: denied by owner", "bob read session: denied by owner",
			"bob read offer set: denied by owner", "bob read attempt: denied by owner",
			"eve cancel session: denied by owner", "eve leave node: denied by role operator",
			"thief ask request: denied by role user", "thief drive executor: denied by owner", "thief drive attempt: denied by owner",
		}
		assert.ElementsMatch(t, want, w.told(auditor)[len(before):])
		assert.ElementsMatch(t, want[:3], w.told(bob), "bob isn't told of what he was told isn't there")
		assert.NotContains(t, strings.Join(w.told(alice), "\n"), "bob", "and alice what she did")

		time.Sleep(2 * time.Minute)
		synctest.Wait()
		for i := range want {
			want[i] += ", 100 times"
		}
		assert.ElementsMatch(t, want, w.told(auditor)[len(before):], "a minute later each says how often it was")
		for _, e := range w.trail(auditor)[len(before):] {
			assert.NotZero(t, e.Until, e.Action)
			assert.NotEmpty(t, e.Reason, e.Action)
		}
		_, err = w.Session(ctx, bob, u)
		require.Equal(t, CodeNotFound, codeOf(err))
		synctest.Wait()
		assert.Len(t, w.told(auditor), len(before)+len(want)+1, "after that it is another")
		w.audit()
	})
}

// An executor is driven by the program that registered it: with its token, whose role
// it is.
func TestPromise8WhoRegisteredAnExecutorNeedsItsRoleToDriveIt(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	answer, _, err := w.Register(ctx, robot, despatch.Registration{Name: "telescope", Kinds: []string{ivoa.KindSequence}, Capacity: despatch.Capacity{Cores: 1}})
	require.NoError(t, err)
	executor, err := identity.ParseUUID(answer.UUID)
	require.NoError(t, err)
	_, _, err = w.Despatch(ctx, robot, executor, 0)
	require.NoError(t, err)
	for _, other := range []identity.Caller{{User: robot.User, Roles: alice.Roles}, operator, thief, builtIn} {
		_, _, err = w.Despatch(ctx, other, executor, 0)
		assert.Equal(t, CodeNotFound, codeOf(err), other.User)
	}
}

// Who may read everything leaves a trace where it is another's files.
func TestOthersFilesAreNotReadUnseen(t *testing.T) {
	w := newWorld(t)
	w.withOrigins("172.18.0.0/16")
	s, d := w.running()
	require.NoError(t, w.open(d, notebook))
	ctx, u := context.Background(), id(t, s)
	for _, caller := range []identity.Caller{alice, operator, auditor} {
		content, _, err := w.OpenOutput(ctx, caller, u, despatch.RoleStdout)
		require.NoError(t, err)
		require.NoError(t, content.Close())
		_, err = w.Session(ctx, caller, u)
		require.NoError(t, err)
	}
	for _, caller := range []identity.Caller{alice, operator} {
		_, err := w.Connect(ctx, caller, u, "notebook")
		require.NoError(t, err)
	}
	secret, _, err := w.Link(ctx, alice, u, "notebook")
	require.NoError(t, err)
	_, err = w.Enter(ctx, u, "notebook", secret)
	require.NoError(t, err)
	want := []string{
		"alice accept session: allowed by owner", "alice link session: allowed by owner", "eve open session: allowed by role auditor",
		"oscar connect session: allowed by role operator", "oscar open session: allowed by role operator",
	}
	require.Eventually(t, func() bool { return len(w.told(auditor)) >= len(want) }, 20*time.Second, 5*time.Millisecond)
	got := w.told(auditor)
	slices.Sort(got)
	assert.Equal(t, want, got)
}

// However many different refusals there are, no more are kept at a time than there is
// room for; the others are counted.
func TestNotesAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) { o.Metrics = registry })
	s := w.accepted(alice, request(1))
	for i := range maxNotes + 10 {
		_, err := w.Session(context.Background(), identity.Caller{User: fmt.Sprintf("sybil-%d\nINFO", i), Roles: bob.Roles}, id(t, s))
		require.Equal(t, CodeNotFound, codeOf(err))
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	uncounted := 0.0
	for _, f := range families {
		if f.GetName() == "starling_audit_uncounted_total" {
			uncounted = f.Metric[0].GetCounter().GetValue()
		}
	}
	assert.EqualValues(t, 10, uncounted)
	count := func() (n int) {
		require.NoError(t, w.options.Record.Barrier(context.Background()))
		var cursor accounting.Cursor
		for {
			page, next, err := w.Audit(context.Background(), auditor, nil, accounting.AuditFilter{Action: "read"}, cursor, 1000)
			require.NoError(t, err)
			for _, e := range page {
				assert.NotContains(t, e.User, "\n")
			}
			if n, cursor = n+len(page), next; cursor == "" {
				return n
			}
		}
	}
	require.Eventually(t, func() bool { return count() == maxNotes }, 30*time.Second, 20*time.Millisecond)
}

// What was noted and couldn't be written is written when the disk is back.
func TestNotesOutlastAFullDisk(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		w.diskFull.Store(true)
		_, err := w.Session(context.Background(), bob, id(t, s))
		require.Equal(t, CodeNotFound, codeOf(err))
		synctest.Wait()
		w.diskFull.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Contains(t, w.told(auditor), "bob read session: denied by owner")
	})
}
