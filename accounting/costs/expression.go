package costs

import (
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"

	"starling/accounting"
	"starling/accounting/expression"
)

// cost is what expressions of costs must be.
var cost = expression.Form{
	Kinds: []types.Kind{types.DoubleKind, types.IntKind, types.UintKind},
	Wants: "a cost is a number",
	Empty: "write an expression, as usage[\"core-seconds\"] / 3600.0 * 0.03 is; 0.0 costs nothing",
	Heavy: "don't nest loops over usage",
}

// amountOf evaluates an expression to an amount of a unit, rounded half to even
// in its smallest part, as the shortest decimal that stands for the result.
func amountOf(e *expression.Expression, in *scope, unit accounting.Unit) (accounting.Amount, error) {
	result, err := e.Value(in)
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
