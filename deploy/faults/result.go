package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// verdict is what a run comes to.
type verdict string

const (
	// passed: every promise was kept.
	passed verdict = "passed"
	// failed: one was broken, or the federation did not recover.
	failed verdict = "failed"
	// inconclusive: the run proves nothing, and is to be repeated.
	inconclusive verdict = "inconclusive"
)

// result is one row: a run, and what it came to.
type result struct {
	Fault  string    `json:"fault"`
	Number int       `json:"number"`
	Plan   uint64    `json:"plan"` // the seed of the plan
	Seed   uint64    `json:"seed"`
	Commit string    `json:"commit"`
	Date   time.Time `json:"date"`
	Took   float64   `json:"took"` // seconds
	Says   string    `json:"says,omitempty"`

	Baseline float64 `json:"baseline"` // operations a second before the fault
	During   float64 `json:"during"`   // and while it lasted
	Gap      float64 `json:"gap"`      // the longest without a strong write, from the fault until all had settled, in seconds
	Recovery float64 `json:"recovery"` // from healing until all had settled, in seconds

	Checks   string   `json:"checks,omitempty"` // what was looked at, counted
	Findings []string `json:"findings,omitempty"`
	Verdict  verdict  `json:"verdict"`
	Reasons  []string `json:"reasons,omitempty"` // why it is not passed, beside findings
	Kept     string   `json:"kept,omitempty"`    // where the evidence is
}

// book is the file of all results, one a line. It is only ever added to.
type book struct {
	path    string
	results []result
}

// openBook reads what was found before. A line that was torn when a run died counts as
// a run that was not made.
func openBook(path string) (*book, error) {
	b := &book{path: path}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for number := 1; lines.Scan(); number++ {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintf(os.Stderr, "%s:%d is no result, and passed over: %v\n", path, number, err)
			continue
		}
		b.results = append(b.results, r)
	}
	return b, lines.Err()
}

// add writes a result down before anything else happens.
func (b *book) add(r result) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(b.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	if torn(file) { // or that line would swallow this one
		line = append([]byte("\n"), line...)
	}
	_, err = file.Write(append(line, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	b.results = append(b.results, r)
	return nil
}

// torn reports whether a file doesn't end with a whole line.
func torn(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

// latest is what each run came to in the end: a run that was repeated counts once.
func (b *book) latest() []result {
	place := map[string]int{}
	var all []result
	for _, r := range b.results {
		key := fmt.Sprint(r.Fault, "/", r.Number)
		if i, again := place[key]; again {
			all[i] = r
			continue
		}
		place[key] = len(all)
		all = append(all, r)
	}
	return all
}

// todo is which of the runs have not been made with this seed. What was inconclusive
// hasn't; what has failed has, unless those are wanted again.
func (b *book) todo(runs []run, seed uint64, failedToo bool) []run {
	made := map[string]bool{}
	for _, r := range b.results {
		key := fmt.Sprint(r.Plan, r.Fault, r.Number)
		made[key] = r.Verdict == passed || r.Verdict == failed && !failedToo
	}
	var left []run
	for _, r := range runs {
		if !made[fmt.Sprint(seed, r.Fault.Name, r.Number)] {
			left = append(left, r)
		}
	}
	return left
}
