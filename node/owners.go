package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"starling/accounting"
	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/store"
)

// owners says who is charged for what a caller asks.
func owners(caller identity.Caller) accounting.Owners {
	o := accounting.Owners{User: accounting.Party{ID: accounting.OwnerID(caller.User)}}
	if caller.Proposal != "" {
		o.Proposal = accounting.Party{ID: accounting.OwnerID(caller.Proposal)}
	}
	return o
}

// lineage completes owners with what the record knows of them: their names, and
// the programme and the TAG that a proposal belongs to. What can't be read is
// left out: it is no reason to refuse anything.
func (b *Broker) lineage(ctx context.Context, o accounting.Owners) accounting.Owners {
	_ = b.options.Record.View(ctx, func(view accounting.View) error {
		user, _ := accounting.FindOwner(view, accounting.User(o.User.ID))
		o.User.Name = user.Name
		if o.Proposal.ID == "" {
			return nil
		}
		known, _ := accounting.FindOwner(view, accounting.Proposal(o.Proposal.ID))
		o.Proposal.Name = known.Name
		for range 2 {
			parent := known.Parent
			if parent.IsZero() {
				break
			}
			known, _ = accounting.FindOwner(view, parent)
			party := accounting.Party{ID: parent.ID, Name: known.Name}
			switch parent.Kind {
			case accounting.KindProgramme:
				o.Programme = party
			case accounting.KindTAG:
				o.TAG = party
			}
		}
		return nil
	})
	return o
}

// maxGroupName bounds the name of a group in the record, in bytes.
const maxGroupName = 250

// ownersOf is who an attempt at a session is done for. What an executor knows as
// the group is the request that the session comes from: its id is that of the
// offer set, its name the session's.
func ownersOf(s *store.Session) accounting.Owners {
	o := s.Owners
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s.Name, ""))
	o.Group = accounting.Party{ID: accounting.OwnerID(s.OfferSet.String()), Name: strings.ToValidUTF8(name[:min(len(name), maxGroupName)], "")}
	return o
}

// identification names all of them to an executor.
func identification(o accounting.Owners) despatch.Identification {
	name := func(p accounting.Party) despatch.Name { return despatch.Name{ID: string(p.ID), Name: p.Name} }
	return despatch.Identification{
		TAG: name(o.TAG), Programme: name(o.Programme), Proposal: name(o.Proposal), User: name(o.User), Group: name(o.Group),
	}
}

// checkIDs refuses a completion that bears the ids of something else: it was
// meant for another attempt.
func checkIDs(ids map[string]string, s *store.Session) error {
	o := ownersOf(s)
	own := map[string]string{
		"tag": string(o.TAG.ID), "programme": string(o.Programme.ID), "proposal": string(o.Proposal.ID),
		"user": string(o.User.ID), "group": string(o.Group.ID), "session": s.ID.String(),
	}
	for _, kind := range slices.Sorted(maps.Keys(ids)) {
		wanted, known := own[kind]
		field := "/ids/" + kind
		switch {
		case !known:
			return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("%.40q is no owner of an attempt: those are tag, programme, proposal, user, group and session", kind)}
		case ids[kind] != wanted && wanted == "":
			return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("the attempt has no %s", kind)}
		case ids[kind] != wanted:
			return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("the attempt's %s is %q, and not %.80q: is the report that of another?", kind, wanted, ids[kind])}
		}
	}
	return nil
}
