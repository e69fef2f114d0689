package network

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteTable writes a report for people, 80 columns wide.
func (r Report) WriteTable(out io.Writer) error {
	var b strings.Builder
	profile := "as on a LAN"
	if r.Options.Wide {
		profile = "as on a WAN"
	}
	if len(r.Spreads) > 0 {
		fmt.Fprintf(&b, "News among %d nodes (%s), records of %d bytes\n\n", r.Options.Nodes, profile, r.Record)
		fmt.Fprintf(&b, "%12s  %-26s %-17s %-20s\n", "changes", "known to all after, s", "to any after, s", "kB/s of a node")
		fmt.Fprintf(&b, "%12s  %8s %8s %8s %8s %8s %9s %8s\n", "/s, a node", "p50", "p99", "max", "p50", "p99", "sent", "bound")
		for _, s := range r.Spreads {
			fmt.Fprintf(&b, "%12.4g  %8.2f %8.2f %8.2f %8.2f %8.2f %9.1f %8.1f", s.Rate, s.ToAll.P50, s.ToAll.P99, s.ToAll.Max,
				s.ToOne.P50, s.ToOne.P99, s.Bytes/1000, s.Bound/1000)
			if s.Missed > 0 {
				fmt.Fprintf(&b, " *")
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	load := -1.0
	for _, q := range r.Qualities {
		if q.Load != load {
			if load = q.Load; load != r.Qualities[0].Load {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%d jobs at %d sites with %d cores, load %.2f\n\n", r.Options.Nodes*r.Options.Jobs, r.Options.Nodes, r.Cores, load)
			fmt.Fprintf(&b, "%-7s %-18s %10s %8s %9s %9s %6s %6s\n", "digests", "", "mean wait", "p95", "bounded", "EUR/core", "else-", "bytes")
			fmt.Fprintf(&b, "%-7s %-18s %10s %8s %9s %9s %6s %6s\n", "every", "placed by", "s", "s", "slowdown", "hour", "where", "")
		}
		every, bytes := "-", ""
		if q.Every > 0 {
			every = age(time.Duration(q.Every * float64(time.Second)))
			bytes = fmt.Sprintf("%.0f", q.Bytes)
		}
		fmt.Fprintf(&b, "%-7s %-18s %10.1f %8.0f %9.3f %9.4f %5.0f%% %6s\n", every, q.Contender, q.Wait.Mean, q.Wait.P95, q.Slowdown, q.Price, 100*q.Away, bytes)
	}
	fmt.Fprintf(&b, "\nin %.0f s\n", r.Took.Seconds())
	_, err := io.WriteString(out, b.String())
	return err
}

// age is a time without what is nothing of it: 10m, not 10m0s.
func age(d time.Duration) string {
	text := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
