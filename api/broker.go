package api

import (
	"context"
	"io"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/node"
	"starling/node/chronicle"
	"starling/node/cluster"
)

// Broker is all that this package asks of a node. Every call takes the caller
// and checks what is the caller's (promise 8). Errors that a client may see are
// *node.Problem; every other error is an internal one. Values that it returns
// belong to this package, which fills in URLs where the broker has put paths.
type Broker interface {
	Requests
	Sessions
	Outputs
	Connectors
	Executors
	Record
	Ledger
	Operation
}

// Requests answers what can be run, where and when.
type Requests interface {
	Ask(ctx context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, how node.Asking) (*ivoa.OfferSet, error)
	Direct(ctx context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, key string, how node.Asking) (*ivoa.Session, error)
	OfferSet(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.OfferSet, error)
	// CheckPolicy says what the site's policy makes of a request, without asking for
	// offers: zero whom is the caller, zero at is now.
	CheckPolicy(ctx context.Context, caller identity.Caller, whom node.PolicySubject, req *ivoa.ExecutionRequest, notices []ivoa.Notice, at time.Time) (*node.PolicyCheck, error)
}

// Sessions reads and changes sessions.
type Sessions interface {
	Session(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.Session, error)
	Update(ctx context.Context, caller identity.Caller, id identity.UUID, update ivoa.Update, key string) (*ivoa.Session, error)
	// Explanation tells what became of a session, and why.
	Explanation(ctx context.Context, caller identity.Caller, id identity.UUID) (*chronicle.Explanation, error)
	Sessions(ctx context.Context, caller identity.Caller, filter node.SessionFilter, cursor string, limit int) (node.SessionPage, error)
	// Events replays what happened after a sequence number, then follows.
	Events(ctx context.Context, caller identity.Caller, id identity.UUID, after uint64) (<-chan node.Event, error)
}

// Outputs reads what sessions have written.
type Outputs interface {
	Files(ctx context.Context, caller identity.Caller, id identity.UUID) ([]node.File, error)
	OpenFile(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (io.ReadSeekCloser, node.File, error)
	OpenOutput(ctx context.Context, caller identity.Caller, id identity.UUID, role string) (io.ReadSeekCloser, node.File, error)
}

// Connectors says where what runs in sessions can be reached, and lets browsers
// in by links that work once.
type Connectors interface {
	Connect(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (node.Target, error)
	Link(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (secret string, expires time.Time, err error)
	Enter(ctx context.Context, id identity.UUID, name, secret string) (grant string, err error)
	// ConnectGranted is Connect for who shows a grant; CodeForbidden: it is none.
	ConnectGranted(ctx context.Context, grant string, id identity.UUID, name string) (node.Target, error)
}

// Executors is the broker's side of the despatch protocol.
type Executors interface {
	Register(ctx context.Context, caller identity.Caller, r despatch.Registration) (answer despatch.Registered, created bool, err error)
	Executors(ctx context.Context, caller identity.Caller) ([]node.Executor, error)
	// Despatch waits for work; nil with reasons means that there is none.
	Despatch(ctx context.Context, caller identity.Caller, executor identity.UUID, wait time.Duration) (*despatch.Despatch, despatch.Reasons, error)
	Report(ctx context.Context, caller identity.Caller, ref identity.UUID, updates despatch.Updates, wait time.Duration) (despatch.UpdatesAnswer, error)
	// Receive takes a piece of a file; an error of the body comes back as it is.
	Receive(ctx context.Context, caller identity.Caller, ref identity.UUID, fence uint64, piece despatch.Piece, body io.Reader) (despatch.Received, error)
	Complete(ctx context.Context, caller identity.Caller, ref identity.UUID, done despatch.Completion) (node.CompletionAnswer, error)
}

// Record reads the history and the ledger, as the Look says, and fills in what was
// read. The filters' Caller is for the broker to fill in.
type Record interface {
	HistoryEntry(ctx context.Context, caller identity.Caller, how *node.Look, ref identity.UUID) (accounting.HistoryEntry, error)
	// Updates lists what was reported of an attempt, in order.
	Updates(ctx context.Context, caller identity.Caller, how *node.Look, ref identity.UUID, cursor accounting.Cursor, limit int) ([]accounting.Update, accounting.Cursor, error)
	History(ctx context.Context, caller identity.Caller, how *node.Look, filter accounting.HistoryFilter, cursor accounting.Cursor, limit int) ([]accounting.HistoryEntry, accounting.Cursor, error)
	Accounts(ctx context.Context, caller identity.Caller, how *node.Look, filter accounting.AccountFilter, cursor accounting.Cursor, limit int) ([]accounting.Account, accounting.Cursor, error)
	Entries(ctx context.Context, caller identity.Caller, how *node.Look, account accounting.AccountID, cursor accounting.Cursor, limit int) ([]accounting.Entry, accounting.Cursor, error)
	// Audit lists who did what, and who was refused.
	Audit(ctx context.Context, caller identity.Caller, how *node.Look, filter accounting.AuditFilter, cursor accounting.Cursor, limit int) ([]accounting.AuditEntry, accounting.Cursor, error)
	Statement(ctx context.Context, caller identity.Caller, how *node.Look, filter accounting.StatementFilter, cursor accounting.Cursor, limit int) (accounting.Statement, error)
}

// Ledger is where operators and accountants allocate, correct and give back. An
// order with a key may be repeated: the same again changes nothing.
type Ledger interface {
	Budgets(ctx context.Context, caller identity.Caller, how *node.Look, filter accounting.BudgetFilter, cursor accounting.Cursor, limit int) ([]accounting.Budget, accounting.Cursor, error)
	Allocations(ctx context.Context, caller identity.Caller, how *node.Look, owner accounting.Owner, cursor accounting.Cursor, limit int) ([]accounting.Allocate, accounting.Cursor, error)
	Allocate(ctx context.Context, caller identity.Caller, order accounting.Allocate, key string) (node.AllocationAnswer, error)
	Enrol(ctx context.Context, caller identity.Caller, order accounting.EnrolOwner) (accounting.OwnerRecord, error)
	Correct(ctx context.Context, caller identity.Caller, order accounting.Correct, key string) (node.CompletionAnswer, error)
	Credit(ctx context.Context, caller identity.Caller, order accounting.Credit, key string) (node.CompletionAnswer, error)
}

// Operation says how the node is, and who may decide about it.
type Operation interface {
	// Permit says whether a caller may do what only operators may, or read what is for
	// those who see everything, and puts it on record. Objects are "kind:name".
	Permit(ctx context.Context, caller identity.Caller, action node.Action, object string) error
	Ready() []string    // what is wrong, in words; empty: ready
	Warnings() []string // what isn't well, though the node takes work
	LogStatus() consensus.Status
	// Digest is how this node is now, and what it can do and asks for it.
	Digest() (digest.Fast, digest.Slow)
	// Revoke writes to the record that a node's certificate is good for nothing.
	Revoke(ctx context.Context, caller identity.Caller, order accounting.RevokeCertificate) error
	Unfinished() int // sessions that were accepted and have not ended
}

// Federation is the node's place among others.
type Federation interface {
	// Trouble is what keeps this node from being one of them; nil: nothing does.
	Trouble() error
	// Members are all nodes, this one included.
	Members() []cluster.Member
	// Known are those that gossip knows of, with their digests.
	Known() []digest.Known
	// Leave takes this node out of the federation, after which it stops; Expel
	// takes out another that is gone for good. Errors are cluster.ErrRefused,
	// which force overrules where it is for the sake of unfinished sessions,
	// cluster.ErrUnknown, or that nobody can decide it now.
	Leave(ctx context.Context, unfinished int, force bool) error
	Expel(ctx context.Context, node string) error
	// Revocations are the certificates that are good for nothing any more. Revoke
	// adds some of a node, on behalf of a user; record writes each. Errors are as
	// above.
	Revocations() []accounting.RevokeCertificate
	Revoke(ctx context.Context, r cluster.Revocation, by string, record func(context.Context, accounting.RevokeCertificate) error) (cluster.Exclusion, error)
}

var (
	_ Broker     = (*node.Broker)(nil)
	_ Federation = (*cluster.Cluster)(nil)
)
