package policy

import (
	"reflect"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"starling/accounting/expression"
	"starling/api/ivoa/imagename"
	"starling/scheduling"
)

// An Offer is one way to run a request, as far as rules can tell.
type Offer struct {
	Start, End time.Time // of the work
	Size       scheduling.Resources
	// Price is what it would be charged, by the resource. What isn't there has no
	// price that is known: a rule that asks for it fails, and so denies.
	Price map[string]float64
}

// A scope is what rules see: the values of all names.
type scope struct {
	request *Request
	offer   *Offer // nil while a request is judged
	large   bool   // it is larger than usual: steps are counted
	// texts and lists are made once, since most rules ask for some of them.
	texts map[string]ref.Val
}

var _ cel.Activation = (*scope)(nil)

// newScope is that of a request with one of its images.
func newScope(r *Request, image imagename.Name) *scope {
	list := func(texts []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, texts) }
	roles := make([]string, len(r.Caller.Roles))
	for i, role := range r.Caller.Roles {
		roles[i] = string(role)
	}
	return &scope{request: r, large: r.large(), texts: map[string]ref.Val{
		"user": types.String(r.Caller.User), "issuer": types.String(r.Caller.Subject.Issuer), "proposal": types.String(r.Caller.Proposal),
		"groups": list(r.Caller.Groups), "roles": list(roles),
		"executable.kind": types.String(r.Executable.Kind), "executable.image": types.String(image.Location),
		"executable.registry": types.String(image.Registry), "executable.repository": types.String(image.Repository),
		"executable.tag": types.String(image.Tag), "executable.digest": types.String(image.Digest), "executable.command": list(r.Executable.Command),
	}}
}

// value evaluates an expression.
func (s *scope) value(e *expression.Expression) (ref.Val, error) {
	if s.large {
		return e.Counted(s)
	}
	return e.Value(s)
}

// Parent implements cel.Activation: there are no names but these.
func (*scope) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (s *scope) ResolveName(name string) (any, bool) {
	if value, found := s.texts[name]; found {
		return value, true
	}
	if value, found := variables[name]; found {
		return value(s.request), true
	}
	value, found := offered[name]
	if !found || s.offer == nil {
		return nil, false
	}
	return value(s.offer), true
}

// varOffer begins the names of what only an offer has.
const varOffer = "offer"

// varPrice is a map, the keys of which are the resources that have a price.
const varPrice = "offer.price"

// varTimes are the names by which a rule looks at when an offer starts.
var varTimes = []string{"offer.start", "offer.end", "offer.timeOfDay", "offer.weekday"}

// variables are how to find the values of the names of a request that are neither
// texts nor lists of them. Every number is a double, since CEL doesn't mix kinds
// of numbers.
var variables = map[string]func(*Request) any{
	"sessions": func(r *Request) any { return types.Double(r.Sessions) },

	"data": func(r *Request) any { return r.Data },

	"cores.min":   func(r *Request) any { return types.Double(r.Min.Cores) },
	"cores.max":   func(r *Request) any { return types.Double(r.Max.Cores) },
	"memory.min":  func(r *Request) any { return types.Double(r.Min.Memory) },
	"memory.max":  func(r *Request) any { return types.Double(r.Max.Memory) },
	"storage.min": func(r *Request) any { return types.Double(r.Min.Storage) },
	"storage.max": func(r *Request) any { return types.Double(r.Max.Storage) },
	"gpus.min":    func(r *Request) any { return types.Double(r.Min.GPUs) },
	"gpus.max":    func(r *Request) any { return types.Double(r.Max.GPUs) },

	"duration": func(r *Request) any { return types.Duration{Duration: r.Duration} },
	"hours":    func(r *Request) any { return types.Double(r.Duration.Hours()) },
	"repeats":  func(r *Request) any { return types.Bool(r.Repeats) },
}

// offered are how to find the values of the names of an offer.
var offered = map[string]func(*Offer) any{
	"offer.start":     func(o *Offer) any { return types.Timestamp{Time: o.Start.UTC()} },
	"offer.end":       func(o *Offer) any { return types.Timestamp{Time: o.End.UTC()} },
	"offer.timeOfDay": func(o *Offer) any { return types.String(o.Start.UTC().Format("15:04")) },
	"offer.weekday":   func(o *Offer) any { return types.String(weekdays[o.Start.UTC().Weekday()]) },
	"offer.cores":     func(o *Offer) any { return types.Double(o.Size.Cores) },
	"offer.memory":    func(o *Offer) any { return types.Double(o.Size.Memory) },
	"offer.storage":   func(o *Offer) any { return types.Double(o.Size.Storage) },
	"offer.gpus":      func(o *Offer) any { return types.Double(o.Size.GPUs) },
	varPrice:          func(o *Offer) any { return o.Price },
}

var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// maxSteps bounds the work of one rule: over all data of the largest request,
// twice.
const maxSteps = 50_000

// What is usual of what rules see. Names of people are never longer, nor are those
// of images; of all else the steps are counted where it is larger.
const (
	maxNames   = 256  // groups
	usualList  = 32   // data, words of a command
	usualText  = 1024 // bytes of what is in them, and of names
	shortTexts = 16   // bytes of a time of day, a weekday, a role
	maxPrices  = 256
)

// maxText is the longest text that rules judge, in bytes: no program takes longer
// arguments (Linux's MAX_ARG_STRLEN).
const maxText = 128 << 10

// large reports whether there is more of something than is usual.
func (r *Request) large() bool {
	return len(r.Data) > usualList || len(r.Executable.Command) > usualList || len(r.Caller.Groups) > maxNames || r.longest() > usualText
}

// longest is the length of the longest text in a request, in bytes.
func (r *Request) longest() int {
	n := max(len(r.Caller.User), len(r.Caller.Proposal), len(r.Caller.Subject.Issuer), len(r.Executable.Kind))
	for _, word := range r.Executable.Command {
		n = max(n, len(word))
	}
	for _, group := range r.Caller.Groups {
		n = max(n, len(group))
	}
	for _, d := range r.Data {
		n = max(n, len(d.Kind), len(d.Location))
	}
	return n
}

// newLanguage is what rules are written in.
func newLanguage(prices []string, suggest func(string, []string) string) (*expression.Language, error) {
	names := expression.Names{
		Types:   map[string]*cel.Type{"data": cel.ListType(cel.ObjectType("policy.Data")), varPrice: cel.MapType(cel.StringType, cel.DoubleType)},
		Members: map[string]expression.Members{varPrice: {Known: slices.Sorted(slices.Values(prices)), More: ": what the tariff charges for"}},
		Structs: []reflect.Type{reflect.TypeFor[Data]()},
	}
	example := newScope(&Request{}, imagename.Name{})
	for name, value := range example.texts {
		names.Types[name] = cel.StringType
		if value.Type() == types.ListType {
			names.Types[name] = cel.ListType(cel.StringType)
		}
	}
	for name, value := range variables {
		if names.Types[name] == nil {
			names.Types[name] = value(&Request{}).(ref.Val).Type().(*cel.Type)
		}
	}
	for name, value := range offered {
		if names.Types[name] == nil {
			names.Types[name] = value(&Offer{}).(ref.Val).Type().(*cel.Type)
		}
	}
	return expression.New(names, expression.Bounds{
		Steps: maxSteps, Size: usualText,
		Sizes: map[string]uint64{
			"groups": maxNames, "roles": shortTexts, "roles.@items": shortTexts, "executable.command": usualList, "data": usualList,
			"offer.timeOfDay": shortTexts, "offer.weekday": shortTexts, varPrice: maxPrices,
		},
	}, suggest)
}
