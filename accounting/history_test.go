package accounting_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

func TestAnAttemptIsRecordedFromDespatchToCompletion(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 1, "u", "2.5"))
	l.apply(open(1, "u"))
	assert.Equal(t, Despatched, l.history(ref(1)).Phase)

	result := l.apply(updates(1,
		Update{Type: ActionStarted, Action: "stage-1"},
		Update{Type: ActionCompleted, Action: "stage-1"},
		Update{Type: ExposureTaken, Action: "run", Exposure: &Exposure{ID: "E1", Files: []File{{Name: "e1.fits", Bytes: 8640}}}},
		Update{Type: ExposureTaken, Action: "run", Exposure: &Exposure{ID: "E1"}},
		Update{Type: ProgressMade, Progress: &Progress{Fraction: 0.2}},
		Update{Type: ProgressMade, Progress: &Progress{Fraction: 0.7}},
		Update{Type: LogWritten, Text: "pointing"},
		Update{Type: FileMade, File: &File{Name: "out.txt"}},
		Update{Type: Heartbeat},
	))
	assert.Equal(t, Result{Accepted: 9}, result)
	h := l.history(ref(1))
	assert.Equal(t, Running, h.Phase)
	assert.Equal(t, noon, h.Started)
	assert.Equal(t, []Action{{ID: "stage-1", Started: noon, Completed: noon + 1}}, h.Actions)
	assert.Len(t, h.Exposures, 2)
	assert.Equal(t, "run", h.Exposures[0].Action)
	assert.Equal(t, 0.7, h.Progress.Fraction)
	assert.Equal(t, []LogLine{{Time: noon + 6, Text: "pointing"}}, h.Log)
	assert.Equal(t, []File{{Name: "out.txt"}}, h.Files)

	end := complete(t, 1, "1.25")
	end.Hold = hold(1)
	l.apply(end)
	h = l.history(ref(1))
	assert.Equal(t, Completed, h.Phase)
	assert.Equal(t, end.Resources, h.Resources)
	assert.Equal(t, end.Charges, h.Charges)
	assert.Equal(t, end.Time, h.Ended)
	l.audit()

	text, err := json.Marshal(h)
	require.NoError(t, err)
	var again HistoryEntry
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, h, again)
	assert.Contains(t, string(text), `"historyRef":"01950100-0000-8000-8000-000000000001"`)
	assert.Contains(t, string(text), `"charges":[{"name":"monetary","amount":"1.25","unit":"EUR"}]`)
	assert.NotContains(t, string(text), "digest")
}

// Promise 3: a repeated update or completion changes nothing and says so.
func TestPromise3RepetitionChangesNothing(t *testing.T) {
	l := newLedger(t)
	end := complete(t, 1, "1.25")
	end.Hold = hold(1)
	steps := []Command{
		place(t, 1, "u", "2.5"),
		open(1, "u"),
		updates(1, Update{Type: ActionStarted, Action: "run"}, Update{Type: LogWritten, Text: "x"}),
		StallAttempt{Ref: ref(1), Time: noon},
		AddNote{Ref: ref(1), Key: "n", Time: noon, Text: "late"},
		end,
	}
	for _, c := range steps {
		l.apply(c)
		before := l.dump()
		for range 3 {
			result := l.apply(c)
			assert.True(t, result.Duplicate, TypeOf(c))
			assert.Equal(t, before, l.dump(), TypeOf(c))
		}
	}
	// The same report under another key, charged by another tariff, is the same.
	end.Key, end.Tariff, end.Recorded = "again", "t2", end.Recorded+1
	end.Charges = euros(t, "99")
	assert.True(t, l.apply(end).Duplicate)
	assert.Equal(t, Decimal("1.25"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("612.5"), l.balance(User("u"), TotalTime, Used))
	l.audit()
}

// Promise 3: a different completion of the same attempt is a conflict.
func TestPromise3AnotherCompletionIsAConflict(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	l.apply(complete(t, 1, "1"))
	changes := map[string]func(*CompleteAttempt){
		"outcome":   func(c *CompleteAttempt) { c.Outcome = Failed },
		"time":      func(c *CompleteAttempt) { c.Time++ },
		"resources": func(c *CompleteAttempt) { c.Resources[0].Amount++ },
		"failure":   func(c *CompleteAttempt) { c.Failure = &Failure{Code: 1} },
		"quality":   func(c *CompleteAttempt) { c.Quality = []Quality{{ID: "seeing", Value: 1}} },
	}
	for _, change := range changes {
		c := complete(t, 1, "1")
		change(&c)
		l.refused(c, ErrConflict)
	}
	other := open(1, "somebody else")
	l.refused(other, ErrConflict)
}

func TestWhatIsNotThereIsRefused(t *testing.T) {
	l := newLedger(t)
	l.refused(complete(t, 1, "1"), ErrNotFound)
	l.refused(updates(1, Update{Type: Heartbeat}), ErrNotFound)
	l.refused(StallAttempt{Ref: ref(1), Time: noon}, ErrNotFound)
	l.refused(AddNote{Ref: ref(1), Key: "k", Time: noon, Text: "x"}, ErrNotFound)
	l.refused(VoidHold{Hold: hold(1), Time: noon}, ErrNotFound)
}

func TestALateReportIsKeptAsANote(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	l.apply(complete(t, 1, "1"))
	result := l.apply(updates(1, Update{Key: "e9", Type: ExposureTaken, Exposure: &Exposure{ID: "E9"}}))
	assert.True(t, result.Late)
	l.apply(AddNote{Ref: ref(1), Key: "c2", Time: noon, Text: "completion with an old fence: FAILED"})
	h := l.history(ref(1))
	assert.Equal(t, Completed, h.Phase)
	assert.Empty(t, h.Exposures)
	require.Len(t, h.Notes, 2)
	assert.Equal(t, "late report e9: exposure", h.Notes[0].Text)
	assert.True(t, l.apply(StallAttempt{Ref: ref(1), Time: noon}).Late)
	assert.Equal(t, Completed, l.history(ref(1)).Phase)
}

func TestAStalledAttemptRunsAgainWhenItIsHeardOf(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	l.apply(StallAttempt{Ref: ref(1), Time: noon})
	l.apply(updates(1, Update{Type: Heartbeat}))
	assert.Equal(t, Despatched, l.history(ref(1)).Phase, "it had not begun")
	l.apply(updates(1, Update{Type: ActionStarted, Action: "run"}))
	l.apply(StallAttempt{Ref: ref(1), Time: noon + 1})
	assert.Equal(t, Stalled, l.history(ref(1)).Phase)
	l.apply(updates(1, Update{Type: Heartbeat}))
	assert.Equal(t, Running, l.history(ref(1)).Phase)
	l.apply(StallAttempt{Ref: ref(1), Time: noon + 2})
	l.apply(complete(t, 1, "1"))
	assert.Equal(t, Completed, l.history(ref(1)).Phase)
}

func TestHeartbeatsLeaveNoTrace(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	before := l.dump()
	for i := range 10 {
		l.apply(updates(1, Update{Key: Key(fmt.Sprint(i)), Type: Heartbeat}))
	}
	assert.Equal(t, before, l.dump())
}

func TestAnEntryTakesNoMoreThanItsLimits(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	for i := range 3 {
		list := make([]Update, 500)
		for j := range list {
			list[j] = Update{Key: Key(fmt.Sprintf("%d-%d", i, j)), Type: LogWritten, Text: "x"}
		}
		l.apply(updates(1, list...))
	}
	h := l.history(ref(1))
	assert.Len(t, h.Log, 1000)
	require.Len(t, h.Notes, 1)
	assert.Equal(t, "further reports of type log are not kept: the limit is 1000", h.Notes[0].Text)
	// Other types have room of their own.
	l.apply(updates(1, Update{Key: "e", Type: ExposureTaken, Exposure: &Exposure{ID: "E1"}}))
	assert.Len(t, l.history(ref(1)).Exposures, 1)

	for i := range 200 {
		l.apply(AddNote{Ref: ref(1), Key: Key(fmt.Sprintf("n%d", i)), Time: noon, Text: "x"})
	}
	full := l.history(ref(1))
	require.Len(t, full.Notes, 100)
	assert.Equal(t, "further notes are not kept", full.Notes[99].Text)
	size := len(l.dump())
	l.apply(AddNote{Ref: ref(1), Key: "one more", Time: noon, Text: "x"})
	assert.Len(t, l.dump(), size)
}

func TestRetriedAttemptsShareTheHoldAndAreChargedEach(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 1, "u", "2"))
	l.apply(open(1, "u"))
	first := complete(t, 1, "0.5")
	first.Outcome, first.Failure = Failed, &Failure{Code: 1, Retry: true}
	l.apply(first)
	assert.Equal(t, Decimal("2"), l.balance(User("u"), Monetary, Held), "the session is not over")

	second := open(2, "u")
	second.Session, second.Attempt = session(1), 2
	l.apply(second)
	last := complete(t, 2, "1.5")
	last.Hold = hold(1)
	l.apply(last)
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Held))
	assert.Equal(t, Decimal("2"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("-2"), l.balance(Node("a"), Monetary, Income))
	l.audit()
}
