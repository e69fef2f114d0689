package placement

import (
	"strconv"
	"strings"

	"starling/api/ivoa"
	"starling/scheduling"
)

// reason says why an option has its place: in what it differs from the first, or the first from the second.
func (m *measures) reason(p Policy, order []standing, place int) scheduling.Reason {
	r := scheduling.Reason{Template: "{nth} of {options} by {policy}: ", Values: map[string]string{
		"rank": strconv.Itoa(place + 1), "nth": nth(place + 1), "options": strconv.Itoa(len(order)), "policy": p.Name(),
	}}
	if len(order) == 1 {
		r.Template = "the only one, so the best by {policy}"
		return r
	}
	d := difference{this: order[place].Option, other: order[0].Option, name: "the first", values: r.Values}
	if place == 0 {
		d.other, d.name = order[1].Option, "the second"
	}
	d.time(m)
	d.cost(m.cost, "cost", "costs {cost} more", "costs {cost} less", "quotes no cost")
	if p.Score(Losses{Carbon: 1}) > p.Score(Losses{}) {
		d.green(m.green)
	}
	d.data(m)
	r.Template += strings.Join(d.parts, ", ")
	return r
}

// Difference says in what an option differs from another, which it calls "it"; an empty template, if in nothing that
// either has told.
func Difference(this, other Option) scheduling.Reason {
	r := scheduling.Reason{Values: map[string]string{}}
	m := measure([]Option{this, other})
	d := difference{this: &this, other: &other, name: "it", values: r.Values}
	if m.late(&this) != m.late(&other) {
		d.time(&m)
	}
	d.cost(m.cost, "cost", "costs {cost} more", "costs {cost} less", "quotes no cost")
	d.data(&m)
	r.Template = strings.Join(d.parts, ", ")
	return r
}

// difference gathers in what one option differs from another.
type difference struct {
	this, other *Option
	name        string // of the other
	parts       []string
	values      map[string]string
}

// say adds a part of a template, with the value of that name in it.
func (d *difference) say(template, name, value string) {
	d.parts = append(d.parts, template)
	d.values[name] = value
}

func (d *difference) time(m *measures) {
	apart := d.this.turnaround() - d.other.turnaround()
	switch by := m.late(d.this) - m.late(d.other); {
	case by > 0:
		d.say("ends {time} after "+d.name, "time", span(apart))
	case by < 0:
		d.say("ends {time} before "+d.name, "time", span(-apart))
	default:
		d.parts = append(d.parts, "ends when "+d.name+" does")
	}
}

// cost compares what both quote of a type of cost; name is that of the value.
func (d *difference) cost(c criterion, name, more, less, none string) {
	this, other := d.this.quoted(c.kind), d.other.quoted(c.kind)
	switch {
	case this == nil && c.any:
		d.parts = append(d.parts, none)
	case this == nil || other == nil:
	case this.Unit != other.Unit:
		d.say("counts its "+name+" in {"+name+"Unit}, which can't be compared", name+"Unit", this.Unit)
	case this.Value > other.Value:
		d.say(more, name, Amount(this.Value-other.Value, this.Unit))
	case this.Value < other.Value:
		d.say(less, name, Amount(other.Value-this.Value, this.Unit))
	}
}

func (d *difference) green(c criterion) {
	if c.kind == ivoa.CostCarbon {
		d.cost(c, "carbon", "emits {carbon} more", "emits {carbon} less", "doesn't tell its carbon")
		return
	}
	d.cost(c, "energy", "takes {energy} more", "takes {energy} less", "doesn't tell its energy")
}

func (d *difference) data(m *measures) {
	switch {
	case !m.bytes:
	case d.this.Bytes <= 0:
		d.parts = append(d.parts, "doesn't say how much data it would move")
	case d.this.Moved <= 0:
		d.parts = append(d.parts, "has the data")
	case d.other.Bytes <= 0:
	case d.this.Moved > d.other.Moved:
		d.say("moves {data} more", "data", bytes(d.this.Moved-max(0, d.other.Moved)))
	case d.this.Moved < d.other.Moved:
		d.say("moves {data} less", "data", bytes(d.other.Moved-d.this.Moved))
	}
}
