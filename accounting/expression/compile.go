package expression

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// A Form is what expressions of some place must be.
type Form struct {
	Kinds []types.Kind // of their results
	Wants string       // what that means, for people: "a cost is a number"
	Empty string       // what to write, for those who wrote nothing
	Heavy string       // how to do with less work, for those who want too much
}

// An Expression is compiled CEL.
type Expression struct {
	plain   cel.Program // nil where values of the usual sizes could take too long, too
	counted cel.Program
	names   []string
}

// Compile checks an expression; key is where it stands. The error is an *Error.
func (l *Language) Compile(key, text string, form Form) (*Expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, Wrong(key, "is empty: %s", form.Empty)
	}
	parsed, issues := l.env.Parse(text)
	if err := l.issue(key, issues); err != nil {
		return nil, err
	}
	if err := l.checkNames(key, parsed); err != nil {
		return nil, err
	}
	checked, issues := l.env.Check(parsed)
	if err := l.issue(key, issues); err != nil {
		return nil, err
	}
	if kind := checked.OutputType(); !slices.Contains(form.Kinds, kind.Kind()) {
		return nil, Wrong(key, "makes a value of type %s; %s", kind, form.Wants)
	}
	steps, err := l.env.EstimateCost(checked, l.bounds)
	if err != nil {
		return nil, Wrong(key, "%v", err)
	}
	if steps.Min > l.bounds.Steps || steps.Max > l.bounds.Steps && form.Heavy != "" {
		return nil, Wrong(key, "could take more than %d steps, the most that is allowed: %s", l.bounds.Steps, form.Heavy)
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.OptimizeRegex(interpreter.MatchesRegexOptimization)}
	e := &Expression{names: namesIn(checked.NativeRep())}
	if e.counted, err = l.env.Program(checked, append(options, cel.CostLimit(l.bounds.Steps))...); err != nil {
		return nil, Wrong(key, "%v", err)
	}
	if steps.Max <= l.bounds.Steps {
		e.plain, err = l.env.Program(checked, options...)
	}
	return e, err
}

// namesIn lists the names that an expression uses.
func namesIn(checked *ast.AST) (names []string) {
	for _, to := range checked.ReferenceMap() {
		if to.Name != "" && !slices.Contains(names, to.Name) {
			names = append(names, to.Name)
		}
	}
	return names
}

// Uses reports whether the expression uses a name, or one behind it and a dot.
func (e *Expression) Uses(name string) bool {
	return slices.ContainsFunc(e.names, func(used string) bool {
		return used == name || strings.HasPrefix(used, name+".")
	})
}

// Value evaluates the expression with values that are within the language's
// sizes. An error says what can't be evaluated, a division by zero say, or that it
// would take too long.
func (e *Expression) Value(values cel.Activation) (ref.Val, error) {
	if e.plain == nil {
		return e.Counted(values)
	}
	value, _, err := e.plain.Eval(values)
	return value, err
}

// Counted is Value for values of any size: the steps are counted as they are
// taken, which takes longer than most expressions do.
func (e *Expression) Counted(values cel.Activation) (ref.Val, error) {
	value, _, err := e.counted.Eval(values)
	return value, err
}

// EstimateCallCost implements cost.Estimator: CEL's own functions are known.
func (Bounds) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize implements cost.Estimator.
func (b Bounds) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	path := node.Path()
	if len(path) == 0 {
		return nil
	}
	if size, known := b.Sizes[strings.Join(path, ".")]; known {
		return &cost.SizeEstimate{Max: size}
	}
	return &cost.SizeEstimate{Max: b.Size}
}
