package api

import (
	"context"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node"
)

// Audit answers with one record of everything that there can be in one.
func (f *fake) Audit(_ context.Context, caller identity.Caller, how *node.Look, filter accounting.AuditFilter, cursor accounting.Cursor, limit int) ([]accounting.AuditEntry, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.audited, f.cursor, f.limit = filter, string(cursor), limit
	at := accounting.At(noonUTC)
	return []accounting.AuditEntry{{AuditRecord: accounting.AuditRecord{
		ID: "019a0000-0000-8000-8000-00000000000a", Time: at, Node: "kth", Via: []accounting.NodeName{"jpsrc"}, User: "mallory",
		Issuer: "https://iam.example", Roles: []string{"user"}, Action: "cancel", Object: "session:" + sessionID.String(),
		Decision: accounting.Denied, Rule: "owner", Reason: "it isn't yours", Concealed: true, Count: 2, Until: at + 1,
	}, Pending: true}}, accounting.Cursor(f.next), f.enter(caller)
}

// Permit permits what a broker would.
func (f *fake) Permit(_ context.Context, caller identity.Caller, action node.Action, object string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.permitted = append(f.permitted, string(action)+" "+object); caller.Has(identity.RoleOperator) || action == node.ActionReadAll && caller.SeesAll() {
		return nil
	}
	return &node.Problem{Code: node.CodeForbidden, Detail: "only operators change who is in the federation"}
}
