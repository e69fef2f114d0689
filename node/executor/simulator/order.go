package simulator

import (
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxPause bounds what a command can ask for, in seconds: ten years.
const maxPause = 10 * 365 * 86400

// order is how a simulated program behaves.
type order struct {
	pause time.Duration
	exit  int
}

// parse reads the two numbers of an executable's command. Whatever is not such
// a command is a program that ends well at once.
func parse(executable jsontext.Value) order {
	var has struct {
		Command []jsontext.Value `json:"command"`
	}
	if json.Unmarshal(executable, &has) != nil || len(has.Command) != 2 {
		return order{}
	}
	wait, ok := number(has.Command[0])
	if !ok || wait < 0 {
		return order{}
	}
	exit, ok := number(has.Command[1])
	if !ok || exit != math.Trunc(exit) || exit < 0 || exit > 255 {
		return order{}
	}
	return order{pause: seconds(wait), exit: int(exit)}
}

// number reads a JSON number, or a string that holds one.
func number(value jsontext.Value) (float64, bool) {
	text := string(value)
	if value.Kind() == '"' && json.Unmarshal(value, &text) != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsNaN(n)
}

func seconds(n float64) time.Duration {
	return time.Duration(min(n, maxPause) * float64(time.Second))
}
