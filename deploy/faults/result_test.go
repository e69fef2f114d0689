package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsWrittenDownIsNotMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	b, err := openBook(path)
	require.NoError(t, err, "there need be none")
	runs, err := plan(someFaults(), "all", 7)
	require.NoError(t, err)
	for _, r := range []result{
		{Fault: "a", Number: 1, Plan: 7, Verdict: passed},
		{Fault: "a", Number: 2, Plan: 7, Verdict: failed},
		{Fault: "b", Number: 1, Plan: 7, Verdict: inconclusive},
		{Fault: "c", Number: 1, Plan: 8, Verdict: passed},
	} {
		require.NoError(t, b.add(r))
	}
	b, err = openBook(path)
	require.NoError(t, err)
	assert.Equal(t, []string{"c/1", "b/1", "b/2", "a/3"}, namesOf(b.todo(runs, 7, false)),
		"other seeds are other runs, and what was inconclusive proves nothing")
	assert.Equal(t, []string{"c/1", "b/1", "a/2", "b/2", "a/3"}, namesOf(b.todo(runs, 7, true)))
	assert.Len(t, b.todo(runs, 9, false), len(runs))

	// What a run comes to the second time counts, from then on.
	require.NoError(t, b.add(result{Fault: "b", Number: 1, Plan: 7, Verdict: passed}))
	assert.Equal(t, []string{"c/1", "b/2", "a/3"}, namesOf(b.todo(runs, 7, false)))
	assert.Len(t, b.latest(), 4)
}

func TestALineThatWasTornIsARunThatWasNotMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"fault":"a","number":1,"verdict":"passed"}`+"\n"+`{"fault":"b","num`), 0o644))
	b, err := openBook(path)
	require.NoError(t, err)
	assert.Len(t, b.results, 1)
	require.NoError(t, b.add(result{Fault: "c", Number: 1, Verdict: passed}))
	b, err = openBook(path)
	require.NoError(t, err)
	require.Len(t, b.results, 2, "and spoils nothing that comes after it")
	assert.Equal(t, "c", b.results[1].Fault)
}

func TestTheTableTellsEveryRunAndEveryFault(t *testing.T) {
	date := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var page strings.Builder
	require.NoError(t, tabulate(&page, someFaults(), []result{
		{Fault: "c", Number: 1, Plan: 7, Commit: "abc", Date: date, Says: "killed x | y", Baseline: 150, During: 120, Gap: 1.25, Recovery: 3, Verdict: passed},
		{Fault: "a", Number: 2, Plan: 7, Date: date, Baseline: 90, Verdict: inconclusive, Reasons: []string{"the baseline was 90"}},
		{Fault: "a", Number: 1, Plan: 7, Date: date, Baseline: 130, Verdict: failed, Findings: []string{"promise 2: lost\nall"}},
	}))
	text := page.String()
	assert.Contains(t, text, "3 of 6 planned runs were made: 1 passed, 1 failed, 1 inconclusive")
	assert.Contains(t, text, "| fault a | 3 | 0 | 1 | 1 | 130 | 0 | 0.00 s | 0.00 s |")
	assert.Contains(t, text, "| fault b | 2 | 0 | 0 | 0 | – | – | – | – |")
	assert.Contains(t, text, `| c/1 | 7 | abc | 2026-11-23 12:00 | killed x \| y | 150 | 120 | 1.25 s | 3.0 s |  | passed |`)
	assert.Contains(t, text, "**failed**; promise 2: lost all |")
	assert.Less(t, strings.Index(text, "| a/1 |"), strings.Index(text, "| a/2 |"))
}
