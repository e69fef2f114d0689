package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/faults/inject"
	"starling/deploy/faults/load"
	"starling/deploy/faults/wan"
)

// pretence is a federation of one site that is always well, or never settles, and whose
// check finds what it is told to.
type pretence struct {
	t       *testing.T
	server  *httptest.Server
	rate    float64
	gone    bool // users have
	unwell  func(p *pretence) bool
	finds   []string
	seen    circumstances
	mourned []string // who the load was told is gone
	kept    int
	removed int
}

func pretend(t *testing.T) *pretence {
	p := &pretence{t: t, rate: 150, unwell: func(*pretence) bool { return false }}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case p.unwell(p):
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/federation/log":
			_ = json.NewEncoder(w).Encode(map[string]any{"node": "one", "leader": "one", "role": "leader", "term": 1})
		case r.URL.Path == "/federation/nodes":
			_ = json.NewEncoder(w).Encode(map[string]any{"nodes": []any{map[string]any{"name": "one", "alive": true}}})
		}
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *pretence) scene(random *rand.Rand) *inject.Scene {
	return &inject.Scene{Random: random, Network: wan.New(random), Sites: []inject.Site{pretendedSite{p}}}
}

func (p *pretence) load(context.Context, uint64, bool) (loading, error) {
	p.gone = false
	return &pretendedLoad{p, time.Now()}, nil
}

func (p *pretence) check(_ context.Context, _ *load.Record, what circumstances) (checked, error) {
	p.seen = what
	return checked{Says: "all", Findings: p.finds}, nil
}
func (p *pretence) keep(context.Context, string) error { p.kept++; return nil }
func (p *pretence) remove(context.Context) error       { p.removed++; return nil }

type pretendedLoad struct {
	*pretence
	began time.Time
}

func (l *pretendedLoad) Gone(names ...string) { l.mourned = append(l.mourned, names...) }

func (l *pretendedLoad) Now() time.Duration { return time.Since(l.began) }
func (l *pretendedLoad) Figures(time.Duration, time.Duration) load.Figures {
	return load.Figures{Rate: l.rate, Kinds: map[load.Kind]int{load.Allocate: 1}}
}
func (l *pretendedLoad) Stop(context.Context) *load.Record {
	l.gone = true
	return &load.Record{}
}

type pretendedSite struct{ p *pretence }

func (s pretendedSite) Name() string                                       { return "one" }
func (s pretendedSite) URL() string                                        { return s.p.server.URL }
func (s pretendedSite) Client() *http.Client                               { return s.p.server.Client() }
func (s pretendedSite) Token(context.Context) (string, error)              { return "t", nil }
func (s pretendedSite) Kill(context.Context) error                         { return nil }
func (s pretendedSite) Stop(context.Context) error                         { return nil }
func (s pretendedSite) Start(context.Context) error                        { return nil }
func (s pretendedSite) Pause(context.Context) error                        { return nil }
func (s pretendedSite) Unpause(context.Context) error                      { return nil }
func (s pretendedSite) Disconnect(context.Context) error                   { return nil }
func (s pretendedSite) Connect(context.Context) error                      { return nil }
func (s pretendedSite) PID(context.Context) (int, error)                   { return 0, nil }
func (s pretendedSite) WAN(context.Context) (netip.Addr, error)            { return netip.Addr{}, nil }
func (s pretendedSite) Data() string                                       { return "" }
func (s pretendedSite) Etc() string                                        { return "" }
func (s pretendedSite) Set(string, string)                                 {}
func (s pretendedSite) Command(context.Context, ...string) (string, error) { return "", nil }

// aFault hurts as it is told to, and counts how often it was healed.
func aFault(healed *int, wound inject.Wound, err error) inject.Fault {
	return inject.Fault{
		Name: "a", Title: "a fault", Runs: 1, Expects: inject.Expectation{Answers: true},
		Inject: func(context.Context, *inject.Scene) (*inject.Wound, error) {
			wound.Heal = func(context.Context) error { *healed++; return nil }
			return &wound, err
		},
	}
}

var quick = times{Baseline: time.Millisecond, Settling: time.Second, Run: time.Minute}

func playing(t *testing.T, p *pretence, f inject.Fault) (result, bool) {
	out, _, whole := play(t.Context(), p, run{f, 1, 7}, quick, t.Logf)
	return out, whole
}

func TestAFaultIsHealedAndTheCheckKnowsWhoWasCutOff(t *testing.T) {
	p, healed := pretend(t), 0
	out, whole := playing(t, p, aFault(&healed, inject.Wound{Says: "cut one off", Minority: []string{"one"}}, nil))
	assert.Equal(t, passed, out.Verdict, out.Reasons)
	assert.True(t, whole)
	assert.Equal(t, 1, healed)
	assert.Equal(t, "cut one off", out.Says)
	assert.Equal(t, []string{"one"}, p.seen.Minority)
	assert.Positive(t, p.seen.Cut)
	assert.LessOrEqual(t, p.seen.Cut, p.seen.Mended)
}

// For whoever doesn't come back nobody waits, and the check wants nothing.
func TestWhoIsGoneIsKnownToTheLoadAndToTheCheck(t *testing.T) {
	p, healed := pretend(t), 0
	out, whole := playing(t, p, aFault(&healed, inject.Wound{Gone: []string{"two"}, Lost: []string{"one"}}, nil))
	assert.Equal(t, passed, out.Verdict, out.Reasons)
	assert.False(t, whole, "the next run needs a whole cluster")
	assert.Equal(t, []string{"two"}, p.mourned)
	assert.Equal(t, []string{"two"}, p.seen.Gone)
	assert.Equal(t, []string{"one"}, p.seen.Lost)
}

// Half a fault is healed, too, and proves nothing.
func TestWhatFailsWithinTheFaultIsHealedAndInconclusive(t *testing.T) {
	healed := 0
	out, _ := playing(t, pretend(t), aFault(&healed, inject.Wound{}, errors.New("no iptables")))
	assert.Equal(t, inconclusive, out.Verdict)
	assert.Equal(t, 1, healed)
	out, _ = playing(t, pretend(t), aFault(&healed, inject.Wound{Meanwhile: func(context.Context) error { return errors.New("stuck") }}, nil))
	assert.Equal(t, inconclusive, out.Verdict)
	assert.Equal(t, 2, healed)
}

func TestABrokenPromiseFailsTheRunAndEndsTheCluster(t *testing.T) {
	p, healed := pretend(t), 0
	p.finds = []string{"promise 2: lost"}
	out, whole := playing(t, p, aFault(&healed, inject.Wound{}, nil))
	assert.Equal(t, failed, out.Verdict)
	assert.Equal(t, p.finds, out.Findings)
	assert.False(t, whole)
}

func TestAFederationThatDoesNotSettleFails(t *testing.T) {
	p, healed := pretend(t), 0
	p.unwell = func(*pretence) bool { return true }
	out, whole := playing(t, p, aFault(&healed, inject.Wound{}, nil))
	assert.Equal(t, failed, out.Verdict)
	assert.False(t, whole)

	p.unwell = func(p *pretence) bool { return !p.gone }
	out, whole = playing(t, p, aFault(&healed, inject.Wound{}, nil))
	assert.Equal(t, inconclusive, out.Verdict, "one that was only overloaded proves nothing")
	assert.False(t, whole)
}

// A campaign uses a cluster again as long as it is whole, keeps what failed, and writes
// every run down.
func TestACampaignUsesAClusterUntilItIsBroken(t *testing.T) {
	healed := 0
	good, bad := aFault(&healed, inject.Wound{}, nil), aFault(&healed, inject.Wound{}, nil)
	bad.Name = "b"
	made := &pretendedStage{t: t}
	b, err := openBook(filepath.Join(t.TempDir(), "results.jsonl"))
	require.NoError(t, err)
	c := &campaign{
		stage: made, times: quick, seed: 7, kept: t.TempDir(), say: t.Logf, book: b,
		left: []run{{good, 1, 1}, {good, 2, 2}, {bad, 1, 3}, {good, 3, 4}},
	}
	require.NoError(t, c.work(t.Context()))
	require.Len(t, made.all, 2)
	assert.Equal(t, 1, made.all[0].kept)
	assert.Equal(t, []int{1, 1}, []int{made.all[0].removed, made.all[1].removed})
	var verdicts []verdict
	for _, r := range b.results {
		verdicts = append(verdicts, r.Verdict)
	}
	assert.Equal(t, []verdict{passed, passed, failed, passed}, verdicts)
	assert.NotEmpty(t, b.results[2].Kept)
}

// What proves nothing is tried again when all else is done, and not for ever.
func TestACampaignRepeatsWhatIsInconclusive(t *testing.T) {
	healed, unlucky := 0, 2
	good, bad := aFault(&healed, inject.Wound{}, nil), aFault(&healed, inject.Wound{}, nil)
	bad.Name = "b"
	works := bad.Inject
	bad.Inject = func(ctx context.Context, s *inject.Scene) (*inject.Wound, error) {
		if unlucky--; unlucky >= 0 {
			return nil, errors.New("the machine is busy")
		}
		return works(ctx, s)
	}
	never := bad
	never.Name = "c"
	never.Inject = func(context.Context, *inject.Scene) (*inject.Wound, error) { return nil, errors.New("no iptables") }
	b, err := openBook(filepath.Join(t.TempDir(), "results.jsonl"))
	require.NoError(t, err)
	runs := []run{{bad, 1, 1}, {never, 1, 2}, {good, 1, 3}}
	c := &campaign{
		stage: &pretendedStage{t: t}, times: quick, seed: 7, kept: t.TempDir(), say: t.Logf, book: b, left: slices.Clone(runs),
	}
	require.NoError(t, c.work(t.Context()))
	made := map[string]int{}
	for _, r := range b.results {
		made[r.Fault]++
	}
	assert.Equal(t, map[string]int{"a": 1, "b": 3, "c": mostTries}, made)
	var ends []verdict
	for _, r := range b.latest() {
		ends = append(ends, r.Verdict)
	}
	assert.Equal(t, []verdict{passed, inconclusive, passed}, ends)
	assert.NoError(t, conclude(b, runs, 7))
	assert.ErrorContains(t, conclude(b, []run{{never, 1, 2}}, 7), "only 0 of 1 runs")
}

// Its users come with the names and keys that they had: they must not find what they did.
func TestARunThatIsRepeatedHasANewFederation(t *testing.T) {
	healed := 0
	b, err := openBook(filepath.Join(t.TempDir(), "results.jsonl"))
	require.NoError(t, err)
	slow := &pretendedStage{t: t, rate: least / 2}
	c := &campaign{
		stage: slow, times: quick, seed: 7, kept: t.TempDir(), say: t.Logf, book: b,
		left: []run{{aFault(&healed, inject.Wound{}, nil), 1, 1}, {aFault(&healed, inject.Wound{}, nil), 2, 1}},
	}
	require.NoError(t, c.work(t.Context()))
	assert.Len(t, b.results, 2*mostTries)
	assert.Len(t, slow.all, 1+2*(mostTries-1), "both shared the first")
}

type pretendedStage struct {
	t    *testing.T
	rate float64 // of operations, where it isn't the usual one
	all  []*pretence
}

func (s *pretendedStage) raise(context.Context, *inject.Needs) (federation, error) {
	p := pretend(s.t)
	p.rate = cmp.Or(s.rate, p.rate)
	s.all = append(s.all, p)
	return &thirdFails{pretence: p, first: len(s.all) == 1}, nil
}

// thirdFails is a pretence in whose third run something is found.
type thirdFails struct {
	*pretence
	first bool
	runs  int
}

func (f *thirdFails) check(ctx context.Context, record *load.Record, what circumstances) (checked, error) {
	f.runs++
	if f.first && f.runs == 3 {
		return checked{Findings: []string{"promise 1: twice"}}, nil
	}
	return f.pretence.check(ctx, record, what)
}
