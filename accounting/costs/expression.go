package costs

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"

	"starling/accounting"
)

// Bounds of an expression. What it may cost counts CEL's steps: a comparison or
// a look-up is one, so that a tariff takes some dozens. It is a bound of work
// and not of time: whether a session can be charged must not depend on how busy
// the machine is.
const (
	maxExpression = 4096 // characters
	maxDepth      = 50
	maxSteps      = 20_000
)

// An expression is compiled CEL that makes a number.
type expression struct{ program cel.Program }

// compile checks an expression in an environment; key is where it stands.
func (l *language) compile(env *cel.Env, key, text string) (*expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, wrong(key, "is empty: write an expression, as usage[\"core-seconds\"] / 3600.0 * 0.03 is; 0.0 costs nothing")
	}
	parsed, issues := env.Parse(text)
	if err := l.issue(key, issues); err != nil {
		return nil, err
	}
	if err := l.checkNames(key, parsed); err != nil {
		return nil, err
	}
	checked, issues := env.Check(parsed)
	if err := l.issue(key, issues); err != nil {
		return nil, err
	}
	switch kind := checked.OutputType(); kind.Kind() {
	case types.DoubleKind, types.IntKind, types.UintKind:
	default:
		return nil, wrong(key, "makes a value of type %s; a cost is a number", kind)
	}
	steps, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, wrong(key, "%v", err)
	}
	if steps.Max > maxSteps {
		return nil, wrong(key, "could take more than %d steps for one session, the most that is allowed: don't nest loops over usage", maxSteps)
	}
	program, err := env.Program(checked, cel.CostLimit(maxSteps), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, wrong(key, "%v", err)
	}
	return &expression{program}, nil
}

// sizes says how large the values can be that expressions are given.
type sizes struct{}

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	switch path := node.Path(); {
	case len(path) == 0:
		return nil
	case len(path) == 1 && path[0] == varUsage:
		return &cost.SizeEstimate{Max: accounting.MaxQuantities + maxUsage}
	}
	return &cost.SizeEstimate{Max: 512} // bytes of a name or a kind
}

// value evaluates to an amount of a unit, rounded half to even in its smallest
// part, as the shortest decimal that stands for the result.
func (e *expression) value(in *scope, unit accounting.Unit) (accounting.Amount, error) {
	result, _, err := e.program.Eval(in)
	if err != nil {
		return 0, err
	}
	var text string
	switch v := result.(type) {
	case types.Double:
		f := float64(v)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, fmt.Errorf("the result is %v, which is no amount (was something divided by 0?)", f)
		}
		text = strconv.FormatFloat(f, 'g', -1, 64)
	case types.Int:
		text = strconv.FormatInt(int64(v), 10)
	case types.Uint:
		text = strconv.FormatUint(uint64(v), 10)
	default:
		return 0, fmt.Errorf("the result is a %s and no number", result.Type().TypeName())
	}
	amount, err := accounting.ParseAmount(text, unit)
	if err == nil && amount < 0 {
		err = fmt.Errorf("the result is %s: nobody is paid for running", text)
	}
	return amount, err
}
