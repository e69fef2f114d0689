package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"starling/deploy/faults/load"
)

// report is the table of what came out, as Markdown.
func report(p plan, began time.Time, soaks []*soak) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Soak\n\n`make soak DURATION=%s`, seed %d, begun %s", p.duration, p.seed, began.UTC().Format("2006-01-02 15:04 UTC"))
	if p.commit != "" {
		fmt.Fprintf(&b, ", commit %s", p.commit)
	}
	fmt.Fprintf(&b, ".\n\nA node's level is what it has after a warm-up of %s and a rest of %s; the end is after the load and the same rest.\n"+
		"The rise is that of a line fitted through samples of every %s of the load, without its first tenth.\n", p.warm, p.rest, p.every)
	for _, m := range measures() {
		fmt.Fprintf(&b, "Of %s, %s", m.name, m.text(m.slack))
		if m.share > 0 {
			fmt.Fprintf(&b, " and %.0f %% of the level", m.share*100)
		}
		fmt.Fprint(&b, " more are allowed.\n")
	}
	fmt.Fprint(&b, "Goroutines and files of a leader are told without those that the leader had more than the others when the level was taken.\n")
	for _, s := range soaks {
		s.report(&b)
	}
	return b.String()
}

func (s *soak) report(b *strings.Builder) {
	nodes := "nodes"
	if s.size == 1 {
		nodes = "node"
	}
	fmt.Fprintf(b, "\n## %d %s\n\n%s.\n\n", s.size, nodes, s.figures)
	b.WriteString("| node | measure | level | most under load | rise | end | |\n|---|---|---|---|---|---|---|\n")
	for _, node := range s.nodes {
		for _, m := range measures() {
			var most int64
			for _, one := range s.samples {
				if one.Node == node.Name {
					most = max(most, s.told(m, one))
				}
			}
			level, final, rise := s.told(m, s.level[node.Name]), s.told(m, s.final[node.Name]), s.rise(node.Name, m)
			verdict := "returned"
			if final > m.allowed(level) || rise > m.allowed(level)-level {
				verdict = "**leaked**"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", node.Name, m.name, m.text(level), m.text(most), m.text(rise), m.text(final), verdict)
		}
	}
	s.reportDisk(b)
	for _, leak := range s.leaks {
		fmt.Fprintf(b, "\n- %s", leak)
	}
	if len(s.leaks) == 0 {
		b.WriteString("\nEverything was given back.\n")
	}
}

// reportDisk tells what the data directory of the first node has gained.
func (s *soak) reportDisk(b *strings.Builder) {
	completed := s.figures.Kinds[load.Complete]
	first := s.nodes[0].Name
	level, final := s.level[first].Disk, s.final[first].Disk
	fmt.Fprintf(b, "\nOn disk at %s, %d sessions having been completed at all nodes:\n\n| file | level | end | for each session |\n|---|---|---|---|\n", first, completed)
	for _, name := range slices.Sorted(maps.Keys(final)) {
		grown := final[name] - level[name]
		fmt.Fprintf(b, "| %s | %s | %s | %d B |\n", name, mib(level[name]), mib(final[name]), grown/int64(max(completed, 1)))
	}
}
