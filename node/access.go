package node

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"starling/accounting"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node/store"
)

// Here, and nowhere else, it is decided who may do what (promise 8). What a client
// names, by its UUID or by a secret, is looked up here on behalf of the client, and
// is handed on only to who may have it; of what is another's nobody is told even that
// it is there. access_test.go holds every call of the API to this.

// want is what a caller wants of something that has an owner: the word for people,
// and what the audit trail calls it.
type want struct {
	word    string
	action  Action
	changes bool // it is for owners and operators alone
	noted   bool // that those who see everybody's things did it to another's is recorded
}

// What may be wanted. A change is recorded by the write that makes it.
var (
	toRead   = want{word: "read", action: ActionRead}
	toOpen   = want{word: "open", action: ActionOpen, noted: true}
	toUse    = want{word: "use", action: ActionConnect, changes: true, noted: true}
	toAccept = want{word: "accept", action: ActionAccept, changes: true}
	toReject = want{word: "reject", action: ActionReject, changes: true}
	toCancel = want{word: "cancel", action: ActionCancel, changes: true}
)

// may is the rule of ownership: nil, or why a caller may not have what a user owns.
// Refusals are noted, but nobody's word is taken for what isn't there.
func (b *Broker) may(caller identity.Caller, w want, kind string, id identity.UUID, owner string) error {
	d := deed{caller: caller, action: w.action, object: object(kind, id), rule: ruleOwner}
	switch {
	case owner == "" || !caller.MayRead(owner):
		return b.refuse(d, notFound(kind, id))
	case w.changes && !caller.MayChange(owner):
		return b.refuse(d, problem(CodeForbidden, "you may read %s %s, but not %s it", kind, id, w.word))
	}
	if d.rule = ruleOf(caller, owner, w.changes); w.noted && d.rule != ruleOwner {
		b.note(d, accounting.Allowed)
	}
	return nil
}

// ruleOf says by which rule a caller may have what a user owns: it is hers, or she has
// a role.
func ruleOf(caller identity.Caller, owner string, changes bool) string {
	switch {
	case caller.User != "" && caller.User == owner:
		return ruleOwner
	case changes || caller.Has(identity.RoleOperator):
		return ruleOfRole(identity.RoleOperator)
	case caller.Has(identity.RoleAuditor):
		return ruleOfRole(identity.RoleAuditor)
	}
	return ruleOfRole(identity.RoleAccountant)
}

// ruleOfRole is what the audit trail says where a role decides.
func ruleOfRole(role identity.Role) string { return "role " + string(role) }

// stored reads a session on behalf of a caller, as it is on the disk.
func (b *Broker) stored(caller identity.Caller, w want, id identity.UUID) (*store.Session, error) {
	s, err := b.sessionOf(id)
	if err != nil {
		return nil, err
	}
	return b.mine(caller, w, s)
}

// decided finds a session on behalf of a caller: the live one as it was decided, or
// else what is stored, which may be behind the decision that ended it; b.mu is held.
func (b *Broker) decided(caller identity.Caller, w want, id identity.UUID) (s *store.Session, err error) {
	if s = b.state.live[id]; s == nil {
		if s, err = b.sessionOf(id); err != nil {
			return nil, err
		}
	}
	return b.mine(caller, w, s)
}

// mine hands a session on to a caller who may have it.
func (b *Broker) mine(caller identity.Caller, w want, s *store.Session) (*store.Session, error) {
	if err := b.may(caller, w, "session", s.ID, string(s.Owners.User.ID)); err != nil {
		return nil, err
	}
	return s, nil
}

// sessionOf reads a session on nobody's behalf.
func (b *Broker) sessionOf(id identity.UUID) (s *store.Session, err error) {
	err = b.store.View(func(tx *store.Tx) (err error) {
		s, err = tx.Session(id)
		return err
	})
	if err == nil && s == nil {
		return nil, notFound("session", id)
	}
	return s, err
}

// offerSet reads an offer set on behalf of a caller, with its offers that are kept.
func (b *Broker) offerSet(caller identity.Caller, id identity.UUID) (set *store.OfferSet, sessions []*store.Session, err error) {
	err = b.store.View(func(tx *store.Tx) (err error) {
		if set, err = tx.OfferSet(id); err != nil || set == nil {
			return err
		}
		for _, offer := range set.Offers {
			s, err := tx.Session(offer)
			if err != nil {
				return err
			}
			if s != nil {
				sessions = append(sessions, s)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, err
	case set == nil:
		return nil, nil, notFound("offer set", id)
	}
	if err := b.may(caller, toRead, "offer set", set.ID, set.User); err != nil {
		return nil, nil, err
	}
	return set, sessions, nil
}

// madeFor finds the open offer set that this node made for another one's, of which
// that tells what it still wants; nil: there is none. b.mu is held.
func (b *Broker) madeFor(peer identity.NodeName, t fanout.Tiding) *store.OfferSet {
	set := b.state.sets[b.state.made[t.Set]]
	if set == nil || !t.Accepted.IsZero() || set.For.Node != peer || set.For.Set != t.Set {
		return nil
	}
	return set
}

// acceptedBy finds the offer set of this node's of which another one says that its
// offer was accepted; nil: it has none there.
func (b *Broker) acceptedBy(peer identity.NodeName, t fanout.Tiding) (set *store.OfferSet, err error) {
	if err := b.store.View(func(tx *store.Tx) (err error) {
		set, err = tx.OfferSet(t.Set)
		return err
	}); err != nil || set == nil {
		return nil, err
	}
	if !slices.ContainsFunc(set.Elsewhere, func(f store.Foreign) bool { return f.ID == t.Accepted && f.Node == peer }) {
		return nil, nil
	}
	return set, nil
}

// keptFor finds storage that outlived a session of the caller's; nil: there is none.
// b.mu is held.
func (b *Broker) keptFor(caller identity.Caller, id identity.UUID) *store.Kept {
	if k := b.state.kept[id]; k != nil && caller.User != "" && k.User == caller.User {
		return k
	}
	return nil
}

// executorFor finds an executor for the program that registered it; b.mu is held.
func (b *Broker) executorFor(caller identity.Caller, id identity.UUID) (*executor, error) {
	e := b.state.executors[id]
	if e == nil {
		return nil, notFound("executor", id)
	}
	if err := b.mayDrive(caller, "executor", id, e.Owner, e.BuiltIn); err != nil {
		return nil, err
	}
	return e, nil
}

// attemptFor finds an attempt in progress for the executor that has it; b.mu is
// held. The fence is checked before anything else is read.
func (b *Broker) attemptFor(caller identity.Caller, ref identity.UUID, fence uint64) (*attempt, error) {
	a := b.state.attempts[ref]
	if a == nil {
		return nil, errEnded
	}
	e := b.state.executors[a.executor]
	if e == nil {
		return nil, notFound("attempt", ref)
	}
	if err := b.mayDrive(caller, "attempt", ref, e.Owner, e.BuiltIn); err != nil {
		return nil, err
	}
	if fence != a.fence {
		return nil, problem(CodeConflict, "the fence is %d, not %d: this attempt is another executor's", a.fence, fence)
	}
	e.Seen = b.now()
	return a, nil
}

// attemptKept reads what is kept of an attempt for the executor that had it.
func (b *Broker) attemptKept(caller identity.Caller, ref identity.UUID) (store.AttemptRef, error) {
	var known bool
	var kept store.AttemptRef
	if err := b.store.View(func(tx *store.Tx) (err error) {
		kept, known, err = tx.Attempt(ref)
		return err
	}); err != nil {
		return store.AttemptRef{}, err
	}
	if !known {
		return store.AttemptRef{}, notFound("attempt", ref)
	}
	if err := b.mayDrive(caller, "attempt", ref, kept.Owner, kept.BuiltIn); err != nil {
		return store.AttemptRef{}, err
	}
	return kept, nil
}

// granted finds the session that a grant is for, and the grant: whoever shows it
// may use one connector.
func (b *Broker) granted(grant string, id identity.UUID, connector string) (*store.Session, store.Grant, error) {
	refused := problem(CodeForbidden, "this grant is not for connector %s of session %s; ask for a new link", connector, id)
	var s *store.Session
	if err := b.store.View(func(tx *store.Tx) (err error) {
		s, err = tx.Session(id)
		return err
	}); err != nil {
		return nil, store.Grant{}, err
	}
	if s == nil {
		return nil, store.Grant{}, refused
	}
	hash := hashOf(grant)
	at := slices.IndexFunc(s.Grants, func(g store.Grant) bool { return g.Connector == connector && g.Hash == hash })
	if at < 0 {
		return nil, store.Grant{}, refused
	}
	return s, s.Grants[at], nil
}

// entered finds the live session that a one-time link leads into, and uses the link
// up; b.mu is held.
func (b *Broker) entered(secret string, id identity.UUID, connector string) (*store.Session, link, error) {
	b.forgetLinks(id, b.now())
	open, hash := b.links[id], hashOf(secret)
	at := slices.IndexFunc(open, func(l link) bool { return l.connector == connector && l.hash == hash })
	if s := b.state.live[id]; at >= 0 && s != nil {
		l := open[at]
		b.keepLinks(id, slices.Delete(open, at, at+1))
		return s, l, nil
	}
	return nil, link{}, problem(CodeGone, "this link was used before, or is more than a minute old; ask for a new one")
}

// mayDrive refuses who isn't the program that registered an executor.
func (b *Broker) mayDrive(caller identity.Caller, kind string, id identity.UUID, owner string, builtIn bool) error {
	if drives(caller, owner, builtIn) {
		return nil
	}
	return b.refuse(deed{caller: caller, action: ActionDrive, object: object(kind, id), rule: ruleOwner}, notFound(kind, id))
}

// drives reports whether the caller is the program that registered an executor.
func drives(caller identity.Caller, owner string, builtIn bool) bool {
	if builtIn {
		return caller.Has(identity.RoleBuiltIn)
	}
	return caller.Has(identity.RoleExecutor) && caller.User != "" && caller.User == owner
}

// mayRegister: executors are programs with a role of their own, and some are part of
// this node.
func (b *Broker) mayRegister(caller identity.Caller) (builtIn bool, err error) {
	if builtIn = caller.Has(identity.RoleBuiltIn); builtIn || caller.Has(identity.RoleExecutor) {
		return builtIn, nil
	}
	return false, b.refuseRole(caller, ActionRegister, "executor:new", identity.RoleExecutor, "only executors register")
}

// mayLend: data are read with a token that is got in exchange for their reader's
// own, and not for that of an operator who acts for her.
func mayLend(caller identity.Caller, s *store.Session) error {
	if owner := string(s.Owners.User.ID); caller.User != owner {
		return problem(CodeForbidden, "the data of session %s are read with a token of %s, who alone can accept it", s.ID, owner)
	}
	return nil
}

// mayAsk: offers are for users.
func (b *Broker) mayAsk(caller identity.Caller) error {
	if caller.User != "" && caller.Has(identity.RoleUser) {
		return nil
	}
	return b.refuseRole(caller, ActionAsk, "request:new", identity.RoleUser, "only a user may ask for offers")
}

// asWhom is on whose behalf a policy is checked: everybody's own, or for those who
// see all anybody's.
func asWhom(caller identity.Caller, whom PolicySubject) (identity.Caller, error) {
	if caller.User == "" {
		return caller, problem(CodeForbidden, "only somebody with a name may check what the policy says")
	}
	own := whom
	if own.User == caller.User {
		own.User = ""
	}
	if own.isZero() {
		return caller, nil
	}
	if !caller.SeesAll() {
		return caller, problem(CodeForbidden, "only operators and auditors may check what the policy says of others; leave their names out to check for yourself")
	}
	return identity.Caller{
		User: cmp.Or(whom.User, caller.User), Groups: whom.Groups, Proposal: whom.Proposal,
		Roles: []identity.Role{identity.RoleUser}, Subject: identity.Subject{Issuer: whom.Issuer},
	}, nil
}

// mayOrder: money is for operators and accountants. It returns what is to be recorded
// of the order.
func (b *Broker) mayOrder(caller identity.Caller, action Action, object string) (deed, error) {
	for _, role := range []identity.Role{identity.RoleAccountant, identity.RoleOperator} {
		if caller.User != "" && caller.Has(role) {
			return deed{caller: caller, action: action, object: object, rule: ruleOfRole(role)}, nil
		}
	}
	return deed{}, b.refuseRole(caller, action, object, identity.RoleAccountant, "only operators and accountants may change what is on an account")
}

// mayRevoke: certificates are for operators.
func (b *Broker) mayRevoke(caller identity.Caller, object string) (deed, error) {
	if caller.User != "" && caller.Has(identity.RoleOperator) {
		return deed{caller: caller, action: ActionRevoke, object: object, rule: ruleOfRole(identity.RoleOperator)}, nil
	}
	return deed{}, b.refuseRole(caller, ActionRevoke, object, identity.RoleOperator, "only operators revoke certificates")
}

// refuseRole refuses what is for those who have a role.
func (b *Broker) refuseRole(caller identity.Caller, action Action, object string, role identity.Role, why string) error {
	return b.refuse(deed{caller: caller, action: action, object: object, rule: ruleOfRole(role)},
		problem(CodeForbidden, "%s; the token has no role %q", why, role))
}

// Permit decides, for what this package has no part in, whether a caller may change
// who is in the federation, which is for the site's operators, and puts it on record before it is done; what is only
// read is for all who see everything, and recorded if it is refused. The object is
// its kind and name: "node:jpsrc".
func (b *Broker) Permit(ctx context.Context, caller identity.Caller, action Action, object string) error {
	if action == ActionReadAll {
		if caller.SeesAll() {
			return nil
		}
		return b.refuseRole(caller, action, object, identity.RoleOperator, "this is for operators and auditors")
	}
	if caller.User == "" || !caller.Has(identity.RoleOperator) {
		return b.refuseRole(caller, action, object, identity.RoleOperator, "only operators change who is in the federation")
	}
	b.mu.Lock()
	ticket := b.submit(write{commands: []accounting.Command{
		b.allowed(deed{caller: caller, action: action, object: object, rule: ruleOfRole(identity.RoleOperator)}),
	}})
	b.mu.Unlock()
	return wait(ticket)
}

// whose is the user to whom a list is restricted; "" is everybody.
func (b *Broker) whose(caller identity.Caller, asked string) (string, error) {
	if caller.SeesAll() {
		return asked, nil
	}
	if caller.User == "" || asked != "" && asked != caller.User {
		return "", b.refuse(deed{caller: caller, action: ActionList, object: "sessions:" + asked, rule: ruleOwner},
			problem(CodeForbidden, "only operators and auditors may list what belongs to others"))
	}
	return caller.User, nil
}

// missed notes that a caller was told that there is no such attempt, where there is
// one: err, as it came from the record.
func (b *Broker) missed(view accounting.View, caller identity.Caller, ref accounting.Ref, err error) error {
	if errors.Is(err, accounting.ErrNotFound) && accounting.HasAttempt(view, ref) {
		b.note(deed{caller: caller, action: ActionRead, object: "attempt:" + string(ref), rule: ruleOwner, reason: err.Error(), concealed: true}, accounting.Denied)
	}
	return err
}

// lists reports whether a list shows the caller an executor.
func lists(caller identity.Caller, e *executor) bool {
	return caller.SeesAll() || drives(caller, e.Owner, e.BuiltIn)
}

// anothers reports whether the caller sees something for being who she is, and not
// for its being hers.
func anothers(caller identity.Caller, owner string) bool {
	return caller.SeesAll() && owner != caller.User
}

// asker is a caller in the terms of the record, which looks after what is its own.
func asker(caller identity.Caller) accounting.Caller {
	a := accounting.Caller{User: accounting.OwnerID(caller.User), All: caller.SeesAll() || caller.Has(identity.RoleBuiltIn)}
	for _, p := range append(caller.Proposals[:len(caller.Proposals):len(caller.Proposals)], caller.Proposal) {
		if id := accounting.OwnerID(p); id != "" && !slices.Contains(a.Proposals, id) {
			a.Proposals = append(a.Proposals, id)
		}
	}
	return a
}
