package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes a report for people.
func (r Report) WriteTable(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, %d cores, %s, Linux %s, %s\none fsync (4 KiB appended): %.2f ms\n\n",
		r.Machine.CPU, r.Machine.Cores, r.Machine.Go, r.Machine.Kernel, r.Machine.FileSystem, r.Machine.Fsync)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tMEASURED\tTARGET\tRATIO\t")
	for _, f := range r.Figures {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Name, amount(f.Value, f.Unit), wanted(f), verdict(f), f.Note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func wanted(f Figure) string {
	switch {
	case f.Target == 0:
		return ""
	case f.Rate:
		return "≥ " + amount(f.Target, f.Unit)
	}
	return "< " + amount(f.Target, f.Unit)
}

// verdict is how many times better than wanted a figure is, and whether that is enough.
func verdict(f Figure) string {
	switch {
	case f.Target == 0:
		return ""
	case f.Met():
		return fmt.Sprintf("%.2f met", f.Ratio())
	}
	return fmt.Sprintf("%.2f MISSED", f.Ratio())
}

// amount writes three digits or so of a value.
func amount(value float64, unit string) string {
	digits := 2
	if value >= 100 {
		digits = 0
	} else if value >= 10 {
		digits = 1
	}
	if unit != "/s" {
		unit = " " + unit
	}
	return fmt.Sprintf("%.*f%s", digits, value, unit)
}
