// Package policy decides what a site runs, and for whom.
//
// A [Policy] is made of a site's configuration: whom it serves, which images it
// runs, rules in CEL (package expression says what that may be), and quotas. It
// never changes, reads no clock and does no I/O. What it decides is a [Decision],
// which says by which rule, and how it came to that, rule by rule.
//
// It decides twice. [Policy.Decide] judges a request before anybody looks for
// room: who asks, what is to run, on how much. Rules that mention offer wait for
// [Decision.Offer], which judges an offer: when it starts, what it costs. Where
// such a rule could allow what a later one denies, all that follows it waits too,
// so that the order in which rules stand is the order in which they count.
//
// Rules judge an image. A request that names several locations for its image is
// judged with each of them, and must be allowed with all: which one is pulled is
// for the executor to find out.
//
// A [Tally] counts what is open and booked for everybody by whom quotas count. It
// follows from the sessions that there are, so that a restart changes nothing.
//
// What can't be judged is denied: a rule that fails, a name of an image that can't
// be read, an executable of an unknown kind where images matter.
package policy
