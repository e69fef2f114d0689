package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"starling/deploy/faults/inject"
)

// tabulate writes what all runs have come to until now as a page: first by fault, then
// run by run.
func tabulate(w io.Writer, faults []inject.Fault, results []result) error {
	byFault := map[string][]result{}
	count := map[verdict]int{}
	for _, r := range results {
		byFault[r.Fault] = append(byFault[r.Fault], r)
		count[r.Verdict]++
	}
	planned := 0
	for _, fault := range faults {
		planned += fault.Runs
	}
	p := &page{w: w}
	p.printf(`# What the faults have come to

Five sites in containers, users and executors at a quarter of what they can take, a
fault, healing, settling, and then every promise checked from outside (see the package
comment of deploy/faults). Made by the runner from [results.jsonl](results.jsonl); every
run can be repeated alone with the command of its row's name:
`+"`go run ./deploy/faults --runs NAME --seed PLAN --again`"+`.

%d of %d planned runs were made: %d passed, %d failed, %d inconclusive (the baseline was
under %d operations a second, or the run itself was in trouble; to be repeated).

| fault | planned | passed | failed | inconclusive | op/s before | op/s during | longest gap | longest recovery |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
`, len(results), planned, count[passed], count[failed], count[inconclusive], least)
	for _, fault := range faults {
		of := byFault[fault.Name]
		number := func(v verdict) int {
			return len(of) - len(slices.DeleteFunc(slices.Clone(of), func(r result) bool { return r.Verdict == v }))
		}
		p.printf("| %s | %d | %d | %d | %d | %s | %s | %s | %s |\n", fault.Title, fault.Runs,
			number(passed), number(failed), number(inconclusive),
			median(of, func(r result) float64 { return r.Baseline }), median(of, func(r result) float64 { return r.During }),
			longest(of, func(r result) float64 { return r.Gap }), longest(of, func(r result) float64 { return r.Recovery }))
	}
	p.printf(`
Operations a second are medians. The gap is the longest time without an acknowledged
strong write, from the fault until all had settled; recovery is from healing until every
site agreed again.

## Run by run

| run | plan | commit | date | what was done | op/s before | during | gap | recovery | checked | verdict |
|---|---:|---|---|---|---:|---:|---:|---:|---|---|
`)
	order := map[string]int{}
	for i, fault := range faults {
		order[fault.Name] = i
	}
	slices.SortStableFunc(results, func(a, b result) int {
		return cmp.Or(cmp.Compare(order[a.Fault], order[b.Fault]), cmp.Compare(a.Number, b.Number))
	})
	for _, r := range results {
		said := slices.Concat(r.Findings, r.Reasons)
		if len(said) > 3 {
			said = append(said[:3:3], fmt.Sprintf("and %d more", len(said)-3))
		}
		ended := "**" + string(r.Verdict) + "**"
		if r.Verdict == passed {
			ended = string(r.Verdict)
		}
		p.printf("| %s/%d | %d | %s | %s | %s | %.0f | %.0f | %.2f s | %.1f s | %s | %s |\n", r.Fault, r.Number, r.Plan, r.Commit,
			r.Date.UTC().Format("2006-01-02 15:04"), cell(r.Says), r.Baseline, r.During, r.Gap, r.Recovery,
			cell(r.Checks), cell(strings.Join(append([]string{ended}, said...), "; ")))
	}
	return p.err
}

// page is a writer that remembers its first error.
type page struct {
	w   io.Writer
	err error
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// cell is text that doesn't end its cell of the table.
func cell(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "\\|")), " ")
	if runes := []rune(text); len(runes) > 400 {
		text = string(runes[:400]) + "…"
	}
	return text
}

func median(of []result, figure func(result) float64) string {
	if len(of) == 0 {
		return "–"
	}
	all := make([]float64, len(of))
	for i, r := range of {
		all[i] = figure(r)
	}
	slices.Sort(all)
	return fmt.Sprintf("%.0f", all[len(all)/2])
}

func longest(of []result, figure func(result) float64) string {
	if len(of) == 0 {
		return "–"
	}
	most := 0.0
	for _, r := range of {
		most = max(most, figure(r))
	}
	return fmt.Sprintf("%.2f s", most)
}
