package chronicle

import (
	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// An Explanation is what became of a session, and why.
type Explanation struct {
	Session string            `json:"session"`
	Name    string            `json:"name,omitempty"`
	Node    identity.NodeName `json:"node"` // whose session it is
	Phase   string            `json:"phase"`
	// Summary is how long it waited in all, and for what most.
	Summary string `json:"summary"`
	// WaitedSeconds are those from its acceptance, or the end of an attempt that came to
	// nothing, until an executor had it.
	WaitedSeconds float64   `json:"waitedSeconds"`
	Chapters      []Chapter `json:"chapters"`
	// Asked and Accepted are the traces of the requests by which it was made, and accepted.
	Asked    identity.Trace `json:"asked,omitempty"`
	Accepted identity.Trace `json:"accepted,omitempty"`
	// Unknown says what isn't on record here.
	Unknown []ivoa.Message `json:"unknown,omitempty"`
}

// A Chapter is a time in which a session was in one phase.
type Chapter struct {
	// Phase is the session's, or DESPATCHED from when an executor had it until it first
	// reported what it did.
	Phase   string             `json:"phase"`
	From    accounting.Instant `json:"from"`
	Until   accounting.Instant `json:"until,omitzero"` // zero: it goes on, or is the end
	Seconds float64            `json:"seconds,omitzero"`
	Attempt int                `json:"attempt,omitzero"`
	Reasons []ivoa.Message     `json:"reasons,omitempty"`
}

// The phases that only chapters have, beside those of sessions.
const (
	phaseOffered    = string(ivoa.SessionOffered)
	phaseWaiting    = string(ivoa.SessionWaiting)
	phaseDespatched = "DESPATCHED"
	phasePreparing  = string(ivoa.SessionPreparing)
	phaseRunning    = string(ivoa.SessionRunning)
	phaseReleasing  = string(ivoa.SessionReleasing)
)

// Material is what an explanation is made of.
type Material struct {
	Now  store.Millis
	ID   identity.UUID
	Node identity.NodeName // whose session it is
	// Session is nil where this node hasn't it, or no longer. Set is that which offered it.
	Session *store.Session
	Set     *store.OfferSet
	// Attempts are those on record, the oldest first, with what was reported of them.
	Attempts []accounting.HistoryEntry
	Outages  []store.Outage
	// Present is how a session that waits stands now; nil: it doesn't wait, or nobody knows.
	Present *Present
}

// Present is for whom a session waits, of all executors that might run it.
type Present struct {
	Able   int  // could run it and are there
	Away   int  // could run it and haven't been heard of for a while
	Unable int  // never can
	Closed bool // they don't work now
}

// The kinds of reasons.
const (
	kindWait    = "urn:starling:message:wait"    // why it began no earlier
	kindEvent   = "urn:starling:message:event"   // what happened
	kindData    = "urn:starling:message:staging" // how long data took
	kindAccount = "urn:starling:message:account" // what it held and was charged
	kindUnknown = "urn:starling:message:unknown" // what isn't on record
)
