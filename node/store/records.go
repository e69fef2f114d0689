package store

import (
	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/scheduling"
)

// Millis is a time in milliseconds since 1970, UTC; zero means not yet.
type Millis = int64

// OfferSet is what was asked and the answer to it. Its offers are sessions.
type OfferSet struct {
	ID       identity.UUID   `json:"id"`
	User     string          `json:"user"`
	Created  Millis          `json:"created"`
	Expires  Millis          `json:"expires,omitzero"`
	Offers   []identity.UUID `json:"offers,omitempty"` // best first; none: the answer was NO
	Messages []ivoa.Message  `json:"messages,omitempty"`
	// Request is what was asked, as JSON of package ivoa, with every reference
	// by name made good.
	Request []byte `json:"request,omitempty"`
	// For is whose question this answers, where another node has put it.
	For For `json:"for,omitzero"`
	// Elsewhere are the offers that other nodes have made, best first.
	Elsewhere []Foreign `json:"elsewhere,omitempty"`
}

// Yes reports whether there are offers.
func (s *OfferSet) Yes() bool { return len(s.Offers)+len(s.Elsewhere) > 0 }

// For is the offer set of another node that an offer set is part of.
type For struct {
	Node identity.NodeName `json:"node"`
	Set  identity.UUID     `json:"set"`
}

// Foreign is an offer of another node.
type Foreign struct {
	ID    identity.UUID     `json:"id"`
	Node  identity.NodeName `json:"node"`
	Set   identity.UUID     `json:"set"`   // the node's own, of which the offer is
	Place int               `json:"place"` // among all offers of the answer, from 0
	// Expires is when it does, by its node's clock.
	Expires Millis `json:"expires"`
	// Offer is what was offered, as JSON of package ivoa, without what the request
	// says by itself.
	Offer []byte `json:"offer,omitempty"`
	// Messages are what this node has to say of it.
	Messages []ivoa.Message `json:"messages,omitempty"`
}

// Tiding is what another node is to be told, until it has heard it.
type Tiding struct {
	Node identity.NodeName `json:"node"`
	Set  identity.UUID     `json:"set"`
	// Accepted is the offer of this node's that was accepted, for the other's set; zero:
	// Keep are the other's offers that are still wanted, for this node's.
	Accepted identity.UUID   `json:"accepted,omitzero"`
	Keep     []identity.UUID `json:"keep,omitempty"`
	Until    Millis          `json:"until"` // when it doesn't matter any more
	// Trace is that of the request by which it came to be so, and Span the part of it
	// that this node has recorded, if any.
	Trace identity.Trace `json:"trace,omitzero"`
	Span  identity.Span  `json:"span,omitzero"`
}

// Session is one execution: an offer, and what became of it.
type Session struct {
	ID       identity.UUID     `json:"id"`
	OfferSet identity.UUID     `json:"offerSet"`
	Owners   accounting.Owners `json:"owners"`
	Name     string            `json:"name,omitzero"`
	Kind     string            `json:"kind"`              // of the executable
	Data     []string          `json:"data,omitempty"`    // kinds of data to be staged
	Schemes  []string          `json:"schemes,omitempty"` // URL schemes to stage them from
	// Groups are those of the user's by which quotas count.
	Groups []string          `json:"groups,omitempty"`
	Phase  ivoa.SessionPhase `json:"phase"`
	// Asked and Accepted are the traces of the requests that made the session, and
	// that accepted it; Span is the part of the latter that this node has recorded.
	Asked    identity.Trace `json:"asked,omitzero"`
	Accepted identity.Trace `json:"accepted,omitzero"`
	Span     identity.Span  `json:"span,omitzero"`
	Created  Millis         `json:"created"`
	Modified Millis         `json:"modified"`
	Expires  Millis         `json:"expires,omitzero"` // of the offer

	Plan       Plan            `json:"plan"`
	Times      Times           `json:"times,omitzero"`
	Stages     int             `json:"stages,omitzero"`   // how many data are to be staged
	Staging    []Staging       `json:"staging,omitempty"` // of each, in their order
	Actions    int             `json:"actions,omitzero"`  // how many actions the user wrote; 0: there is one, run
	Costs      []Amount        `json:"costs,omitempty"`
	Metrics    []Amount        `json:"metrics,omitempty"`
	Components []identity.UUID `json:"components"` // in the order of package node's walk

	// Period is the one that an accepted session is charged in.
	Period accounting.Period `json:"period,omitzero"`
	// Storage are the session's storage resources, in their order; Pinned is the
	// executor that has those of an earlier session, zero where there are none.
	Storage []Storage     `json:"storage,omitempty"`
	Pinned  identity.UUID `json:"pinned,omitzero"`

	AcceptKey string         `json:"acceptKey,omitzero"` // the Idempotency-Key it was accepted with
	Messages  []ivoa.Message `json:"messages,omitempty"`
	Trail     []Step         `json:"trail,omitempty"`
	Waited    []Wait         `json:"waited,omitempty"` // why it began no earlier; see Waits

	Attempt   Attempt  `json:"attempt,omitzero"`
	Fence     uint64   `json:"fence,omitzero"`     // of the newest attempt; never falls
	Tries     int      `json:"tries,omitzero"`     // attempts that count against sessions.attempts
	Unheard   int      `json:"unheard,omitzero"`   // despatches that nobody heard of
	NotBefore Millis   `json:"notBefore,omitzero"` // a veto: no despatch before it
	Progress  *float64 `json:"progress,omitempty"`
	ExitCode  *int     `json:"exitCode,omitempty"`
	// Connectors are the ways into the attempt, or into the last one.
	Connectors []Connector `json:"connectors,omitempty"`
	// Grants let browsers use connectors; they outlive an attempt.
	Grants []Grant `json:"grants,omitempty"`
}

// Grant lets whoever knows a secret use one connector of the session.
type Grant struct {
	Hash      string `json:"hash"` // SHA-256 of the secret, hexadecimal
	Connector string `json:"connector"`
	User      string `json:"user"` // for whom it was made
	Made      Millis `json:"made"`
}

// Connector is a way into what runs in a session, as its executor reported it.
type Connector struct {
	despatch.Connector
	Opened Millis `json:"opened"`
	Closed Millis `json:"closed,omitzero"` // by the executor, before the attempt's end
}

// Plan is where and when a session runs. While it is OFFERED the slot is held;
// afterwards it is booked.
type Plan struct {
	Pool      identity.UUID `json:"pool,omitzero"` // zero: the node's own capacity
	Simulated bool          `json:"simulated,omitzero"`
	Cores     int64         `json:"cores,omitzero"`
	Memory    int64         `json:"memory,omitzero"`  // GiB
	Storage   int64         `json:"storage,omitzero"` // GiB
	GPUs      int64         `json:"gpus,omitzero"`
	// Start and End bound the slot: preparation, the run and release.
	Start Millis `json:"start"`
	End   Millis `json:"end"`
	// Latest is the last instant at which preparation may begin: an offer can
	// be taken up at any time before it expires.
	Latest Millis `json:"latest"`
	// Earliest is how far the plan may be moved forward when others end early.
	Earliest Millis `json:"earliest,omitzero"`
	// NotAfter is the last instant at which the user lets preparation begin;
	// zero: any.
	NotAfter  Millis `json:"notAfter,omitzero"`
	Preparing Millis `json:"preparing,omitzero"` // spans, milliseconds
	Duration  Millis `json:"duration"`
	Releasing Millis `json:"releasing,omitzero"`
	Bytes     int64  `json:"bytes,omitzero"` // to be staged, as far as is known
	// Label says what is good about the offer: earliest, larger, …
	Label string `json:"label,omitzero"`
}

// Storage is a storage resource of a session.
type Storage struct {
	ID   identity.UUID `json:"id"`
	Name string        `json:"name,omitzero"`
	Size int64         `json:"size"` // GiB
	// Keep is how long after the session's end it is kept, KeepUntil until when
	// at least. Neither: as the executor keeps outputs.
	Keep      Millis `json:"keep,omitzero"`
	KeepUntil Millis `json:"keepUntil,omitzero"`
	// Existing says that an earlier session has left it.
	Existing bool `json:"existing,omitzero"`
	// Until is when it is released, once the session has ended and left it.
	Until Millis `json:"until,omitzero"`
	// Released says that it has been, by the time it is looked at.
	Released bool `json:"-"`
}

// Lasts returns until when the storage is kept of a session that ends at a time;
// zero: it isn't kept.
func (s Storage) Lasts(end Millis) Millis {
	if s.Keep == 0 && s.KeepUntil == 0 {
		return 0
	}
	return max(end+s.Keep, s.KeepUntil)
}

// Kept is storage that outlives its session.
type Kept struct {
	Storage
	User     string        `json:"user"`
	Session  identity.UUID `json:"session"`  // that had it last
	Executor identity.UUID `json:"executor"` // that has it
}

// Times is when and how often a session is executed, as its request's timing
// says.
type Times struct {
	Timing scheduling.Timing `json:"timing,omitzero"` // without a kind: once, within the plan's bounds
	// Window is that in which the execution under way has begun, or the next is
	// to begin.
	Window scheduling.StartInterval `json:"window,omitzero"`
	Done   scheduling.Executed      `json:"done,omitzero"`
	// Failed counts the executions that did not complete, Missed the windows in
	// which none began.
	Failed     int  `json:"failed,omitzero"`
	Missed     int  `json:"missed,omitzero"`
	LastFailed bool `json:"lastFailed,omitzero"`
	// Hold is that of the execution; zero: the session's own, as for the first.
	// Unpaid says that the next execution has none yet.
	Hold   identity.UUID `json:"hold,omitzero"`
	Unpaid bool          `json:"unpaid,omitzero"`
}

// Outcome says how the last execution ended.
func (t Times) Outcome() string {
	if t.LastFailed {
		return "failed"
	}
	return "completed"
}

// Staging is from where a piece of data comes.
type Staging struct {
	// Source is its storage element, or the host of its URL; "": nobody knows.
	Source string `json:"source,omitzero"`
	Host   bool   `json:"host,omitzero"` // it is a host
	Local  bool   `json:"local,omitzero"`
	// Location is its URL, where the request doesn't say so itself.
	Location string `json:"location,omitzero"`
	Bytes    int64  `json:"bytes,omitzero"` // as the request says; 0: it doesn't
}

// Amount is a value of some type of cost or metric.
type Amount struct {
	Type  string  `json:"type"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitzero"`
}

// Step is one event of a session's life: a phase it came to, or a message.
type Step struct {
	Seq     uint64            `json:"seq"`
	At      Millis            `json:"at"`
	Phase   ivoa.SessionPhase `json:"phase,omitzero"`
	Message string            `json:"message,omitzero"`
}

// Attempt is the despatch that a session is under, or was last.
type Attempt struct {
	Ref      identity.UUID `json:"ref,omitzero"`
	Number   int           `json:"number,omitzero"`
	Fence    uint64        `json:"fence,omitzero"`
	Executor identity.UUID `json:"executor,omitzero"`
	Started  Millis        `json:"started,omitzero"`
	Running  Millis        `json:"running,omitzero"` // when the run action began
	Stop     string        `json:"stop,omitzero"`    // the reason of an order to stop
	Ended    bool          `json:"ended,omitzero"`   // nothing of it is running any more
}

// AttemptRef is what is kept of every attempt, to answer late reports.
type AttemptRef struct {
	Session  identity.UUID `json:"session"`
	Executor identity.UUID `json:"executor"`
	// Owner and BuiltIn are the executor's: it may be forgotten by then.
	Owner   string `json:"owner,omitzero"`
	BuiltIn bool   `json:"builtIn,omitzero"`
	Fence   uint64 `json:"fence"`
	// Completion is the digest of the completion that was taken, if any.
	Completion string `json:"completion,omitzero"`
}

// Allowance is the node's own count of what it may spend of a budget with a
// hard limit.
type Allowance struct {
	Budget    accounting.BudgetID `json:"budget"`
	Remaining accounting.Amount   `json:"remaining"`
	Credited  accounting.Amount   `json:"credited"`       // of all that the record has ever granted
	Number    uint64              `json:"number"`         // of the newest command about it
	Asked     bool                `json:"asked,omitzero"` // what was granted to it may not be credited yet
	Used      Millis              `json:"used,omitzero"`
}

// Executor is a registered executor.
type Executor struct {
	ID           identity.UUID         `json:"id"`
	Owner        string                `json:"owner"` // the user whose token registered it
	BuiltIn      bool                  `json:"builtIn,omitzero"`
	Registration despatch.Registration `json:"registration"`
	Seen         Millis                `json:"seen"`
}
