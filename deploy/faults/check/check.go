package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"starling/deploy/faults/load"
	"starling/federation/identity"
)

// Options say how to look.
type Options struct {
	// Patience is how long sites may take to agree, and what was accepted to end.
	Patience time.Duration
	// Cut are the times in which sites were without a majority, as the one who cut them
	// off knows: they may have acknowledged no strong write and no strong read then.
	Cut []Cut
	// Leapt are sites whose clocks were set meanwhile: what their times tell of what
	// overlaps isn't looked at.
	Leapt []string
	// Gone are sites that don't come back, Lost those that may have lost what they alone
	// had, since somebody did away with it: of their own sessions nothing is wanted.
	Gone, Lost []string
	// Sample is how many sessions are looked at one by one, where all would take long.
	Sample int
}

// Cut is a site that was without a majority for a while; times are of the record.
type Cut struct {
	Site     string
	From, To time.Duration
}

// Finding is one promise that was broken.
type Finding struct {
	Promise int
	Object  string // what it is of
	Saw     string // what was seen, and where
	Seed    uint64
}

// String is the finding in a line.
func (f Finding) String() string {
	return fmt.Sprintf("promise %d: %s: %s (seed %d)", f.Promise, f.Object, f.Saw, f.Seed)
}

// Findings are what came out.
type Findings struct {
	Broken []Finding
	// Inconclusive are checks that couldn't be made, and why.
	Inconclusive []string
	// Looked is how many objects each check has looked at: one that has seen none has
	// found nothing out.
	Looked map[string]int
}

// Kept reports whether all promises were kept, as far as was seen.
func (f Findings) Kept() bool { return len(f.Broken) == 0 }

// String is all findings, a line each.
func (f Findings) String() string {
	var lines []string
	for _, one := range f.Broken {
		lines = append(lines, one.String())
	}
	for _, one := range f.Inconclusive {
		lines = append(lines, "inconclusive: "+one)
	}
	return strings.Join(lines, "\n")
}

// mostOfAKind bounds the findings of one check: one cause breaks a thousand things.
const mostOfAKind = 20

// All makes every check.
func All(ctx context.Context, sites []load.Site, record *load.Record, o Options) Findings {
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Sample == 0 {
		o.Sample = 40
	}
	sites = slices.DeleteFunc(slices.Clone(sites), func(s load.Site) bool { return slices.Contains(o.Gone, s.Name) })
	c := &checker{sites: sites, record: record, options: o, found: Findings{Looked: map[string]int{}}}
	c.told = c.hear(ctx)
	if len(sites) > 0 && len(c.told) == len(sites) {
		c.agree()
		c.endings(ctx)
		c.attempts()
		c.cancelled()
		c.files(ctx)
		c.ledger()
		c.pools()
		c.strangers(ctx)
	}
	c.late()
	c.alternatives()
	c.keys()
	c.offers()
	c.strongWrites()
	c.strongReads()
	c.minorities()
	c.prying()
	c.refusals()
	slices.SortStableFunc(c.found.Broken, func(a, b Finding) int { return a.Promise - b.Promise })
	return c.found
}

// checker is one look.
type checker struct {
	sites   []load.Site
	record  *load.Record
	options Options
	told    []*testimony // by each site
	found   Findings
	counts  map[string]int
}

// excused reports whether something belongs to a site of whose own nothing is wanted, as
// its UUID tells.
func (c *checker) excused(id string) bool {
	uuid, err := identity.ParseUUID(id)
	return err == nil && slices.ContainsFunc(slices.Concat(c.options.Gone, c.options.Lost), func(name string) bool {
		return uuid.Owner() == identity.NodeName(name).Tag()
	})
}

// broken adds a finding.
func (c *checker) broken(promise int, object, format string, values ...any) {
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	kind := fmt.Sprint(promise, format)
	if c.counts[kind]++; c.counts[kind] > mostOfAKind {
		return
	}
	c.found.Broken = append(c.found.Broken, Finding{Promise: promise, Object: object, Saw: fmt.Sprintf(format, values...), Seed: c.record.Seed})
}

// inconclusive adds a check that couldn't be made.
func (c *checker) inconclusive(format string, values ...any) {
	if len(c.found.Inconclusive) < 5*mostOfAKind {
		c.found.Inconclusive = append(c.found.Inconclusive, fmt.Sprintf(format, values...))
	}
}

// looked counts what a check has looked at.
func (c *checker) looked(check string, more int) { c.found.Looked[check] += more }
