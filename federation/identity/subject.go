package identity

import "time"

// Subject is what an issuer says of somebody. What that means at this node its
// configuration decides, which makes a Caller of it: an operator of one site is
// nobody in particular at another, so that Subjects travel between nodes, and
// Callers never do.
type Subject struct {
	Issuer       string    // who says it: the issuer's URL, or a development issuer's name
	Name         string    // whom it says it of, unique at that issuer ("sub")
	Groups       []string  // groups and entitlements, as the token has them
	Capabilities []string  // the words of its scope
	Expires      time.Time // until when it says so
	// Claims are what the token asks for by itself; only development issuers are
	// believed.
	Claims Claims
}

// Claims are roles and a proposal that somebody claims to have.
type Claims struct {
	Roles    []Role
	Proposal string
}
