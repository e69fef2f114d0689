package node

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
)

// Sessions of all nodes are one list, ordered by UUID, which begins with the time. So
// a UUID is a cursor for every node, and none need remember what another one has said.

// messageMissing says that a list lacks a site's sessions, and why.
const messageMissing = "urn:starling:message:missing"

// listed is a session in a list.
type listed struct {
	id   identity.UUID
	view *ivoa.Session
}

// stretch is sessions, newest first, of which none is missing that is not older than
// rest; zero: there are no more at all.
type stretch struct {
	sessions []listed
	rest     identity.UUID
}

// merge is the newest of some lists, as far as all of them go.
func merge(lists []stretch, limit int) (all stretch) {
	for _, one := range lists {
		all.sessions = append(all.sessions, one.sessions...)
		if bytes.Compare(one.rest[:], all.rest[:]) > 0 {
			all.rest = one.rest
		}
	}
	slices.SortFunc(all.sessions, func(x, y listed) int { return bytes.Compare(y.id[:], x.id[:]) })
	if older := slices.IndexFunc(all.sessions, func(s listed) bool { return bytes.Compare(s.id[:], all.rest[:]) < 0 }); older >= 0 {
		all.sessions = all.sessions[:older]
	}
	if len(all.sessions) > limit {
		all.sessions = all.sessions[:limit]
		all.rest = all.sessions[limit-1].id
	}
	return all
}

func (s stretch) page(messages []ivoa.Message) SessionPage {
	page := SessionPage{Sessions: make([]*ivoa.Session, len(s.sessions)), Messages: messages}
	for i, l := range s.sessions {
		page.Sessions[i] = l.view
	}
	if !s.rest.IsZero() {
		page.Cursor = s.rest.String()
	}
	return page
}

// othersSessions lists what other nodes have, and says of which ones that is missing.
func (b *Broker) othersSessions(ctx context.Context, caller identity.Caller, filter SessionFilter, before identity.UUID, limit int) (lists []stretch, messages []ivoa.Message) {
	now := wall(b.now())
	missing := func(node identity.NodeName, level ivoa.Level, reason string) {
		messages = append(messages, ivoa.NewMessage(now, level, messageMissing, "{site} is left out, and its sessions are missing here: {reason}", "site", string(node), "reason", reason))
	}
	var nodes []identity.NodeName
	for _, k := range b.options.Network.Known() {
		switch {
		case k.Self:
		case k.Alive:
			nodes = append(nodes, k.Node)
		default:
			missing(k.Node, ivoa.LevelWarn, "it can't be reached at the moment")
		}
	}
	for _, answer := range b.options.Network.Sessions(ctx, caller, fanout.List{
		Filter: filter.query(), Before: before, Limit: limit, Deadline: b.options.Placement.Deadline,
	}, nodes) {
		if answer.Err != nil {
			level := ivoa.LevelWarn
			if fanout.IsFault(answer.Err, fanout.Refused) { // by its rules, and not by accident
				level = ivoa.LevelInfo
			}
			missing(answer.Node, level, answer.Err.Error())
			b.log.InfoContext(ctx, "a node is left out of a list of sessions", "node", answer.Node, "reason", answer.Err, "cause", errors.Unwrap(answer.Err))
			continue
		}
		one := stretch{rest: answer.Rest}
		for i, s := range answer.Sessions {
			one.sessions = append(one.sessions, listed{answer.IDs[i], s})
		}
		lists = append(lists, one)
	}
	slices.SortFunc(messages, func(x, y ivoa.Message) int { return strings.Compare(x.Values["site"], y.Values["site"]) })
	return lists, messages
}

// query is a filter as GET /sessions has it.
func (f SessionFilter) query() url.Values {
	q := url.Values{}
	for _, phase := range f.Phases {
		q.Add("phase", string(phase))
	}
	for name, text := range map[string]string{"owner": f.Owner, "name": f.Name} {
		if text != "" {
			q.Set(name, text)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return q
}
