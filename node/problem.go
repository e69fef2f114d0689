package node

import (
	"fmt"
	"time"

	"starling/api/ivoa"
)

// Code says in one word what kind of problem it is; package api maps it to a
// status once.
type Code string

// The codes of problems.
const (
	CodeInvalid     Code = "invalid"     // what was sent makes no sense
	CodeNotFound    Code = "not-found"   // there is no such thing, or it isn't the caller's
	CodeForbidden   Code = "forbidden"   // the caller may see it, but not do this
	CodeConflict    Code = "conflict"    // not in the state that it is in
	CodeFunds       Code = "no-funds"    // a hard limit would be passed
	CodeQuota       Code = "quota"       // a quota of the site's policy would be passed
	CodeRefused     Code = "refused"     // a direct request was answered NO
	CodeLimit       Code = "limit"       // too much of something at once
	CodeTooLarge    Code = "too-large"   // more than is taken at all
	CodeGone        Code = "gone"        // it was there, and is no more
	CodeUnavailable Code = "unavailable" // not now; try again
)

// Problem is an error that a client may see: what is wrong, where, and what to
// do. Any other error is an internal one, for the log.
type Problem struct {
	Code   Code
	Detail string
	Field  string // the path of the offending field, if there is one

	Session    *ivoa.Session  // as it stands, where an update of it conflicts
	Offers     *ivoa.OfferSet // the NO, where a direct request is refused
	RetryAfter time.Duration  // when to try again; 0: not said
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Field != "" {
		return fmt.Sprintf("%s: %s: %s", p.Code, p.Field, p.Detail)
	}
	return fmt.Sprintf("%s: %s", p.Code, p.Detail)
}

func problem(code Code, format string, values ...any) *Problem {
	return &Problem{Code: code, Detail: fmt.Sprintf(format, values...)}
}

func notFound(what string, id fmt.Stringer) *Problem {
	return problem(CodeNotFound, "there is no %s %s here, or it isn't yours", what, id)
}

// unavailable wraps why nothing can be written.
func unavailable(err error) *Problem {
	return &Problem{
		Code:       CodeUnavailable,
		Detail:     fmt.Sprintf("this node can't make new promises now: %v. What was accepted is safe. Try again, or ask the site's operator to look at the disk of its data directory", err),
		RetryAfter: 5 * time.Second,
	}
}
