package node

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/store"
)

// Target is where a connector leads.
type Target struct {
	Session   identity.UUID
	Connector string
	User      string // on whose behalf it is used
	Scheme    string // http or https
	To        netip.AddrPort
	// Path is what the connector's own path stands for there; it begins and
	// ends with a slash.
	Path string
	// Done is closed when nobody may use the connector any more: its attempt
	// is being stopped, or has ended.
	Done <-chan struct{}
}

// Connect returns where a connector leads, for the session's owner and the
// site's operators.
func (b *Broker) Connect(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (Target, error) {
	s, err := b.stored(caller, toUse, id)
	if err != nil {
		return Target{}, err
	}
	return b.target(s, name, caller.User)
}

// ConnectGranted is Connect for who shows a grant instead of a token. A grant
// is good for one connector of one session, as long as that lasts.
func (b *Broker) ConnectGranted(ctx context.Context, grant string, id identity.UUID, name string) (Target, error) {
	s, g, err := b.granted(grant, id, name)
	if err != nil {
		return Target{}, err
	}
	return b.target(s, name, g.User)
}

// target finds where a connector of a session leads, or says why nowhere.
func (b *Broker) target(s *store.Session, name, user string) (Target, error) {
	at := slices.IndexFunc(s.Connectors, func(c store.Connector) bool { return c.Name == name })
	switch {
	case at < 0 && store.Terminal(s.Phase):
		return Target{}, problem(CodeGone, "session %s has ended; nothing of it can be connected to", s.ID)
	case at < 0:
		return Target{}, problem(CodeNotFound, "session %s has no connector %q; %s", s.ID, name, namesOf(s.Connectors))
	}
	c := s.Connectors[at]
	if c.Protocol == despatch.ProtocolTCP {
		return Target{}, problem(CodeInvalid, "connector %s speaks TCP, which this node doesn't lead through: connect to %s from within the site's network", name, c.Origin)
	}
	gone := problem(CodeGone, "connector %s of session %s is closed", name, s.ID)
	if !usable(s, c) {
		return Target{}, gone
	}
	to, err := originOf(c.Connector, "")
	if err != nil {
		return Target{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.state.attempts[s.Attempt.Ref]
	if a == nil || a.stop != nil {
		return Target{}, gone
	}
	e := b.state.executors[a.executor]
	if e == nil {
		return Target{}, gone
	}
	if err := b.mayLead(e.Executor, to); err != nil {
		return Target{}, problem(CodeForbidden, "connector %s is closed: %v", name, err)
	}
	return Target{
		Session: s.ID, Connector: name, User: user, Scheme: schemeOf(c.Protocol), To: to,
		Path: "/" + strings.TrimLeft(strings.TrimRight(c.Path, "/")+"/", "/"), Done: a.stopped,
	}, nil
}

// namesOf says which connectors there are.
func namesOf(list []store.Connector) string {
	if len(list) == 0 {
		return "so far it has none"
	}
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Name
	}
	return fmt.Sprintf("it has %s", strings.Join(names, ", "))
}
