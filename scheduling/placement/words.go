package placement

import (
	"fmt"
	"strconv"

	"starling/scheduling"
)

// nth is a number as people say it in a row: 1st, 22nd, 113th.
func nth(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// span is a time in the one or two units that matter: "40 s", "3 min", "2 h 5 min", "3 d".
func span(s scheduling.Span) string {
	units := []struct {
		scheduling.Span
		name string
	}{{scheduling.Day, "d"}, {scheduling.Hour, "h"}, {scheduling.Minute, "min"}, {scheduling.Second, "s"}}
	for i, u := range units {
		if s < u.Span {
			continue
		}
		text := fmt.Sprintf("%d %s", s/u.Span, u.name)
		if i+1 < len(units) && s < 10*u.Span {
			if rest := s % u.Span / units[i+1].Span; rest > 0 {
				text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "less than a second"
}

// Amount is a number with its unit, to three digits.
func Amount(value float64, unit string) string {
	text := fmt.Sprintf("%.3g", value)
	if value >= 100 && value < 1e9 {
		text = fmt.Sprintf("%.0f", value)
	}
	if unit != "" {
		text += " " + unit
	}
	return text
}

// bytes is an amount of data in the largest binary unit of which there is one.
func bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, u := float64(n), 0
	for value >= 1024 {
		value /= 1024
		u++
	}
	return Amount(value, units[u])
}
