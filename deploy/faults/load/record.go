package load

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Kind is what an operation was.
type Kind string

// The kinds of operations.
const (
	Ask       Kind = "ask"       // for offers
	Direct    Kind = "direct"    // asked, and the best taken at once
	Accept    Kind = "accept"    // an offer
	Reject    Kind = "reject"    // one
	Cancel    Kind = "cancel"    // a session
	Read      Kind = "read"      // a session
	ReadSet   Kind = "read-set"  // an offer set
	List      Kind = "list"      // sessions
	History   Kind = "history"   // of a session
	Accounts  Kind = "accounts"  // of a user
	Budgets   Kind = "budgets"   // of a user
	Nodes     Kind = "nodes"     // of the federation
	Pry       Kind = "pry"       // into what is somebody else's
	Allocate  Kind = "allocate"  // the strong write
	Allocated Kind = "allocated" // the strong read of what was allocated
	Told      Kind = "told"      // the strong read of a session's history
	Report    Kind = "report"    // of an executor
	Complete  Kind = "complete"  // an attempt
	Again     Kind = "again"     // the same completion for a second time
	Otherwise Kind = "otherwise" // another completion of what is complete
	Send      Kind = "send"      // a file
)

// Outcome is what came of an operation.
type Outcome string

// The outcomes. What was refused has certainly not been done.
const (
	Acknowledged Outcome = "acknowledged"
	Refused      Outcome = "refused"
	Unknown      Outcome = "unknown"
)

// Op is one operation: one request, repeated at one site after the other until one
// answered. Times are since Record.Began.
type Op struct {
	Kind    Kind
	Who     string
	Object  string   // the session, offer set, purse or attempt that it is of
	Key     string   // the Idempotency-Key
	Sites   []string // those that were asked; the last is the one that answered
	Call    time.Duration
	Return  time.Duration // of what is unknown: when it was given up
	Outcome Outcome
	Status  int
	Phase   string   // that the session was in, by the answer
	Seen    []string // by a strong read: the amount, or each attempt with its phase
	Answer  []byte   // of what was refused, and of a NO: the document
	Error   string   // of what is unknown
}

// Site is who answered.
func (o *Op) Site() string {
	if len(o.Sites) == 0 {
		return ""
	}
	return o.Sites[len(o.Sites)-1]
}

// Offer is one that somebody was made.
type Offer struct {
	Session, Set, Site, Who string
	Told                    time.Duration // when
	Lapses                  time.Duration // how long after Told it is surely over
}

// File is one that an executor has sent whole, and was told so.
type File struct {
	Name, SHA256 string
	Bytes        int64
}

// Attempt is one despatch, as its executor knows it.
type Attempt struct {
	Ref, Session, Who    string
	Site                 string // its node
	Executor, ExecutorID string
	Number               int
	Cores                int64
	Polled, Despatched   time.Duration // when it asked, and was answered
	Stopped              time.Duration // when it was told to stop; 0: never
	Ended                time.Duration // when it stopped working; 0: it still works
	Completed            time.Duration // when its completion was acknowledged; 0: it wasn't
	Outcome              string
	Lost                 bool // it was told that the attempt is somebody else's
	Files                []File
}

// Record is all that was done and told.
type Record struct {
	Seed  uint64
	Began time.Time
	// Length is how long the load lasted, and Rested when its users went home.
	Length, Rested time.Duration
	Ops            []*Op
	Offers         map[string]*Offer // by session
	Attempts       []*Attempt
	Executors      map[string]int64  // their cores, by UUID
	Purses         map[string]int    // what treasurers have surely allocated, at least, by purse
	Limits         map[string]string // hard limits of users, in the sites' money
	People         map[string]Person // by name
	Shed           int               // trips that were not made, since too many were on their way
	Figures        Figures           // of the whole time
}

// Accepted are the sessions of which somebody was told that they are accepted, and
// who that was.
func (r *Record) Accepted() map[string]string {
	accepted := map[string]string{}
	for _, o := range r.Ops {
		if (o.Kind == Accept || o.Kind == Direct) && o.Outcome == Acknowledged && o.Object != "" {
			accepted[o.Object] = o.Who
		}
	}
	return accepted
}

// journal is a record that is being written.
type journal struct {
	began  time.Time
	forget bool

	mu     sync.Mutex
	record Record
	tally  tally
}

func newJournal(o *Options) *journal {
	now := time.Now()
	return &journal{began: now, forget: o.Forget, tally: newTally(), record: Record{
		Seed: o.Seed, Began: now, Offers: map[string]*Offer{}, Executors: map[string]int64{},
		Purses: map[string]int{}, Limits: map[string]string{}, People: map[string]Person{},
	}}
}

// now is the time since the load began, by the monotonic clock.
func (j *journal) now() time.Duration { return time.Since(j.began) }

// wrote adds an operation that is over.
func (j *journal) wrote(o *Op) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tally.add(o)
	if !j.forget {
		j.record.Ops = append(j.record.Ops, o)
	}
}

// note changes the record.
func (j *journal) note(change func(r *Record)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.record)
}

// copy is the record until now, which changes no more.
func (j *journal) copy() *Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record
	r.Length = j.now()
	r.Ops = slices.Clone(r.Ops)
	r.Offers, r.Executors, r.Purses = maps.Clone(r.Offers), maps.Clone(r.Executors), maps.Clone(r.Purses)
	r.Limits, r.People = maps.Clone(r.Limits), maps.Clone(r.People)
	r.Attempts = make([]*Attempt, len(j.record.Attempts))
	for i, a := range j.record.Attempts {
		clone := *a
		r.Attempts[i] = &clone
	}
	r.Figures = j.tally.figures(0, r.Length)
	return &r
}
