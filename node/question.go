package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/policy"
	"starling/node/store"
	"starling/scheduling"
	"starling/scheduling/placement"
	"starling/scheduling/transfer"
)

// question is a request as the broker understands it: what to look for on the
// timelines, and the request itself with its references made good.
type question struct {
	request     *ivoa.ExecutionRequest
	encoded     []byte // the request as JSON, to be stored
	trace       identity.Trace
	owners      accounting.Owners
	name        string
	kind        string    // of the executable
	dataKinds   []string  // kinds of data that have to be staged
	schemes     []string  // URL schemes of simple data resources
	tokenEnds   time.Time // when the user's token ends, where data want another in exchange
	bytes       int64     // to be staged, as far as the request says
	items       []transfer.Item
	transfer    transfer.Plan // of the items, to this site
	staging     []store.Staging
	unlocated   []string // kinds of data of which the request itself has no URL
	storages    []wanted
	executor    identity.UUID // that keeps storage which is to be used again; zero: any
	demand      scheduling.Demand
	times       scheduling.Timing // without a kind where the request has none
	constraints scheduling.Constraints
	remarks     []ivoa.Message // worth saying, whatever the answer is
	objections  []ivoa.Message // each alone makes the answer NO
	funds       funds          // what limits there are for the owners

	set      identity.UUID // of the answer
	policy   placement.Policy
	asked    store.For    // by whom, where another node asks
	plain    []byte       // the request as JSON, as it came; nil: no other node is asked
	keeper   identity.Tag // of the node with the storage that is to be used again; zero: none
	others   others       // what other nodes say
	hopeless bool         // some objection is to the request itself, so that all sites would make it

	decision *policy.Decision // the site's; nil where there are objections already
	groups   []string         // of the caller's, by which quotas count
}

// reader reads a request into a question, gathering everything that is wrong
// with it, so that the user hears of all of it at once.
type reader struct {
	*question
	now    time.Time
	offers config.Offers
	names  map[string]int // name or client's UUID: place in the walk
	kept   []*store.Kept  // storage of the caller's that the request refers to
	ours   identity.Tag   // of the UUIDs that this node gives

	model    *transfer.Model
	elements []config.StorageElement

	components []base // the walk, once it is complete
}

// recalled is what a node knows of the storage that a request refers to, and of how
// data come to it.
type recalled struct {
	kept     []*store.Kept
	ours     identity.Tag
	model    *transfer.Model
	elements []config.StorageElement
}

// understand reads a request. It has no side effects and needs no lock; the
// request is changed: references become places, and data without storage get
// some. Where a value isn't of its format at all the error is a Problem, for a
// 400; what is well-formed but can't be is an objection, for a NO.
func understand(req *ivoa.ExecutionRequest, notices []ivoa.Notice, now time.Time, offers config.Offers, known ...recalled) (*question, error) {
	r := &reader{question: &question{request: req}, now: now, offers: offers, names: map[string]int{}}
	for _, k := range known {
		r.kept, r.ours, r.model, r.elements = k.kept, k.ours, k.model, k.elements
	}
	if r.model == nil {
		r.model = transfer.New(transfer.Default())
	}
	for _, n := range notices {
		r.notice(n)
	}
	r.executable()
	r.complete()
	r.register()
	r.compute()
	r.storage()
	r.data()
	r.fetch()
	r.volumes()
	if err := r.schedule(); err != nil {
		return nil, err
	}
	if err := r.lifetimes(); err != nil {
		return nil, err
	}
	r.wishes()
	r.demand.Releasing = releasing
	if err := r.timing(); err != nil {
		return nil, err
	}
	r.demand.Max.Storage = min(r.demand.Max.Storage, max(maxAmount, r.demand.Min.Storage))
	if r.demand.Min.Storage > maxAmount {
		r.object(ivoa.MessageResourceLimit, "the storage resources add up to {size} GiB, which no site has", "size", strconv.FormatInt(r.demand.Min.Storage, 10))
	}
	return r.question, nil
}

func (r *reader) remark(kind, template string, pairs ...string) {
	r.remarks = append(r.remarks, ivoa.NewMessage(r.now, ivoa.LevelWarn, kind, template, pairs...))
}

// maxObjections bounds what a hopeless request is told.
const maxObjections = 50

func (r *reader) object(kind, template string, pairs ...string) {
	r.hopeless = true
	r.objectHere(kind, template, pairs...)
}

// objectHere is object for what another site may see otherwise.
func (r *reader) objectHere(kind, template string, pairs ...string) {
	if len(r.objections) < maxObjections {
		r.objections = append(r.objections, ivoa.NewMessage(r.now, ivoa.LevelError, kind, template, pairs...))
	}
}

// notice tells of something in the body that has no effect. Where it is a known
// property misspelt, an offer would not be of what the user wants: that is NO.
func (r *reader) notice(n ivoa.Notice) {
	template, pairs := "{path}: {reason}", []string{"path", n.Path, "reason", n.Message}
	if n.Line > 0 {
		template, pairs = "line {line}: "+template, append(pairs, "line", strconv.Itoa(n.Line))
	}
	if n.Meant == "" {
		r.remark(ivoa.MessageInvalidValue, template, pairs...)
		return
	}
	r.object(ivoa.MessageInvalidValue, template+"; did you mean {meant}?", append(pairs, "meant", n.Meant)...)
}

func (r *reader) executable() {
	switch e := r.request.Executable.(type) {
	case nil:
		r.object(ivoa.MessageExecutableRequired, "the request has no {property}: say what to run", "property", "executable")
		return
	case *ivoa.DockerContainer:
		r.docker(e)
	case *ivoa.Process:
		r.process(e)
	case *ivoa.Sequence:
		r.sequence(e)
	case *ivoa.SingularityContainer:
		r.need("/executable/location", e.Location)
	case *ivoa.JupyterNotebook:
		r.need("/executable/location", e.Location)
	}
	r.kind = r.request.Executable.Base().Kind
	r.name = r.request.Executable.Base().Name()
}

func (r *reader) need(path, value string) {
	if strings.TrimSpace(value) == "" {
		r.object(ivoa.MessageMissingRequiredValue, "{path} is missing", "path", path)
	}
}

func (r *reader) docker(d *ivoa.DockerContainer) {
	if d.Image == nil || len(d.Image.Locations) == 0 {
		r.object(ivoa.MessageMissingRequiredValue, "{path} is missing: name at least one place to pull the image from", "path", "/executable/image/locations")
	}
	if d.Privileged {
		r.object(ivoa.MessageNotSupported, "{path}: no container runs privileged here", "path", "/executable/privileged")
	}
	for name := range d.Labels {
		if strings.HasPrefix(name, ivoa.ReservedLabelPrefix) {
			r.object(ivoa.MessageReservedLabel, "label {label}: names that begin with {prefix} are the broker's own", "label", name, "prefix", ivoa.ReservedLabelPrefix)
		}
	}
}

func (r *reader) process(p *ivoa.Process) {
	if len(p.Command) == 0 || p.Command[0] == "" {
		r.object(ivoa.MessageMissingRequiredValue, "{path} is missing: name the program to run, and its arguments", "path", "/executable/command")
	}
	for i, word := range p.Command {
		if strings.ContainsRune(word, 0) {
			r.object(ivoa.MessageInvalidValue, "{path} holds a NUL character", "path", fmt.Sprintf("/executable/command/%d", i))
		}
	}
	for name, value := range p.Environment {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			r.object(ivoa.MessageInvalidValue, "{path}: {name} can't be set in an environment", "path", "/executable/environment", "name", strconv.Quote(name))
		}
	}
}

// schedule reads the duration and the interval in which to start.
func (r *reader) schedule() error {
	duration := r.offers.DefaultDuration
	if r.request.Schedule != nil && r.request.Schedule.Requested != nil {
		requested := r.request.Schedule.Requested
		if requested.Duration != "" {
			asked, err := ivoa.ParseDuration(requested.Duration)
			if err != nil {
				return &Problem{Code: CodeInvalid, Field: "/schedule/requested/duration", Detail: err.Error()}
			}
			duration = asked
		}
		if requested.Start != "" {
			interval, err := ivoa.ParseInterval(requested.Start)
			if err != nil {
				return &Problem{Code: CodeInvalid, Field: "/schedule/requested/start", Detail: err.Error()}
			}
			r.start(interval)
		}
	}
	if duration <= 0 {
		r.object(ivoa.MessageInvalidValue, "{path} is {value}: it must be more than nothing", "path", "/schedule/requested/duration", "value", ivoa.FormatDuration(duration))
	}
	if duration > r.offers.MaxDuration {
		r.objectHere(ivoa.MessageResourceLimit, "{path} is {value}: this site runs nothing for longer than {limit}", "path", "/schedule/requested/duration",
			"value", ivoa.FormatDuration(duration), "limit", ivoa.FormatDuration(r.offers.MaxDuration))
	}
	r.demand.Duration = scheduling.SpanOf(duration)
	return nil
}

func (r *reader) start(interval ivoa.Interval) {
	if interval.Reversed() {
		r.object(ivoa.MessageInvalidValue, "{path} ends before it begins", "path", "/schedule/requested/start")
		return
	}
	if interval.End.Before(r.now) {
		r.object(ivoa.MessageInvalidValue, "{path} is over: it ended at {end}", "path", "/schedule/requested/start", "end", ivoa.FormatInstant(interval.End))
	}
	r.demand.Start = scheduling.StartInterval{Earliest: scheduling.InstantOf(interval.Start), Latest: scheduling.InstantOf(interval.End)}
}

// wishes reads the limits on costs and metrics.
func (r *reader) wishes() {
	for i, c := range r.request.Costs {
		float, ok := c.(*ivoa.FloatCost)
		if !ok {
			r.unknown("cost", c.Cost().Kind)
			continue
		}
		if float.Max != nil {
			r.constraints.AtMost = append(r.constraints.AtMost, scheduling.Amount{Type: float.Type, Value: *float.Max})
		} else {
			r.remark(ivoa.MessageMissingRequiredValue, "{path} has no max, so that it asks for nothing", "path", fmt.Sprintf("/costs/%d", i))
		}
	}
	for i, m := range r.request.Metrics {
		float, ok := m.(*ivoa.FloatMetric)
		if !ok {
			r.unknown("metric", m.Metric().Kind)
			continue
		}
		if float.Min != nil {
			r.constraints.AtLeast = append(r.constraints.AtLeast, scheduling.Amount{Type: float.Type, Value: *float.Min})
		} else {
			r.remark(ivoa.MessageMissingRequiredValue, "{path} has no min, so that it asks for nothing", "path", fmt.Sprintf("/metrics/%d", i))
		}
	}
}

func (r *reader) unknown(what, kind string) {
	r.object(ivoa.MessageUnknownType, "{kind} is no kind of {what} that this broker knows", "kind", kind, "what", what)
}

func addOnce(list []string, item string) []string {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}
