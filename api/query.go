package api

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/federation/identity"
)

// query reads the parameters of a request, remembering the first that is wrong.
type query struct {
	values url.Values
	err    error
}

// query parses the query string. A parameter that the resource doesn't know is
// refused: a filter with a typing error would silently list everything.
func (v *visit) query(known ...string) *query {
	values, err := url.ParseQuery(v.Request().URL.RawQuery)
	if err != nil {
		return &query{err: invalid("", "the query string is not well formed")}
	}
	for name := range values {
		if !slices.Contains(known, name) {
			return &query{err: invalid(clip(name), "unknown parameter; known here: "+strings.Join(known, ", "))}
		}
	}
	return &query{values: values}
}

func (q *query) wrong(name, detail string) {
	if q.err == nil {
		q.err = invalid(name, detail)
	}
}

// maxText bounds a parameter that is text, in bytes.
const maxText = 512

// text is a parameter as it is, "" where it is absent.
func (q *query) text(name string) string {
	text := q.values.Get(name)
	if len(text) > maxText {
		q.wrong(name, "more than "+itoa(maxText)+" bytes")
		return ""
	}
	for _, b := range []byte(text) {
		if b < ' ' || b == 0x7f {
			q.wrong(name, "it has characters that do not print")
			return ""
		}
	}
	return text
}

// list is all values of a parameter that may be repeated or hold commas.
func (q *query) list(name string) []string {
	var list []string
	for _, value := range q.values[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// instant is a time, the zero time where it is absent.
func (q *query) instant(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		q.wrong(name, "want a date and time of RFC 3339, as 2026-12-01T00:00:00Z is")
		return time.Time{}
	}
	return at.UTC()
}

// whole is a whole number that is not negative, 0 where it is absent.
func (q *query) whole(name string) int64 {
	text := q.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		q.wrong(name, "want a whole number from 0")
		return 0
	}
	return n
}

// limit is the length of a page: the default where it is absent, and never
// more than the longest.
func (q *query) limit(longest int) int {
	text := q.text("limit")
	if text == "" {
		return min(defaultPage, longest)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		q.wrong("limit", "want a whole number from 1")
		return 0
	}
	return min(n, longest)
}

// most is the length of an export: 0, all there is, where it is absent.
func (q *query) most() int {
	if q.text("limit") == "" {
		return 0
	}
	return q.limit(math.MaxInt)
}

// wait is how long a poll may take: seconds or a duration such as 1m30s, cut to
// the longest.
func (q *query) wait(longest time.Duration) time.Duration {
	text := q.text("wait")
	if text == "" {
		return 0
	}
	wait, err := time.ParseDuration(text)
	if err != nil {
		seconds, notNumber := strconv.ParseUint(text, 10, 31)
		if notNumber != nil {
			q.wrong("wait", "want a duration such as 30s")
			return 0
		}
		wait = time.Duration(seconds) * time.Second
	}
	if wait < 0 {
		q.wrong("wait", "want a duration that is not negative")
		return 0
	}
	return min(wait, longest)
}

// flag is true for "true" and "1", false where it is absent.
func (q *query) flag(name string) bool {
	text := q.text(name)
	if text == "" {
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		q.wrong(name, "want true or false")
	}
	return value
}

// next is the path of the page that begins at a cursor, with the same filters;
// "" where there is none.
func (v *visit) next(q *query, cursor string) string {
	if cursor == "" {
		return ""
	}
	values := make(url.Values, len(q.values)+1)
	for name, value := range q.values {
		values[name] = value
	}
	values.Set("cursor", cursor)
	return v.Request().URL.EscapedPath() + "?" + values.Encode()
}

// uuid is a path parameter.
func (v *visit) uuid(name string) (identity.UUID, error) {
	id, err := identity.ParseUUID(v.Param(name))
	if err != nil {
		return id, invalid(name, err.Error())
	}
	return id, nil
}

// idempotencyKey is the key by which a client makes a retry harmless.
func (v *visit) idempotencyKey() (string, error) {
	const header, longest = "Idempotency-Key", 255
	keys := v.Request().Header[header]
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	if len(keys) > 1 || key == "" || len(key) > longest {
		return "", invalid(header, "want one key of 1 to 255 characters")
	}
	for _, b := range []byte(key) {
		if b < ' ' || b > '~' {
			return "", invalid(header, "want printable ASCII")
		}
	}
	return key, nil
}

// clip keeps what a stranger sent from filling an answer.
func clip(text string) string {
	if len(text) > 64 {
		return text[:64] + "…"
	}
	return text
}
