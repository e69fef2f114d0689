package chronicle

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

const noon store.Millis = 1_795_000_000_000

// at is so many seconds after noon.
func at(seconds store.Millis) store.Millis { return noon + 1000*seconds }

// session went through phases at times, in seconds.
func session(steps ...any) *store.Session {
	s := &store.Session{ID: identity.UUID{1}, Created: noon, Owners: accounting.Owners{User: accounting.Party{ID: "alice"}}}
	for i := 0; i < len(steps); i += 2 {
		step := store.Step{Seq: uint64(i + 1), At: at(store.Millis(steps[i].(int)))}
		switch what := steps[i+1].(type) {
		case ivoa.SessionPhase:
			step.Phase, s.Phase, s.Modified = what, what, step.At
		case string:
			step.Message = what
		}
		s.Trail = append(s.Trail, step)
	}
	return s
}

func attempt(number int, opened, ended store.Millis, phase accounting.Phase) accounting.HistoryEntry {
	a := accounting.HistoryEntry{Attempt: number, Node: "kth", ExecutorName: "lab-7", Phase: phase, Opened: accounting.Instant(at(opened))}
	switch {
	case phase == accounting.Stalled:
		a.Stalled = accounting.Instant(at(ended))
	case phase.Terminal():
		a.Updated = accounting.Instant(at(ended))
	}
	return a
}

// tell tells it to somebody who reads, as "PHASE seconds: reason; reason".
func tell(m Material) (lines []string) {
	m.Node = "kth"
	for _, c := range Tell(m).Chapters {
		var reasons []string
		for _, r := range c.Reasons {
			reasons = append(reasons, r.Text)
		}
		lines = append(lines, strings.TrimSuffix(c.Phase+" "+span(c.Seconds)+": "+strings.Join(reasons, "; "), ": "))
	}
	return lines
}

const (
	offered   = ivoa.SessionOffered
	accepted  = ivoa.SessionAccepted
	waiting   = ivoa.SessionWaiting
	preparing = ivoa.SessionPreparing
	available = ivoa.SessionAvailable
	running   = ivoa.SessionRunning
	releasing = ivoa.SessionReleasing
	completed = ivoa.SessionCompleted
	failed    = ivoa.SessionFailed
	cancelled = ivoa.SessionCancelled
)

// Each reason for which a session begins no earlier has its words.
func TestWhyItBeganNoEarlier(t *testing.T) {
	start := instant(at(100))
	for _, c := range []struct {
		wait store.Wait
		want string
	}{
		{store.Wait{Until: at(100), Cause: store.Wanted}, "its start was booked for " + start + ": the request, or the price that was offered, lets it begin no earlier"},
		{store.Wait{Until: at(100), Cause: store.Chosen}, "its start was booked for " + start + ": the offer that was accepted begins later, for less or with more"},
		{store.Wait{Until: at(100), Cause: store.Closed}, "its start was booked for " + start + ": its executor doesn't work before"},
		{store.Wait{Until: at(100), Cause: store.Taken, Lacks: []string{"cores"}, Others: 1}, "its start was booked for " + start + ": until then another booking or open offer had too much of cores"},
		{store.Wait{Until: at(100), Cause: store.Taken, Lacks: []string{"cores", "memory", "gpus"}, Others: 12}, "its start was booked for " + start + ": until then 12 other bookings and open offers had too much of cores, memory and gpus"},
		{store.Wait{Until: at(100), Cause: store.Taken, Lacks: []string{"gpus"}, Others: 1000, More: true}, "its start was booked for " + start + ": until then too little was free of gpus, with more than 1000 other bookings and open offers ending before"},
		{store.Wait{Until: at(100), Cause: store.Taken, Lacks: []string{"gpus"}}, "its start was booked for " + start + ": until then too little was free of gpus"},
		{store.Wait{Until: at(100), Cause: store.Offered}, "its start was booked for " + start + ": when it was offered there was no room before"},
		{store.Wait{Until: at(100), Cause: store.Gave}, "its start moved to " + start + ": a session that was to begin before it was late, and came first"},
		{store.Wait{Until: at(100), Cause: store.Moved}, "its start moved to " + start},
	} {
		s := session(0, offered, 1, accepted, 1, waiting, 100, running, 160, releasing, 161, completed)
		c.wait.At, c.wait.From = at(1), at(1)
		s.Waits(c.wait)
		m := Material{Now: at(1000), Session: s, Attempts: []accounting.HistoryEntry{attempt(1, 100, 161, accounting.Completed)}}
		assert.Contains(t, tell(m), "WAITING 1m39s: "+c.want)
		told := Tell(m)
		assert.Equal(t, "it waited 1m39s: "+c.want, told.Summary)
		assert.InDelta(t, 99, told.WaitedSeconds, 0)
	}
}

func TestWhyItWasLate(t *testing.T) {
	for cause, want := range map[store.Cause]string{
		store.Nobody:  "for 1m30s no executor that can run it asked for work",
		store.Crowded: "for 1m30s what ran there before hadn't ended",
		store.Unpaid:  "for 1m30s what it is to cost wasn't held yet",
	} {
		s := session(0, offered, 1, accepted, 100, running, 160, completed)
		s.Waits(store.Wait{At: at(100), From: at(10), Until: at(100), Cause: cause})
		assert.Contains(t, tell(Material{Now: at(1000), Session: s, Attempts: []accounting.HistoryEntry{attempt(1, 100, 160, accounting.Completed)}}),
			"WAITING 1m39s: it was due at "+instant(at(10))+", and "+want)
	}
}

func TestWhatItWaitsForNow(t *testing.T) {
	due := "it has been due since " + instant(at(10)) + "; "
	for want, p := range map[string]Present{
		due + "3 executors can run it, and none has asked for work":                                    {Able: 3},
		due + "its executors don't work now":                                                           {Able: 1, Closed: true},
		due + "no executor that can run it is there; 2 haven't been heard of for a while":              {Away: 2},
		due + "no executor that can run it is there; 1 haven't been heard of for a while; 4 never can": {Away: 1, Unable: 4},
	} {
		s := session(0, offered, 1, accepted, 1, waiting)
		s.Plan.Start = at(10)
		assert.Equal(t, "WAITING 59s: "+want, tell(Material{Now: at(60), Session: s, Present: &p})[1])
	}
	s := session(0, offered, 1, accepted, 1, waiting)
	s.Plan.Start, s.Plan.Preparing = at(100), 20_000
	assert.Equal(t, "WAITING 59s: as things are it begins at "+instant(at(120))+", in 1m0s", tell(Material{Now: at(60), Session: s, Present: &Present{Able: 1}})[1])
	s.Times.Unpaid = true
	assert.Equal(t, "WAITING 59s: what its next execution costs isn't held yet: until it is, it is not despatched", tell(Material{Now: at(60), Session: s, Present: &Present{}})[1])
}

// From offer to charge, with data on the way.
func TestTheWholeStory(t *testing.T) {
	s := session(0, offered, 5, accepted, 5, waiting, 31, preparing, 71, available, 72, running, 100, releasing, 101, completed)
	s.Messages = []ivoa.Message{ivoa.NewMessage(wall(noon), ivoa.LevelInfo, "urn:starling:message:offer", "kth: earliest start here")}
	s.Staging = []store.Staging{{Source: "UKSRC_RAL", Bytes: 40 << 30}, {}}
	set := &store.OfferSet{Messages: []ivoa.Message{ivoa.NewMessage(wall(noon), ivoa.LevelInfo, "urn:starling:message:not-asked", "jpsrc: not asked: it is too small")}}
	a := attempt(1, 30, 101, accounting.Completed)
	a.Actions = []accounting.Action{
		{ID: "stage-1", Started: accounting.Instant(at(31)), Completed: accounting.Instant(at(71))}, {ID: "stage-2", Started: accounting.Instant(at(71))}, {ID: "run"},
	}
	a.Files = []accounting.File{{Name: "a", Bytes: 1 << 20}, {Name: "b", Bytes: 1 << 20}}
	price, err := accounting.NewQuantity(accounting.Monetary, "0.25", "EUR")
	require.NoError(t, err)
	held, err := accounting.NewQuantity(accounting.Monetary, "2", "EUR")
	require.NoError(t, err)
	a.Charges, a.Estimate = []accounting.Quantity{price}, []accounting.Quantity{held}
	assert.Equal(t, []string{
		"OFFERED 5s: asked by alice here; kth: earliest start here; jpsrc: not asked: it is too small",
		"WAITING 25s",
		"DESPATCHED 1s: attempt 1: lab-7 of kth has it",
		"PREPARING 40s: datum 1 from UKSRC_RAL took 40s: 40 GiB, 1 GiB/s; datum 2 from a place that isn't known isn't here yet",
		"AVAILABLE 1s",
		"RUNNING 28s",
		"RELEASING 1s: 2 files are kept, 2 MiB",
		"COMPLETED 0s: attempt 1 is charged 0.25 EUR, of 2 that were held",
	}, tell(Material{Now: at(1000), Session: s, Set: set, Attempts: []accounting.HistoryEntry{a}}))
}

// An attempt whose executor was lost is followed by another; what the session's trail
// says of it stands where it happened.
func TestAnAttemptThatCameToNothing(t *testing.T) {
	s := session(0, offered, 1, accepted, 1, waiting, 11, running, 60, waiting, 60, "attempt 1 is lost: it kept silent; next try at 12:01", 91, running, 120, completed)
	assert.Equal(t, []string{
		"OFFERED 1s: asked by alice here",
		"WAITING 9s",
		"DESPATCHED 1s: attempt 1: lab-7 of kth has it; it was STALLED at " + instant(at(60)) + ": the lease was lost",
		"RUNNING 49s",
		"WAITING 30s: kth was down from " + instant(at(70)) + " to " + instant(at(80)) + "; attempt 1 is lost: it kept silent; next try at 12:01",
		"DESPATCHED 1s: attempt 2: lab-7 of kth has it",
		"RUNNING 29s",
		"COMPLETED 0s",
	}, tell(Material{
		Now: at(1000), Session: s, Outages: []store.Outage{{From: at(70), Until: at(80)}, {From: at(130), Until: at(140)}},
		Attempts: []accounting.HistoryEntry{attempt(1, 10, 60, accounting.Stalled), attempt(2, 90, 120, accounting.Completed)},
	}))
}

// One that stalled before it reported anything falls into the waiting.
func TestADespatchOfWhichNothingWasHeard(t *testing.T) {
	s := session(0, offered, 1, accepted, 1, waiting, 60, "attempt 1 is lost", 90, failed)
	assert.Equal(t, []string{"OFFERED 1s: asked by alice here", "WAITING 9s",
		"DESPATCHED 50s: attempt 1: lab-7 of kth has it; it was STALLED at " + instant(at(60)) + ": the lease was lost",
		"WAITING 30s: attempt 1 is lost", "FAILED 0s",
	}, tell(Material{Now: at(1000), Session: s, Attempts: []accounting.HistoryEntry{attempt(1, 10, 60, accounting.Stalled)}}))
}

func TestWhatNeverRan(t *testing.T) {
	for _, phase := range []ivoa.SessionPhase{ivoa.SessionRejected, ivoa.SessionExpired} {
		told := Tell(Material{Now: at(1000), Session: session(0, offered, 20, phase)})
		assert.Equal(t, "it was never accepted, so that it waited for nothing", told.Summary)
		assert.Equal(t, string(phase), told.Phase)
		assert.Zero(t, told.WaitedSeconds)
	}
	s := session(0, offered, 1, accepted, 31, cancelled)
	s.Messages = []ivoa.Message{ivoa.NewMessage(wall(at(31)), ivoa.LevelInfo, "k", "cancelled by alice")}
	assert.Equal(t, []string{"OFFERED 1s: asked by alice here", "WAITING 30s", "CANCELLED 0s: cancelled by alice"}, tell(Material{Now: at(1000), Session: s}))
	assert.Equal(t, "it waited 30s; why isn't on record here", Tell(Material{Now: at(1000), Session: s}).Summary)
}

// Of a session that isn't kept the record of its attempts tells, and it is said what
// that doesn't know.
func TestASessionThatIsNotKept(t *testing.T) {
	lost := attempt(1, 10, 60, accounting.Stalled)
	last := attempt(2, 90, 120, accounting.Failed)
	last.Started = accounting.Instant(at(92))
	last.Failure = &accounting.Failure{Code: 660, Message: "cloud"}
	m := Material{Now: at(1000), Attempts: []accounting.HistoryEntry{lost, last}}
	assert.Equal(t, []string{
		"DESPATCHED 50s: attempt 1: lab-7 of kth has it; it was STALLED at " + instant(at(60)) + ": the lease was lost",
		"WAITING 30s",
		"DESPATCHED 2s: attempt 2: lab-7 of kth has it",
		"RUNNING 28s",
		"FAILED 0s: attempt 2: cloud (code 660)",
	}, tell(m))
	m.Node = "kth"
	told := Tell(m)
	require.Len(t, told.Unknown, 1)
	assert.Contains(t, told.Unknown[0].Text, "kth doesn't keep the session any more")
	assert.Equal(t, "FAILED", told.Phase)
}

// An offer that another node asked for says where its rank is to be found.
func TestAnOfferForAnotherNode(t *testing.T) {
	set := &store.OfferSet{For: store.For{Node: "jodrell", Set: identity.UUID{7}}}
	assert.Contains(t, tell(Material{Now: at(9), Session: session(0, offered), Set: set})[0],
		"asked by alice at jodrell, which put this offer beside those of other sites; its offer set "+identity.UUID{7}.String()+" says how it ranks there")
}

// What is kept of one session is bounded, and the first and the last of it stay.
func TestWhatIsKeptIsBounded(t *testing.T) {
	s := new(store.Session)
	for n := range 1000 {
		s.Waits(store.Wait{At: store.Millis(n + 1)})
	}
	require.Len(t, s.Waited, 64)
	assert.EqualValues(t, 1, s.Waited[0].At)
	assert.EqualValues(t, 1000, s.Waited[63].At)
	assert.True(t, slices.IsSortedFunc(s.Waited, func(a, b store.Wait) int { return int(a.At - b.At) }))
}
