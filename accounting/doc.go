// Package accounting keeps the federation's record: what ran (history) and who
// pays for it (the ledger).
//
// It is a deterministic state machine. Everything that happens reaches it as a
// [Command], and [Apply] turns one into reads and writes of an ordered
// transaction ([Tx]) that somebody else provides: a map in tests, bbolt in the
// log. Apply reads no clock, no configuration and nothing random; times,
// amounts and identifiers come in the command. Two nodes that apply the same
// commands in the same order hold the same bytes.
//
// The story of one session, command by command:
//
//	PlaceHold        the offer was accepted: its estimate is held
//	OpenAttempt      an executor was given the session: a history entry opens
//	RecordUpdates    it reports actions, exposures, files, log lines
//	StallAttempt     … or it falls silent
//	CompleteAttempt  the outcome, what was used and what is charged, at once
//	VoidHold         or nothing ran, and the hold is given back
//	AddNote          a report that came too late is kept as a note
//	Correct, Credit  an operator puts right what it says, or gives something back
//
// and of the owners who pay:
//
//	EnrolOwner       a proposal is given its place in the tree
//	Allocate         what it may be charged is granted, raised or lowered
//	GrantAllowance   a node may spend a part of a hard limit without asking
//	ReturnAllowance  … and gives back what it doesn't need
//
// and of the federation itself:
//
//	RevokeCertificate  a node's certificate is good for nothing any more
//
// and of what was decided on anybody's behalf, by which rule:
//
//	RecordAudit      somebody did something, or was refused: the audit trail
//
// Every command may arrive twice: the second time it changes nothing and says
// so. A command that contradicts what is recorded is refused with a [Refusal]
// and changes nothing either.
//
// The ledger is double entry in integers (see [Amount] and [Total]): what an
// owner used, the node provided; what an owner is charged, the node earns. The
// sum over all accounts is zero in each unit at any time, and [Audit] proves
// it of any state.
//
// Questions ([History], [Histories], [Accounts], [Entries], [Budgets],
// [Allocations], [MakeStatement], [AuditTrail])
// take the [Caller] who asks, and answer only what that caller may see.
//
// What things cost is decided by a [CostModel]: [Tariff] is the simple one,
// package costs has those that operators write. It is evaluated by the node that owns the session, never by Apply.
package accounting
