package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node/credentials"
	"starling/node/store"
)

// Data that are given only to who shows a token of the user's (package
// credentials) are fetched with one that is got in exchange when she accepts an
// offer, kept sealed with the session, and handed to the executor with the
// despatch. An executor says by its kinds that it takes such work.

const messageToken = "urn:starling:message:data-token"

// needTokens finds out which of a question's data want tokens, and says what
// becomes of that.
func (b *Broker) needTokens(q *question, caller identity.Caller) {
	if b.options.Credentials == nil {
		return
	}
	say := func(level ivoa.Level, template string, pairs ...string) ivoa.Message {
		return ivoa.NewMessage(wall(b.now()), level, messageToken, template, append(pairs, "site", string(b.options.Name))...)
	}
	needs, err := b.options.Credentials.Needs(locations(q.request, q.staging))
	if err != nil {
		q.objections = append(q.objections, say(ivoa.LevelError, "{site}: {reason}", "reason", err.Error()))
		return
	}
	for _, n := range needs {
		if err := b.options.Credentials.Missing(caller, n); err != nil {
			q.objections = append(q.objections, say(ivoa.LevelError, "the data at {source} need a token; {reason}", "source", n.URL, "reason", err.Error()))
			continue
		}
		q.remarks = append(q.remarks, say(ivoa.LevelInfo, "{site} would read the data at {source} with a token that {issuer} gives in exchange for yours, for {scope}",
			"source", n.URL, "issuer", n.Issuer, "scope", strings.Join(n.Words, " ")))
	}
	if len(needs) > 0 {
		q.dataKinds = addOnce(q.dataKinds, despatch.KindDataToken)
		q.tokenEnds = caller.Subject.Expires
	}
}

// locations are those from which a request's data are fetched.
func locations(request *ivoa.ExecutionRequest, staging []store.Staging) []string {
	var all []string
	for _, d := range request.Data {
		if simple, ok := d.(*ivoa.SimpleDataResource); ok {
			content, _ := ivoa.ParseContent(simple.Location)
			all = append(all, content.Location)
		}
	}
	for _, s := range staging {
		if s.Location != "" {
			all = append(all, s.Location)
		}
	}
	return all
}

// wantsToken reports whether data of a session want a token.
func wantsToken(s *store.Session) bool { return slices.Contains(s.Data, despatch.KindDataToken) }

// tokenMessages warns of an offer that begins when its user's token is over.
func tokenMessages(q *question, s *store.Session, now store.Millis) []ivoa.Message {
	reads := s.Plan.Start + s.Plan.Preparing
	if !wantsToken(s) || q.tokenEnds.IsZero() || q.tokenEnds.UnixMilli() >= reads {
		return nil
	}
	return []ivoa.Message{ivoa.NewMessage(wall(now), ivoa.LevelWarn, messageToken,
		"the data need a token until {reads}, and yours ends at {ends}: whether your issuer gives one that lasts shows when you accept",
		"reads", ivoa.FormatInstant(wall(reads)), "ends", ivoa.FormatInstant(q.tokenEnds))}
}

// acceptance is what comes with the acceptance of an offer.
type acceptance struct {
	key    string    // the Idempotency-Key, or ""
	sealed []byte    // the tokens for the session's data; nil: none
	until  time.Time // when the first of them ends that can't be renewed; zero: none does
}

// acquire gets what the acceptance of an offer takes, before it is decided: an
// issuer may be slow to answer. Of anything that decide will refuse it leaves the
// refusal to that.
func (b *Broker) acquire(ctx context.Context, caller identity.Caller, id identity.UUID, phase ivoa.SessionPhase, key string) (acceptance, error) {
	a := acceptance{key: key}
	if phase != ivoa.SessionAccepted || b.options.Credentials == nil {
		return a, nil
	}
	b.mu.Lock()
	s, err := b.decided(caller, toAccept, id)
	b.mu.Unlock()
	if err != nil || s.Phase != ivoa.SessionOffered || b.now() >= s.Expires || !wantsToken(s) {
		return a, nil
	}
	if err := mayLend(caller, s); err != nil {
		return a, err
	}
	request, err := b.requestOf(s)
	if err != nil {
		return a, err
	}
	needs, err := b.options.Credentials.Needs(locations(request, s.Staging))
	if err != nil {
		return a, problem(CodeConflict, "%v; ask again", err)
	}
	ctx, span := tracing.Start(ctx, "get tokens")
	defer span.End()
	a.sealed, a.until, err = b.options.Credentials.Acquire(ctx, s.ID, caller, needs)
	span.FailWith(err)
	return a, lacksToken(err)
}

// lacksToken tells the user why there is no token for her data.
func lacksToken(err error) error {
	var failure *credentials.Error
	if !errors.As(err, &failure) {
		return err
	}
	if failure.Passing() {
		return &Problem{Code: CodeUnavailable, Detail: failure.Error() + ". The offer still stands; try again", RetryAfter: 10 * time.Second}
	}
	return problem(CodeConflict, "%v", failure)
}

// lasts refuses to accept an offer whose data can't be read by then.
func (a acceptance) lasts(s *store.Session, plan store.Plan) error {
	if !wantsToken(s) {
		return nil
	}
	reads := wall(plan.Start + plan.Preparing)
	switch {
	case a.sealed == nil:
		return problem(CodeConflict, "the data of session %s need a token, and this site gets none any more; ask again", s.ID)
	case !a.until.IsZero() && a.until.Before(reads):
		return problem(CodeConflict, "the data need a token until %s; the one that your issuer gives ends at %s, and can't be renewed. Accept an offer that begins earlier, or ask for one",
			ivoa.FormatInstant(reads), ivoa.FormatInstant(a.until))
	}
	return nil
}

// authorise puts the tokens that a session's data want into its sequence. It
// returns errWithheld where there are none, and the attempt has ended then.
func (b *Broker) authorise(ctx context.Context, s *store.Session, sequence []despatch.Action) error {
	if !wantsToken(s) {
		return nil
	}
	tokens, err := b.freshTokens(ctx, s)
	var failure *credentials.Error
	if errors.As(err, &failure) {
		b.withhold(s.Attempt.Ref, "was not begun: "+failure.Error(), failure.Passing())
		return errWithheld
	}
	if err != nil {
		b.giveUp(s.Attempt.Ref, "was not begun: the tokens for its data couldn't be kept")
		return err
	}
	for _, action := range sequence {
		if action.Stage == nil {
			continue
		}
		if t, found := tokens.For(action.Stage.Location); found {
			action.Stage.Authorization = &despatch.Authorization{Scheme: despatch.SchemeBearer, Token: despatch.NewToken(t.Secret), Expires: t.Expires}
		}
	}
	return nil
}

// errWithheld says that a session isn't handed over: nobody has heard of its
// attempt.
var errWithheld = errors.New("the session waits for tokens, or has failed for want of them")

var errNoTokens = &credentials.Error{Cause: errors.New("the data need a token, and this site keeps none for the session")}

// freshTokens gets the tokens for a session's data, one caller at a time: what
// renews them may be replaced each time. That is kept before anything else is done,
// and doesn't end with the executor's call.
func (b *Broker) freshTokens(ctx context.Context, s *store.Session) (tokens credentials.Tokens, err error) {
	if b.options.Credentials == nil {
		return tokens, errNoTokens
	}
	defer b.claim("", "tokens of "+s.ID.String())() // nobody's idempotency key: users have names
	var sealed []byte
	if err := b.store.View(func(tx *store.Tx) error {
		sealed = tx.Credentials(s.ID)
		return nil
	}); err != nil {
		return tokens, err
	}
	if len(sealed) == 0 {
		return tokens, errNoTokens
	}
	tokens, replaced, err := b.options.Credentials.Fresh(context.WithoutCancel(ctx), s.ID, sealed)
	if replaced == nil {
		return tokens, err
	}
	return tokens, errors.Join(b.replaceTokens(s.ID, replaced), err)
}

// replaceTokens keeps what renews a session's tokens from now on, unless it has
// ended.
func (b *Broker) replaceTokens(id identity.UUID, sealed []byte) error {
	b.mu.Lock()
	s := b.state.live[id]
	if s == nil || store.Terminal(s.Phase) {
		b.mu.Unlock()
		return nil
	}
	ticket := b.submit(write{extra: func(tx *store.Tx) error { return tx.PutCredentials(id, sealed) }})
	b.mu.Unlock()
	return wait(ticket)
}

// Pauses before a session is tried again whose issuer is away, in milliseconds.
const (
	tokenPause    = 60_000
	maxTokenPause = 15 * tokenPause
)

// withhold ends an attempt that nobody has heard of, since there are no tokens for
// it. Where they may be had later that was no try, and the session waits; longer
// each time, and not for ever.
func (b *Broker) withhold(ref identity.UUID, why string, passing bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, now := b.state.attempts[ref], b.now()
	if a == nil {
		return
	}
	s := b.state.live[a.session]
	if !passing || store.Terminal(s.Phase) || a.stop != nil || s.Unheard >= maxUnheard {
		b.stall(a, why, false, 0, now)
		return
	}
	pause := min(store.Millis(tokenPause)<<min(s.Unheard, 10), maxTokenPause)
	b.change(s, func(s *store.Session) {
		s.Tries--
		s.Unheard++
	})
	b.stall(a, why, true, pause, now)
}
