package node

import (
	"context"
	"slices"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// Session returns a session that the caller may see, as it is stored: nothing
// is shown that a crash could take back.
func (b *Broker) Session(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.Session, error) {
	s, err := b.stored(caller, id)
	if err != nil {
		return nil, err
	}
	request, err := b.requestOf(s)
	if err != nil {
		return nil, err
	}
	view := viewSession(b.asOfNow(s), request)
	tellUser(view, s, caller)
	return view, nil
}

// asOfNow shows an offer that has expired as EXPIRED, and storage whose time is up
// as released, even before that is written.
func (b *Broker) asOfNow(s *store.Session) *store.Session {
	if now := b.now(); s.Phase == ivoa.SessionOffered && now >= s.Expires {
		expired := *s
		enter(&expired, ivoa.SessionExpired, s.Expires)
		return &expired
	}
	return released(s, b.now())
}

// stored reads a session on behalf of a caller. Here alone it is decided who
// may see one (promise 8).
func (b *Broker) stored(caller identity.Caller, id identity.UUID) (*store.Session, error) {
	var s *store.Session
	if err := b.store.View(func(tx *store.Tx) (err error) {
		s, err = tx.Session(id)
		return err
	}); err != nil {
		return nil, err
	}
	if s == nil || !caller.MayRead(string(s.Owners.User.ID)) {
		return nil, notFound("session", id)
	}
	return s, nil
}

// requestOf reads what was asked when a session was offered.
func (b *Broker) requestOf(s *store.Session) (*ivoa.ExecutionRequest, error) {
	var set *store.OfferSet
	if err := b.store.View(func(tx *store.Tx) (err error) {
		set, err = tx.OfferSet(s.OfferSet)
		return err
	}); err != nil {
		return nil, err
	}
	if set == nil {
		return nil, problem(CodeGone, "the request of session %s is not kept any more", s.ID)
	}
	return decodeRequest(set)
}

// OfferSet returns an offer set that the caller may see.
func (b *Broker) OfferSet(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.OfferSet, error) {
	var set *store.OfferSet
	var sessions []*store.Session
	if err := b.store.View(func(tx *store.Tx) (err error) {
		if set, err = tx.OfferSet(id); err != nil || set == nil {
			return err
		}
		for _, offer := range set.Offers {
			s, err := tx.Session(offer)
			if err != nil {
				return err
			}
			if s != nil {
				sessions = append(sessions, b.asOfNow(s))
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if set == nil || !caller.MayRead(set.User) {
		return nil, notFound("offer set", id)
	}
	request, err := decodeRequest(set)
	if err != nil {
		return nil, err
	}
	return viewOfferSet(set, request, sessions), nil
}

// SessionFilter says which sessions are wanted. Empty fields want any.
type SessionFilter struct {
	Phases       []ivoa.SessionPhase
	Owner        string // a user; only those who see all may name another
	Name         string
	Since, Until time.Time // when the session was offered
}

// Bounds of a list.
const (
	defaultPage = 100
	maxPage     = 1000
	// maxLooked is how many sessions one call looks at: a page may be short
	// and still have a cursor.
	maxLooked = 20_000
)

// Sessions lists sessions that the caller may see, newest first, and the cursor
// of the rest, "" at the end.
func (b *Broker) Sessions(ctx context.Context, caller identity.Caller, filter SessionFilter, cursor string, limit int) ([]*ivoa.Session, string, error) {
	user, err := whose(caller, filter.Owner)
	if err != nil {
		return nil, "", err
	}
	var before identity.UUID
	if cursor != "" {
		if before, err = identity.ParseUUID(cursor); err != nil {
			return nil, "", &Problem{Code: CodeInvalid, Field: "cursor", Detail: "this is no cursor that a list gave"}
		}
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	var page []*store.Session
	var requests []*ivoa.ExecutionRequest
	next, looked := "", 0
	if err := b.store.View(func(tx *store.Tx) error {
		sets := map[identity.UUID]*ivoa.ExecutionRequest{}
		return tx.SessionsOf(user, before, func(id identity.UUID, phase ivoa.SessionPhase) (bool, error) {
			if looked++; looked > maxLooked || len(page) == limit {
				next = before.String()
				return false, ctx.Err()
			}
			before = id
			if !filter.wants(id) {
				return filter.Since.IsZero() || id.Milliseconds() >= filter.Since.UnixMilli(), nil
			}
			if len(filter.Phases) > 0 && phase != ivoa.SessionOffered && !slices.Contains(filter.Phases, phase) {
				return true, nil
			}
			s, err := tx.Session(id)
			if err != nil || s == nil {
				return false, err
			}
			s = b.asOfNow(s)
			if filter.Name != "" && s.Name != filter.Name || len(filter.Phases) > 0 && !slices.Contains(filter.Phases, s.Phase) {
				return true, nil
			}
			request, err := requestIn(tx, s, sets)
			if err != nil {
				return false, err
			}
			page, requests = append(page, s), append(requests, request)
			return true, nil
		})
	}); err != nil {
		return nil, "", err
	}
	views := make([]*ivoa.Session, len(page))
	for i, s := range page {
		views[i] = viewSession(s, ivoa.Clone(requests[i]))
		tellUser(views[i], s, caller)
	}
	return views, next, nil
}

func (f SessionFilter) wants(id identity.UUID) bool {
	at := wall(id.Milliseconds())
	return (f.Since.IsZero() || !at.Before(f.Since)) && (f.Until.IsZero() || at.Before(f.Until))
}

// requestIn reads a session's request once for all of its siblings.
func requestIn(tx *store.Tx, s *store.Session, read map[identity.UUID]*ivoa.ExecutionRequest) (*ivoa.ExecutionRequest, error) {
	if request := read[s.OfferSet]; request != nil {
		return request, nil
	}
	set, err := tx.OfferSet(s.OfferSet)
	if err != nil {
		return nil, err
	}
	if set == nil {
		return &ivoa.ExecutionRequest{}, nil
	}
	request, err := decodeRequest(set)
	read[s.OfferSet] = request
	return request, err
}

// whose is the user to whom a list is restricted; "" is everybody.
func whose(caller identity.Caller, asked string) (string, error) {
	if caller.SeesAll() {
		return asked, nil
	}
	if caller.User == "" || asked != "" && asked != caller.User {
		return "", problem(CodeForbidden, "only operators and auditors may list what belongs to others")
	}
	return caller.User, nil
}

// asker is a caller in the terms of the record.
func asker(caller identity.Caller) accounting.Caller {
	a := accounting.Caller{User: accounting.OwnerID(caller.User), All: caller.SeesAll() || caller.Has(identity.RoleBuiltIn)}
	if caller.Proposal != "" {
		a.Proposals = []accounting.OwnerID{accounting.OwnerID(caller.Proposal)}
	}
	return a
}

// look reads the record after all that was committed before the call. Where the
// record can't keep up (its disk is full, say; Ready and GET /federation/log
// tell), it is read as it is: reads go on.
func (b *Broker) look(ctx context.Context, read func(accounting.View) error) error {
	patience, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := b.options.Record.Barrier(patience); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return refusedByRecord(b.options.Record.View(ctx, read))
}

// entry reads one history entry.
func (b *Broker) entry(ctx context.Context, caller accounting.Caller, ref identity.UUID) (accounting.HistoryEntry, error) {
	var entry accounting.HistoryEntry
	err := b.look(ctx, func(view accounting.View) (err error) {
		entry, err = accounting.History(view, caller, accounting.Ref(ref.String()))
		return err
	})
	return entry, err
}

// HistoryEntry returns the record of one attempt, with all that was reported.
func (b *Broker) HistoryEntry(ctx context.Context, caller identity.Caller, ref identity.UUID) (accounting.HistoryEntry, error) {
	return b.entry(ctx, asker(caller), ref)
}

// History lists attempts, and the cursor of the rest.
func (b *Broker) History(ctx context.Context, caller identity.Caller, filter accounting.HistoryFilter, cursor accounting.Cursor, limit int) (page []accounting.HistoryEntry, next accounting.Cursor, err error) {
	filter.Caller = asker(caller)
	err = b.look(ctx, func(view accounting.View) (err error) {
		page, next, err = accounting.Histories(view, filter, cursor, limit)
		return err
	})
	return page, next, err
}

// Updates lists what was reported of one attempt, in order, and the cursor of the
// rest.
func (b *Broker) Updates(ctx context.Context, caller identity.Caller, ref identity.UUID, cursor accounting.Cursor, limit int) (page []accounting.Update, next accounting.Cursor, err error) {
	err = b.look(ctx, func(view accounting.View) (err error) {
		page, next, err = accounting.Updates(view, asker(caller), accounting.Ref(ref.String()), cursor, limit)
		return err
	})
	return page, next, err
}

// Accounts lists accounts, and the cursor of the rest.
func (b *Broker) Accounts(ctx context.Context, caller identity.Caller, filter accounting.AccountFilter, cursor accounting.Cursor, limit int) (page []accounting.Account, next accounting.Cursor, err error) {
	filter.Caller = asker(caller)
	err = b.look(ctx, func(view accounting.View) (err error) {
		page, next, err = accounting.Accounts(view, filter, cursor, limit)
		return err
	})
	return page, next, err
}

// Entries lists what moved an account's balance, newest first.
func (b *Broker) Entries(ctx context.Context, caller identity.Caller, id accounting.AccountID, cursor accounting.Cursor, limit int) (page []accounting.Entry, next accounting.Cursor, err error) {
	err = b.look(ctx, func(view accounting.View) (err error) {
		page, next, err = accounting.Entries(view, asker(caller), id, cursor, limit)
		return err
	})
	return page, next, err
}

// Statement says what an owner estimated, used and was charged in a period.
// The empty filter is the caller's own, of the present period.
func (b *Broker) Statement(ctx context.Context, caller identity.Caller, filter accounting.StatementFilter, cursor accounting.Cursor, limit int) (statement accounting.Statement, err error) {
	filter.Caller = asker(caller)
	if filter.Owner.IsZero() {
		filter.Owner = accounting.User(accounting.OwnerID(caller.User))
	}
	if filter.Period == "" {
		filter.Period = accounting.PeriodAt(wall(b.now()))
	}
	err = b.look(ctx, func(view accounting.View) (err error) {
		statement, err = accounting.MakeStatement(view, filter, cursor, limit)
		return err
	})
	return statement, err
}
