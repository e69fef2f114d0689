package node

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node/store"
)

// The audit trail says who did what at this node, and who was refused. What was
// allowed goes on record in the write that does it, so that neither is there without
// the other. What changes nothing by itself (a refusal, a look at what is another's)
// is gathered: whoever does the same again and again within a minute is one record
// with a count, and can't fill the log.

// Action is what somebody wanted to do, in one word.
type Action string

// The actions that are recorded. Asking and reading one's own isn't.
const (
	ActionAccept   Action = "accept"
	ActionDirect   Action = "direct" // asked and accepted in one
	ActionReject   Action = "reject" // another's offer
	ActionCancel   Action = "cancel"
	ActionRead     Action = "read"    // another's session, offers or history
	ActionOpen     Action = "open"    // another's files or output
	ActionConnect  Action = "connect" // to what runs in another's session
	ActionLink     Action = "link"    // a browser was let in by a one-time link
	ActionAsk      Action = "ask"
	ActionList     Action = "list"
	ActionRegister Action = "register" // an executor
	ActionDrive    Action = "drive"    // take an executor's work, or report on it
	ActionAllocate Action = "allocate"
	ActionEnrol    Action = "enrol"
	ActionCorrect  Action = "correct"
	ActionCredit   Action = "credit"
	ActionLeave    Action = "leave"
	ActionExpel    Action = "expel"
	ActionRevoke   Action = "revoke"
	ActionReadAll  Action = "read-all" // what only those may read who see everything
)

// ruleOwner is the rule that something is for whose it is. Where a role decides, that is
// the rule; those of the site's policy have names of theirs.
const ruleOwner = "owner"

// A deed is what a caller did or wanted to do.
type deed struct {
	caller identity.Caller
	action Action
	object string // "session:UUID"
	rule   string // what decided it
	reason string // what the caller was told
	// concealed: that is that there is no such thing.
	concealed bool
}

// object names something for the record.
func object(kind string, id interface{ String() string }) string { return kind + ":" + id.String() }

// audited is a deed as the record keeps it.
func (b *Broker) audited(d deed, decision accounting.Verdict, now store.Millis) accounting.AuditRecord {
	r := accounting.AuditRecord{
		ID: accounting.AuditID(b.mint.New(now).String()), Time: accounting.Instant(now), Node: accounting.NodeName(b.options.Name),
		User: accounting.OwnerID(plain(d.caller.User, 256)), Issuer: plain(d.caller.Subject.Issuer, 256),
		Action: string(d.action), Object: plain(d.object, 256), Decision: decision, Rule: plain(d.rule, 256),
		Reason: plain(d.reason, accounting.MaxAuditReason), Concealed: d.concealed,
		Trace: accounting.Trace(d.caller.Trace),
	}
	for _, n := range d.caller.Via[:min(len(d.caller.Via), 16)] {
		r.Via = append(r.Via, accounting.NodeName(n))
	}
	for _, role := range d.caller.Roles[:min(len(d.caller.Roles), 16)] {
		r.Roles = append(r.Roles, plain(string(role), 256))
	}
	return r
}

// allowed is the command that goes with the write of what a caller may do.
func (b *Broker) allowed(d deed) accounting.Command {
	return accounting.RecordAudit{Records: []accounting.AuditRecord{b.audited(d, accounting.Allowed, b.now())}}
}

// refuse notes that a caller may not do something, and returns why. Strangers are not
// noted: they could fill the record.
func (b *Broker) refuse(d deed, p *Problem) error {
	d.reason, d.concealed = p.Detail, p.Code == CodeNotFound
	b.note(d, accounting.Denied)
	return p
}

// note gathers what changes nothing. The node's own executors are not noted.
func (b *Broker) note(d deed, decision accounting.Verdict) {
	if d.caller.User == "" || d.caller.Has(identity.RoleBuiltIn) {
		return
	}
	kind, _, _ := strings.Cut(d.object, ":")
	key := noteKey{user: d.caller.User, issuer: d.caller.Subject.Issuer, action: d.action, kind: kind, rule: d.rule, decision: decision}
	now := b.now()
	if !b.notes.add(key, now, func() accounting.AuditRecord { return b.audited(d, decision, now) }) {
		b.metrics.unnoted.Inc()
	}
}

// plain is text without what doesn't print, cut to some bytes.
func plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// runTrail writes what is gathered, until ctx ends.
func (b *Broker) runTrail(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			b.writeNotes(true)
			return
		case <-b.notes.wake:
		case <-timer.C:
		}
		timer.Reset(b.writeNotes(false))
	}
}

// writeNotes writes what is to be written now, or all there is, and returns when to
// look again. What can't be written is tried again.
func (b *Broker) writeNotes(all bool) time.Duration {
	const again = 5 * time.Second
	now := b.now()
	records, next := b.notes.due(now, all)
	for chunk := range slices.Chunk(records, accounting.MaxAuditRecords) {
		b.mu.Lock()
		ticket := b.submit(write{commands: []accounting.Command{accounting.RecordAudit{Records: chunk}}})
		b.mu.Unlock()
		if err := ticket.Wait(); err != nil {
			b.log.Warn("what was refused or looked at can't be recorded yet", "error", err)
			return again
		}
	}
	b.notes.settle(records, now)
	return max(next, time.Millisecond)
}
