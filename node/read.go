package node

import (
	"context"
	"slices"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// Session returns a session that the caller may see, as it is stored: nothing
// is shown that a crash could take back.
func (b *Broker) Session(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.Session, error) {
	s, err := b.stored(caller, toRead, id)
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

// OfferSet returns an offer set that the caller may see. Other nodes are asked how
// their offers stand; of one that doesn't answer it shows what it had offered.
func (b *Broker) OfferSet(ctx context.Context, caller identity.Caller, id identity.UUID) (*ivoa.OfferSet, error) {
	set, sessions, err := b.offerSet(caller, id)
	if err != nil {
		return nil, err
	}
	for i, s := range sessions {
		sessions[i] = b.asOfNow(s)
	}
	request, err := decodeRequest(set)
	if err != nil {
		return nil, err
	}
	return viewOfferSet(set, request, sessions, b.standing(ctx, caller, set, request)), nil
}

// SessionFilter says which sessions are wanted. Empty fields want any.
type SessionFilter struct {
	Phases       []ivoa.SessionPhase
	Owner        string // a user; only those who see all may name another
	Name         string
	Since, Until time.Time // when the session was offered
	// Here leaves out what other nodes have.
	Here bool
}

// SessionPage is a part of a list of sessions, newest first.
type SessionPage struct {
	Sessions []*ivoa.Session
	// Cursor is where the list goes on; "" at its end.
	Cursor string
	// Messages name the sites whose sessions are missing, and why.
	Messages []ivoa.Message
}

// Bounds of a list.
const (
	defaultPage = 100
	maxPage     = 1000
	// maxLooked is how many sessions one call looks at: a page may be short
	// and still have a cursor.
	maxLooked = 20_000
)

// Sessions lists sessions that the caller may see, wherever they are, newest first,
// from a cursor that an earlier page gave; "" is the newest. Other nodes are asked as
// for offers; each lists what the caller may see there.
func (b *Broker) Sessions(ctx context.Context, caller identity.Caller, filter SessionFilter, cursor string, limit int) (SessionPage, error) {
	user, err := b.whose(caller, filter.Owner)
	if err != nil {
		return SessionPage{}, err
	}
	var before identity.UUID
	if cursor != "" {
		if before, err = identity.ParseUUID(cursor); err != nil {
			return SessionPage{}, &Problem{Code: CodeInvalid, Field: "cursor", Detail: "this is no cursor that a list gave"}
		}
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	own, err := b.ownSessions(ctx, caller, user, filter, before, limit)
	if err != nil {
		return SessionPage{}, err
	}
	if filter.Here || !b.asksOthers(caller) {
		return own.page(nil), nil
	}
	others, messages := b.othersSessions(ctx, caller, filter, before, limit)
	return merge(append(others, own), limit).page(messages), nil
}

// ownSessions lists what this node has; user "" is everybody.
func (b *Broker) ownSessions(ctx context.Context, caller identity.Caller, user string, filter SessionFilter, before identity.UUID, limit int) (stretch, error) {
	var page []*store.Session
	var requests []*ivoa.ExecutionRequest
	var rest identity.UUID
	looked := 0
	if err := b.store.View(func(tx *store.Tx) error {
		sets := map[identity.UUID]*ivoa.ExecutionRequest{}
		return tx.SessionsOf(user, before, func(id identity.UUID, phase ivoa.SessionPhase) (bool, error) {
			if looked++; looked > maxLooked || len(page) == limit {
				rest = before
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
		return stretch{}, err
	}
	own := stretch{sessions: make([]listed, len(page)), rest: rest}
	for i, s := range page {
		view := viewSession(s, ivoa.Clone(requests[i]))
		tellUser(view, s, caller)
		own.sessions[i] = listed{s.ID, view}
	}
	return own, nil
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
