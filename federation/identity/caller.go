package identity

import "slices"

// Role is what a caller may do beyond reading and changing its own things.
type Role string

// The roles. A token carries them, configuration maps groups to them.
const (
	RoleUser     Role = "user"     // asks, accepts, reads its own sessions
	RoleExecutor Role = "executor" // pulls work and reports on it
	RoleOperator Role = "operator" // sees and cancels everything of the site
	RoleAuditor  Role = "auditor"  // reads everything, changes nothing
	// RoleAccountant allocates, corrects and refunds, and reads everything.
	RoleAccountant Role = "accountant"
	// RoleBuiltIn marks an executor that runs inside the node and shares the
	// pool of the node's own capacity. No token carries it.
	RoleBuiltIn Role = "built-in"
)

// Caller is on whose behalf something is done. Handlers make one from the
// request's token; every call into the broker takes one, and the broker checks
// ownership against it before it reads or writes anything (promise 8).
type Caller struct {
	User     string   // subject, unique in the federation
	Groups   []string // as the issuer says
	Roles    []Role
	Proposal string // the proposal that pays; empty: the user's personal account
	// Proposals are those that the caller may choose to pay, Proposal among them.
	Proposals []string
	// Subject is what the caller was made of, for a node that asks another one on
	// the caller's behalf; zero for callers of the node's own.
	Subject Subject
	// Token is what the caller has shown, to be exchanged for others; zero where
	// another node asks on the caller's behalf.
	Token Secret
	// Via are the nodes that the request has come through, the first one first.
	Via []NodeName
	// Trace is that of the request, for those who look into it later, and Span the part
	// of it that this node records; "" where it records none.
	Trace Trace
	Span  Span
}

// Has reports whether the caller has the role.
func (c Caller) Has(role Role) bool { return slices.Contains(c.Roles, role) }

// MayRead reports whether the caller may see what the user owns.
func (c Caller) MayRead(owner string) bool {
	return c.User != "" && c.User == owner || c.SeesAll()
}

// MayChange reports whether the caller may change what the user owns.
func (c Caller) MayChange(owner string) bool {
	return c.User != "" && c.User == owner || c.Has(RoleOperator)
}

// SeesAll reports whether lists show the caller everybody's things.
func (c Caller) SeesAll() bool {
	return c.Has(RoleOperator) || c.Has(RoleAuditor) || c.Has(RoleAccountant)
}
