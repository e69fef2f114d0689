package accounting

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// A Period is the span of time that an account belongs to: a semester, written
// like "2026B". Commands carry it, so that a site may count differently one
// day; the ledger only wants it to be a short name.
type Period string

// PeriodAt is the semester a time falls in, as observatories count them: A
// runs from February to July, B from August to January of the next year.
func PeriodAt(t time.Time) Period {
	year, month, _ := t.UTC().Date()
	switch {
	case month == time.January:
		return Period(fmt.Sprintf("%04dB", year-1))
	case month < time.August:
		return Period(fmt.Sprintf("%04dA", year))
	}
	return Period(fmt.Sprintf("%04dB", year))
}

// Semester is when the semester that a period is named for starts and ends. A
// period of another name has whatever start and end its allocations say.
func (p Period) Semester() (start, end time.Time, known bool) {
	m := semesterForm.FindStringSubmatch(string(p))
	if m == nil {
		return start, end, false
	}
	year, _ := strconv.Atoi(m[1])
	month := time.February
	if m[2] == "B" {
		month = time.August
	}
	start = time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return start, start.AddDate(0, 6, 0), true
}

var semesterForm = regexp.MustCompile(`^([0-9]{4})([AB])$`)

var periodForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$`)

// Validate says whether it could be a period's name at all.
func (p Period) Validate() error { return p.validate("period") }

func (p Period) validate(subject string) error {
	if !periodForm.MatchString(string(p)) {
		return invalid(subject, "period %.40q is not a short name such as 2026B", string(p))
	}
	return nil
}
