package costs

import (
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"starling/accounting"
	"starling/accounting/expression"
)

// The names of what expressions can use. Every number is a double, since CEL
// doesn't mix kinds of numbers.
const (
	varUsage     = "usage"
	varStart     = "start"
	varEnd       = "end"
	varDuration  = "duration"
	varHours     = "hours"
	varTimeOfDay = "timeOfDay"
	varWeekday   = "weekday"
	varSession   = "session" // with a dot and one of the names below
	varCharge    = "charge"  // in discounts
)

// A scope is what one evaluation sees: the values of all names. They are made
// when they are asked for, since most expressions use a few.
type scope struct {
	language *language
	work     accounting.Work
	part     time.Duration        // of the work's time
	charge   *accounting.Quantity // in discounts
}

var _ cel.Activation = (*scope)(nil)

// Parent implements cel.Activation: there are no names but these.
func (*scope) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (s *scope) ResolveName(name string) (any, bool) {
	if name == varCharge && s.charge != nil {
		return s.charge.Value(), true
	}
	if name == varUsage {
		return s.language.amounts(share(s.work.Usage, s.part, s.work.End.Sub(s.work.Start))), true
	}
	value, found := variables[name]
	if !found {
		return nil, false
	}
	return value(s), true
}

// variables are how to find the values of all names but usage and charge.
var variables = map[string]func(*scope) any{
	varStart:     func(s *scope) any { return s.work.Start.UTC() },
	varEnd:       func(s *scope) any { return s.work.End.UTC() },
	varDuration:  func(s *scope) any { return s.part },
	varHours:     func(s *scope) any { return s.part.Hours() },
	varTimeOfDay: func(s *scope) any { return s.work.Start.UTC().Format("15:04") },
	varWeekday:   func(s *scope) any { return weekdays[s.work.Start.UTC().Weekday()] },

	"session.kind":      func(s *scope) any { return s.work.Kind },
	"session.site":      func(s *scope) any { return string(s.work.Site) },
	"session.pool":      func(s *scope) any { return s.work.Pool },
	"session.cores":     func(s *scope) any { return float64(s.work.Size.Cores) },
	"session.memory":    func(s *scope) any { return float64(s.work.Size.MemoryGiB) },
	"session.storage":   func(s *scope) any { return float64(s.work.Size.StorageGiB) },
	"session.gpus":      func(s *scope) any { return float64(s.work.Size.GPUs) },
	"session.tag":       func(s *scope) any { return string(s.work.Owners.TAG.ID) },
	"session.programme": func(s *scope) any { return string(s.work.Owners.Programme.ID) },
	"session.proposal":  func(s *scope) any { return string(s.work.Owners.Proposal.ID) },
	"session.group":     func(s *scope) any { return string(s.work.Owners.Group.ID) },
	"session.user":      func(s *scope) any { return string(s.work.Owners.User.ID) },
}

var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// measured are the names of usage that every node measures.
var measured = []string{
	string(accounting.TotalTime), string(accounting.CoreSeconds), string(accounting.MemoryGiBSeconds),
	string(accounting.StorageGiBSeconds), string(accounting.GPUSeconds), string(accounting.BytesStaged),
}

// maxSteps bounds what an expression may cost: a tariff takes some dozens.
const maxSteps = 20_000

// A language is what expressions of one configuration are written in.
type language struct {
	models, discounts *expression.Language // the latter know charge
	usage             []string             // names of usage, in order
}

func newLanguage(usage []string, suggest func(string, []string) string) (*language, error) {
	l := &language{usage: slices.Compact(slices.Sorted(slices.Values(slices.Concat(measured, usage))))}
	names := expression.Names{
		Types: map[string]*cel.Type{varUsage: cel.MapType(cel.StringType, cel.DoubleType)},
		Members: map[string]expression.Members{
			varUsage: {Known: l.usage, More: ", and what `usage` declares that executors report"},
		},
	}
	for name, value := range variables {
		example := types.DefaultTypeAdapter.NativeToValue(value(new(scope)))
		names.Types[name] = example.Type().(*cel.Type)
	}
	var err error
	l.models, err = expression.New(names, expression.Bounds{
		Steps: maxSteps, Size: 512, // bytes of a name or a kind
		Sizes: map[string]uint64{varUsage: accounting.MaxQuantities + maxUsage},
	}, suggest)
	if err != nil {
		return nil, err
	}
	l.discounts, err = l.models.Extend(map[string]*cel.Type{varCharge: cel.DoubleType})
	return l, err
}

// amounts is what a map of usage holds: every name that expressions may use.
func (l *language) amounts(usage []accounting.Quantity) map[string]float64 {
	m := make(map[string]float64, len(l.usage)+len(usage))
	for _, name := range l.usage {
		m[name] = 0
	}
	for _, q := range usage {
		m[string(q.Name)] += q.Value()
	}
	return m
}
