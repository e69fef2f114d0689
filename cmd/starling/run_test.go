package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
)

// wholeLife is what a session goes through.
var wholeLife = []ivoa.SessionPhase{
	ivoa.SessionAccepted, ivoa.SessionWaiting, ivoa.SessionPreparing, ivoa.SessionAvailable,
	ivoa.SessionRunning, ivoa.SessionReleasing, ivoa.SessionCompleted,
}

const attempt = `{"history": [{"historyRef": "` + nextID + `", "phase": "COMPLETED", "opened": "2026-12-01T12:00:00Z",
	"owners": {"user": {"id": "dev"}}, "resources": [{"name": "core-seconds", "amount": "6", "unit": "s"}],
	"estimate": [{"name": "monetary", "amount": "0.0312", "unit": "EUR"}],
	"charges": [{"name": "monetary", "amount": "0.0017", "unit": "EUR"}]}]}`

func TestRunShowsOffersAcceptsTheBestAndTellsTheEnd(t *testing.T) {
	n := newFakeNode(t).offering()
	n.phases, n.stdout, n.history = wholeLife, "hello\n", attempt
	n.files = []client.File{{Name: "counts.txt", Bytes: 1200}}
	n.content["counts.txt"] = "12\n"
	dir := t.TempDir()
	got := starling(t, n.URL, "run", "--download", dir, "--", "echo", "hello")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, "hello\n", got.out, "the standard output is the session's own")

	offers, rest, found := strings.Cut(got.err, "accepted ")
	require.True(t, found, got.err)
	assert.Contains(t, offers, "earliest: it starts at once")
	assert.Equal(t, firstID+`: starts in 12 s at dev
ACCEPTED
WAITING
PREPARING
AVAILABLE
RUNNING
50 %
RELEASING
COMPLETED at dev: waited 12 s, ran 3 s
  charged    0.0017 EUR, of 0.0312 EUR estimated
  used       6 core-seconds
  files      1 file, 1.2 KiB:
             counts.txt, 1.2 KiB
             `+"`starling files "+firstID+" --all -d DIR` fetches them"+`
`+filepath.Join(dir, "counts.txt")+`  1.2 KiB, no checksum to check
`, rest)
	assert.FileExists(t, filepath.Join(dir, "counts.txt"))
}

func TestRunForProgramsPrintsTheSessionAlone(t *testing.T) {
	n := newFakeNode(t).offering()
	n.phases, n.stdout = wholeLife, "hello\n"
	got := starling(t, n.URL, "run", "--pick", "cheapest", "-o", "json", "--", "true")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, `"phase": "COMPLETED"`)
	assert.Contains(t, got.out, nextID)
	assert.NotContains(t, got.out, "hello")
}

func TestRunOfAFailingSessionFailsAndShowsItsErrors(t *testing.T) {
	n := newFakeNode(t).offering()
	n.phases = []ivoa.SessionPhase{ivoa.SessionAccepted, ivoa.SessionRunning, ivoa.SessionFailed}
	n.stderr = "first\nsort: no such file\n"
	got := starling(t, n.URL, "run", "--", "false")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "FAILED at dev: waited 3 s, ran 3 s\n")
	assert.Contains(t, got.err, "  | sort: no such file\n")
}

func TestRunOfAnOfferThatExpiredSaysSo(t *testing.T) {
	n := newFakeNode(t).offering()
	n.sessions[firstID] = offer(firstID, "late", time.Second, time.Minute, 1, 1, 1)
	n.sessions[firstID].Phase = ivoa.SessionExpired
	got := starling(t, n.URL, "run", "--", "true")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "starling: the offer expired before it was accepted; ask again\n")
}

func TestRunOfAnOfferThatIsRefusedGivesTheOffersBack(t *testing.T) {
	n := newFakeNode(t).offering()
	n.refuses = "user:alice can't pay 2 EUR"
	got := starling(t, n.URL, "run", "--", "true")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the offers are given back\nstarling: user:alice can't pay 2 EUR\n")
	assert.Equal(t, ivoa.SessionRejected, n.sessions[firstID].Phase)
	assert.Equal(t, ivoa.SessionRejected, n.sessions[nextID].Phase)
}

func TestASessionCancelledElsewhereEndsTheRun(t *testing.T) {
	n := newFakeNode(t).offering()
	n.phases = []ivoa.SessionPhase{ivoa.SessionAccepted, ivoa.SessionCancelled}
	got := starling(t, n.URL, "run", "--", "true")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "CANCELLED at dev after 3 s\n")
}

func TestCtrlCLeavesARunningSessionToItself(t *testing.T) {
	n := newFakeNode(t).offering()
	n.phases, n.hold = wholeLife, make(chan struct{})
	got := starlingUntil(t, n.URL, func(cancel func(), errs *syncBuffer) {
		require.Eventually(t, func() bool { return strings.Contains(errs.String(), "RELEASING") }, 20*time.Second, time.Millisecond)
		cancel()
	}, "run", "--", "sleep", "60")
	assert.Equal(t, 130, got.status)
	assert.Contains(t, got.err, "session "+firstID+" goes on\n`starling watch "+firstID+"` follows it\n`starling cancel "+firstID+"` stops it\n")
	changes := slices.DeleteFunc(n.calls(), func(call string) bool { return !strings.HasPrefix(call, "POST") })
	assert.Equal(t, []string{"POST /requests", "POST /sessions/" + firstID}, changes, "it was accepted, and nothing cancelled")
}

func TestCtrlCBeforeAcceptanceGivesTheOffersBack(t *testing.T) {
	n := newFakeNode(t).offering()
	a, _, errs := testApp(t, n.URL)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := a.connect()
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, a.giveBack(ctx, c, n.answer))
	assert.Equal(t, "the offers are given back\n", errs.String())
	assert.Equal(t, ivoa.SessionRejected, n.sessions[firstID].Phase)
	assert.Equal(t, ivoa.SessionRejected, n.sessions[nextID].Phase)
}

func TestCtrlCWhileAcceptingTellsWhatBecameOfIt(t *testing.T) {
	n := newFakeNode(t).offering()
	accepting := make(chan struct{})
	n.onAccept = func() { close(accepting) }
	got := starlingUntil(t, n.URL, func(cancel func(), _ *syncBuffer) {
		<-accepting
		cancel()
	}, "run", "--", "true")
	assert.Equal(t, 130, got.status)
	assert.Contains(t, got.err, "session "+firstID+" was accepted already and goes on: `starling cancel "+firstID+"` stops it\n")
}

func TestWatchShowsProgressOnATerminal(t *testing.T) {
	n := newFakeNode(t).offering()
	n.phases = wholeLife
	a, _, errs := testApp(t, n.URL)
	a.errWidth = 80
	require.Equal(t, 0, execute(t.Context(), a, []string{"watch", firstID}), errs)
	assert.Contains(t, errs.String(), "\rWAITING, starts in 12 s")
	assert.Contains(t, errs.String(), "[##########..........] 50 %")
}
