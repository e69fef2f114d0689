// Package words says numbers as people do: durations, times, sizes, money.
package words

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Duration says a length of time in at most two units: "350 ms", "12 s",
// "3m05s", "5h10m", "3d04h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d == 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second && d%time.Second >= 100*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return pair(d, time.Minute, time.Second, "m", "s")
	case d < 48*time.Hour:
		return pair(d, time.Hour, time.Minute, "h", "m")
	}
	return pair(d, 24*time.Hour, time.Hour, "d", "h")
}

func pair(d, large, small time.Duration, largeName, smallName string) string {
	rest := d % large / small
	if rest == 0 {
		return fmt.Sprintf("%d%s", d/large, largeName)
	}
	return fmt.Sprintf("%d%s%02d%s", d/large, largeName, rest, smallName)
}

// In says how far away an instant is: "now", "in 12 s", "3m05s ago".
func In(at, now time.Time) string {
	switch d := at.Sub(now).Round(time.Second); {
	case d > 0:
		return "in " + Duration(d)
	case d > -time.Second:
		return "now"
	default:
		return Duration(-d) + " ago"
	}
}

// Instant says a time, in its zone, as shortly as can be: the time of day today,
// date and time within half a year, else the date. The zero time is "".
func Instant(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(now.Location())
	const halfYear = 183 * 24 * time.Hour
	switch {
	case at.Format(time.DateOnly) == now.Format(time.DateOnly):
		return at.Format(time.TimeOnly)
	case at.Sub(now).Abs() < halfYear:
		return at.Format("2 Jan 15:04")
	}
	return at.Format(time.DateOnly)
}

// Start says when something begins: how soon within the hour, else the time.
func Start(at, now time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case at.Sub(now) < time.Hour:
		return In(at, now)
	}
	return Instant(at, now)
}

// Size says a number of bytes in binary units, to three digits.
func Size(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes), -1
	for value >= 1023.5 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	digits := 0
	if value < 99.95 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + string("KMGTP"[unit]) + "iB"
}

// Amount says a number to three digits that matter, never as a power of ten:
// "1234", "0.0312".
func Amount(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "?"
	}
	if magnitude := math.Abs(value); magnitude >= 100 || magnitude == 0 {
		return strconv.FormatFloat(math.Round(value), 'f', -1, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 3, 64), 64)
	if err != nil {
		return "?"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// Decimal says a decimal number that came as text, like Amount.
func Decimal(text string) string {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Clean(text)
	}
	return Amount(value)
}

// Percent says a fraction.
func Percent(fraction float64) string {
	return fmt.Sprintf("%d %%", int(math.Floor(100*min(max(fraction, 0), 1))))
}

// Many says a number of things: "1 file", "3 files".
func Many(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Clean makes text of others fit for one line of a terminal: what would move
// the cursor, change colours or reorder the line becomes a space or goes.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
}

var instant = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\b`)

// Local says the instants within a text, which nodes write in full and in UTC,
// as shortly as Instant does.
func Local(text string, now time.Time) string {
	return instant.ReplaceAllStringFunc(text, func(written string) string {
		at, err := time.Parse(time.RFC3339Nano, written)
		if err != nil {
			return written
		}
		return Instant(at, now)
	})
}

// Wrap breaks text between words into lines of at most width characters; 0
// leaves it as it is. A word that is longer has a line of its own.
func Wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// Cut shortens text to so many characters, the last of which is then "…".
func Cut(text string, most int) string {
	runes := []rune(text)
	switch {
	case len(runes) <= most:
		return text
	case most < 1:
		return ""
	}
	return string(runes[:most-1]) + "…"
}
