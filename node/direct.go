package node

import (
	"context"
	"errors"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// Direct asks and accepts the best offer in one step, here or at another node. With a
// key, the same caller's same key again, at this node, is answered with the session
// that the first made; where that was offered and never accepted, it is tried again. Where the answer is NO the error is a *Problem that carries it.
func (b *Broker) Direct(ctx context.Context, caller identity.Caller, req *ivoa.ExecutionRequest, notices []ivoa.Notice, key string, how Asking) (*ivoa.Session, error) {
	release := b.claim(caller.User, key)
	defer release()
	if done, err := b.madeBefore(ctx, caller, key); done != nil || err != nil {
		return done, err
	}
	q, err := b.question(ctx, caller, req, notices, how)
	if err != nil {
		return nil, err
	}
	b.askOthers(ctx, caller, q)
	defer b.guard()
	set, sessions, err := b.answerAfresh(ctx, caller, q)
	if err != nil {
		return nil, err
	}
	w := write{set: set, sessions: sessions, tidings: traced(caller, q.others.unwanted(set))}
	if !set.Yes() {
		ticket := b.submit(w)
		b.mu.Unlock()
		b.metrics.asked(false)
		if err := durable(ctx, ticket); err != nil {
			return nil, err
		}
		return nil, &Problem{Code: CodeRefused, Detail: "the answer is NO: the messages say why", Offers: viewOfferSet(set, q.request, nil, nil)}
	}
	offers := ranking(set)
	w.extra = keyFor(caller, key, offers[0].id)
	offered := b.submit(w)
	if offers[0].elsewhere != nil || wantsToken(sessions[0]) { // which is to be had only without the lock
		b.mu.Unlock()
		b.metrics.asked(true)
		if err := durable(ctx, offered); err != nil {
			return nil, err
		}
		return b.takeBest(ctx, caller, offers, key)
	}
	best := sessions[0]
	did := deed{caller: caller, action: ActionDirect, object: object("session", best.ID), rule: ruleOwner}
	accepted, ticket, err := b.accept(did, best, q.funds, acceptance{key: key}, b.now())
	b.mu.Unlock()
	b.metrics.asked(true)
	var missing *lacking
	if errors.As(err, &missing) {
		return b.Update(ctx, caller, best.ID, ivoa.SetPhase(ivoa.SessionAccepted), key)
	}
	if err != nil {
		return nil, err
	}
	return b.told(ctx, accepted, ticket)
}

// keyFor remembers which session a caller's idempotency key is for.
func keyFor(caller identity.Caller, key string, session identity.UUID) func(*store.Tx) error {
	if key == "" {
		return nil
	}
	return func(tx *store.Tx) error { return tx.PutKey(caller.User, key, session) }
}

// claim lets one request at a time use an idempotency key: the same again waits
// until the first is durable, and then finds what it has made.
func (b *Broker) claim(user, key string) (release func()) {
	if key == "" {
		return func() {}
	}
	name, mine := user+"\x00"+key, make(chan struct{})
	for {
		other, busy := b.claims.LoadOrStore(name, mine)
		if !busy {
			return func() {
				b.claims.Delete(name)
				close(mine)
			}
		}
		<-other.(chan struct{})
	}
}

// madeBefore finds the session that an idempotency key has made before; nil where there
// is none, or none that was ever accepted.
func (b *Broker) madeBefore(ctx context.Context, caller identity.Caller, key string) (*ivoa.Session, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) > maxKey {
		return nil, problem(CodeInvalid, "an Idempotency-Key has at most %d bytes", maxKey)
	}
	var id identity.UUID
	if err := b.store.View(func(tx *store.Tx) error {
		id = tx.Key(caller.User, key)
		return nil
	}); err != nil || id.IsZero() {
		return nil, err
	}
	if id.Owner() != b.options.Name.Tag() {
		return b.takeAgain(ctx, caller, id, key)
	}
	made, err := b.Session(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	switch made.Phase {
	case ivoa.SessionOffered: // it was refused, or broken off before it was answered
		return b.Update(ctx, caller, id, ivoa.SetPhase(ivoa.SessionAccepted), key)
	case ivoa.SessionExpired, ivoa.SessionRejected: // and can't be had any more
		return nil, nil
	}
	return made, nil
}

// maxKey bounds idempotency keys, in bytes.
const maxKey = 255
