package node

import (
	"fmt"
	"slices"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// sessionPath is where a session is found at every node.
func sessionPath(id identity.UUID) string { return "/sessions/" + id.String() }

// viewOfferSet is an offer set as the API shows it. Sessions are those of its own
// offers, in their order; others are other nodes', by UUID.
func viewOfferSet(set *store.OfferSet, request *ivoa.ExecutionRequest, sessions []*store.Session, others map[identity.UUID]*ivoa.Session) *ivoa.OfferSet {
	view := &ivoa.OfferSet{Result: ivoa.No}
	view.Kind = ivoa.KindOfferSet
	meta := view.NeedMeta()
	meta.UUID = set.ID.String()
	meta.URL = "/offersets/" + set.ID.String()
	meta.Created = instant(set.Created)
	meta.Messages = set.Messages
	if !set.Yes() {
		return view
	}
	view.Result = ivoa.Yes
	view.Offers = make([]*ivoa.Session, 0, len(sessions)+len(others))
	for _, s := range sessions {
		view.Offers = append(view.Offers, viewSession(s, ivoa.Clone(request)))
	}
	for _, f := range set.Elsewhere { // they are in the order of their places
		if s := others[f.ID]; s != nil {
			view.Offers = slices.Insert(view.Offers, min(f.Place, len(view.Offers)), viewForeign(f, s))
		}
	}
	return view
}

// viewSession is a session as the API shows it, with paths for URLs. The parts
// of the request become the view's own.
func viewSession(s *store.Session, request *ivoa.ExecutionRequest) *ivoa.Session {
	view := &ivoa.Session{Phase: s.Phase, Components: request.Components, Schedule: schedule(s)}
	if request.Schedule != nil {
		view.Repeats = viewRepeats(s, request.Schedule.Timing)
	}
	view.Kind = ivoa.KindScheduledSession
	view.Costs, view.Metrics = costs(s.Costs), metrics(s.Metrics)
	if s.Phase == ivoa.SessionOffered {
		view.Expires = instant(s.Expires)
	}
	meta := view.NeedMeta()
	meta.UUID, meta.Name, meta.URL = s.ID.String(), s.Name, sessionPath(s.ID)
	meta.Created, meta.Modified = instant(s.Created), instant(s.Modified)
	meta.Messages = s.Messages
	meta.Options = optionsIn(s.Phase)
	view.Connectors = connectors(s)
	fillComponents(view, s)
	return view
}

// optionsIn lists what may be done with a session in a phase.
func optionsIn(phase ivoa.SessionPhase) []ivoa.Option {
	values := choices(phase)
	if values == nil {
		return nil
	}
	return []ivoa.Option{&ivoa.EnumValueOption{
		Target: ivoa.Target{Kind: ivoa.KindEnumValueOption, Path: "/phase"}, Values: values,
	}}
}

// MessageUser says whose a session is, to those who see everybody's.
const MessageUser = "urn:starling:message:user"

// tellUser says first whose a session is, where it isn't the caller's own.
func tellUser(view *ivoa.Session, s *store.Session, caller identity.Caller) {
	if user := string(s.Owners.User.ID); anothers(caller, user) {
		whose := ivoa.NewMessage(wall(s.Created), ivoa.LevelInfo, MessageUser, "it is {user}'s", "user", user)
		view.Meta.Messages = append([]ivoa.Message{whose}, view.Meta.Messages...)
	}
}

// fillComponents gives a session's components their UUIDs, phases and sizes,
// and turns references by place into references by UUID.
func fillComponents(view *ivoa.Session, s *store.Session) {
	for i, c := range walk(&view.Components) {
		meta := c.Base().NeedMeta()
		if i < len(s.Components) {
			meta.UUID = s.Components[i].String()
		}
		meta.URL, meta.Options = "", nil
		meta.Created, meta.Modified = instant(s.Created), instant(s.Modified)
		if l, ok := c.(living); ok {
			l.Life().Phase, l.Life().Schedule = lifecycle(s), nil
		}
		switch c := c.(type) {
		case *ivoa.SimpleComputeResource:
			c.Cores, c.Memory = ivoa.Exactly(s.Plan.Cores), ivoa.Exactly(s.Plan.Memory)
			c.Costs, c.Metrics = view.Costs, view.Metrics
			c.Schedule = schedule(s)
		case *ivoa.SimpleStorageResource:
			c.Data = resolveAll(c.Data, s.Components)
		case *ivoa.SimpleVolumeMount:
			c.Resource = resolve(c.Resource, s.Components)
		case ivoa.DataResource:
			c.Place().Storage = resolve(c.Place().Storage, s.Components)
		}
	}
	fillStorage(view, s)
}

// lifecycle is the phase of a session's components.
func lifecycle(s *store.Session) ivoa.LifecyclePhase {
	switch s.Phase {
	case ivoa.SessionOffered:
		return ivoa.LifecycleInitializing
	case ivoa.SessionAccepted:
		return ivoa.LifecycleWaiting
	case ivoa.SessionRejected, ivoa.SessionExpired:
		return ivoa.LifecycleCancelled
	}
	return ivoa.LifecyclePhase(s.Phase)
}

// schedule says from when to when a session is held. What is available may
// start at any time of its interval: an offer stays good until it expires.
func schedule(s *store.Session) *ivoa.Schedule {
	p := s.Plan
	earliest, latest := p.Start+p.Preparing, max(p.Latest, p.Start)+p.Preparing
	releasing := p.Start + p.Preparing + p.Duration
	return &ivoa.Schedule{
		Preparing: &ivoa.StartDuration{Start: ivoa.FormatInstant(wall(p.Start)), Duration: duration(p.Preparing)},
		Available: &ivoa.StartDuration{
			Start:    ivoa.FormatInterval(ivoa.Interval{Start: wall(earliest), End: wall(latest)}),
			Duration: duration(p.Duration),
		},
		Releasing: &ivoa.StartDuration{Start: ivoa.FormatInstant(wall(releasing)), Duration: duration(p.Releasing)},
	}
}

func costs(amounts []store.Amount) []ivoa.CostItem {
	var items []ivoa.CostItem
	for _, a := range amounts {
		cost := ivoa.NewFloatCost(a.Type, a.Value)
		cost.Description = a.Unit // the schema has no other place for it
		items = append(items, cost)
	}
	return items
}

func metrics(amounts []store.Amount) []ivoa.MetricItem {
	var items []ivoa.MetricItem
	for _, a := range amounts {
		items = append(items, ivoa.NewFloatMetric(a.Type, a.Value))
	}
	return items
}

// connectors are the ways to a session's output.
func connectors(s *store.Session) []ivoa.Connector {
	if s.Attempt.Ref.IsZero() {
		return nil
	}
	status := ivoa.ConnectorPreparing
	switch {
	case s.Attempt.Ended:
		status = ivoa.ConnectorFinished
	case s.Phase == ivoa.SessionRunning || s.Phase == ivoa.SessionReleasing:
		status = ivoa.ConnectorAvailable
	}
	kinds := map[string]string{"stdout": ivoa.KindDockerStdout, "stderr": ivoa.KindDockerStderr}
	var list []ivoa.Connector
	for _, name := range []string{"stdout", "stderr"} {
		list = append(list, ivoa.Connector{
			Kind: kinds[name], Status: status, Protocol: "HTTP", Location: sessionPath(s.ID) + "/" + name,
		})
	}
	return append(list, endpoints(s)...)
}

func wall(ms store.Millis) time.Time { return time.UnixMilli(ms).UTC() }

func instant(ms store.Millis) ivoa.Time {
	if ms == 0 {
		return ivoa.Time{}
	}
	return ivoa.At(wall(ms))
}

func duration(ms store.Millis) string {
	return ivoa.FormatDuration(time.Duration(ms) * time.Millisecond)
}

// storedLimits are for what was bounded when it came.
var storedLimits = ivoa.Limits{Bytes: 1 << 30, Depth: 1 << 10, Entries: 1 << 30, Values: 1 << 30}

// decodeRequest reads a stored request.
func decodeRequest(set *store.OfferSet) (*ivoa.ExecutionRequest, error) {
	var request ivoa.ExecutionRequest
	if len(set.Request) == 0 {
		return &request, nil
	}
	if _, err := ivoa.Decode(ivoa.JSON, set.Request, storedLimits, &request); err != nil {
		return nil, fmt.Errorf("the stored request of offer set %s is damaged: %w", set.ID, err)
	}
	return &request, nil
}
