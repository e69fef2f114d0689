package policy

import (
	"math"
	"strconv"
	"time"

	"starling/scheduling"
)

func (c Cap) isZero() bool { return c == Cap{} }

// A Ceiling is a limit that a rule sets.
type Ceiling struct {
	What  string  `json:"what"` // cores, memory, storage, gpus, duration, price
	Most  float64 `json:"most"` // GiB of memory and storage, seconds of the duration
	Rule  string  `json:"rule"`
	since *rule   // whose message says more
}

// ceilings are all that caps limit, by what.
type ceilings []Ceiling

// The things that are capped, in the order in which they are told.
var capped = [...]string{"cores", "memory", "storage", "gpus", "duration", "price"}

// add lays a rule's cap over the others: the least counts.
func (list ceilings) add(r *rule) ceilings {
	amounts := [...]*int64{r.cap.Cores, r.cap.Memory, r.cap.Storage, r.cap.GPUs}
	for i, amount := range amounts {
		if amount != nil {
			list = list.lay(Ceiling{capped[i], float64(*amount), r.name, r})
		}
	}
	if r.cap.Duration > 0 {
		list = list.lay(Ceiling{"duration", r.cap.Duration.Seconds(), r.name, r})
	}
	if r.cap.Price != nil {
		list = list.lay(Ceiling{"price", *r.cap.Price, r.name, r})
	}
	return list
}

func (list ceilings) lay(c Ceiling) ceilings {
	for i := range list {
		if list[i].What == c.What {
			if c.Most >= list[i].Most {
				return list
			}
			lower := append(ceilings{}, list...)
			lower[i] = c
			return lower
		}
	}
	return append(list[:len(list):len(list)], c)
}

// of is the limit of one thing, nil where there is none.
func (list ceilings) of(what string) *Ceiling {
	for i := range list {
		if list[i].What == what {
			return &list[i]
		}
	}
	return nil
}

// amounts of resources, by the names of ceilings.
func amounts(r *scheduling.Resources) [4]*int64 {
	return [4]*int64{&r.Cores, &r.Memory, &r.Storage, &r.GPUs}
}

// over returns the first limit that something is beyond; nil: none.
func (list ceilings) over(size scheduling.Resources, d time.Duration, price map[string]float64, monetary string) (*Ceiling, float64) {
	for i, amount := range amounts(&size) {
		if c := list.of(capped[i]); c != nil && float64(*amount) > c.Most {
			return c, float64(*amount)
		}
	}
	if c := list.of("duration"); c != nil && d.Seconds() > c.Most {
		return c, d.Seconds()
	}
	if c := list.of("price"); c != nil && price != nil {
		value, known := price[monetary]
		if !known {
			value = math.NaN()
		}
		if !(value <= c.Most) {
			return c, value
		}
	}
	return nil, 0
}

// beneath is as much of an amount as the limits let pass.
func (list ceilings) beneath(size scheduling.Resources) scheduling.Resources {
	for i, amount := range amounts(&size) {
		if c := list.of(capped[i]); c != nil {
			*amount = min(*amount, int64(c.Most))
		}
	}
	return size
}

// String is the limit for people.
func (c Ceiling) String() string { return c.show(c.Most) }

// show writes an amount of what is capped, for people.
func (c Ceiling) show(value float64) string {
	switch c.What {
	case "memory", "storage":
		return number(value) + " GiB"
	case "duration":
		return (time.Duration(value*1e3) * time.Millisecond).String()
	case "price":
		if math.IsNaN(value) {
			return "a price that is not known"
		}
		return number(value)
	}
	return strconv.FormatInt(int64(value), 10)
}

// exceeded is the message that something is beyond a limit.
func (c Ceiling) exceeded(value float64, in *scope) *Message {
	return c.message("{what}: {asked} is more than the {most} that are given here", in, "what", c.What, "asked", c.show(value), "most", c.show(c.Most))
}

// lowered is the remark that a limit has cut something down.
func (c Ceiling) lowered(value float64, in *scope) Message {
	return *c.message("{what}: {most} instead of {asked}", in, "what", c.What, "asked", c.show(value), "most", c.show(c.Most))
}

func (c Ceiling) message(template string, in *scope, pairs ...string) *Message {
	pairs = append(pairs, "rule", c.Rule)
	if c.since != nil && c.since.message.text != "" {
		template += ": " + c.since.message.text
		pairs = append(pairs, c.since.message.values(in)...)
	}
	return &Message{template + " (rule {rule})", pairs}
}
