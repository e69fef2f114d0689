package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/node/cluster"
)

// A nodeView is a table of nodes: its columns, and what stands in them.
type nodeView struct {
	columns []table.Column
	cells   func(client.Node) []string
	passing []string // columns that change as time passes, or all the time
}

var availabilityView = nodeView{
	columns: []table.Column{
		{Name: "node", Flexible: true}, {Name: "state"}, {Name: "cores", Right: true}, {Name: "memory", Right: true}, {Name: "gpus", Right: true, Optional: true},
		{Name: "queue", Right: true}, {Name: "run", Right: true}, {Name: "role"}, {Name: "heard", Right: true},
	},
	cells: func(n client.Node) []string {
		cells := []string{n.Name, stateText(n), "", "", "", "", "", roleText(n), heardText(n)}
		if n.Availability != nil {
			of := func(free, all int64) string { return fmt.Sprint(free, "/", all) }
			cells[2], cells[3] = of(n.Free.Cores, n.Capacity.Cores), of(n.Free.Memory, n.Capacity.Memory)
			if n.Capacity.GPUs > 0 {
				cells[4] = of(n.Free.GPUs, n.Capacity.GPUs)
			}
			cells[5], cells[6] = strconv.Itoa(n.Queue), strconv.Itoa(n.Running)
		}
		return cells
	},
	passing: []string{"heard"},
}

var logView = nodeView{
	columns: []table.Column{
		{Name: "node"}, {Name: "state"}, {Name: "role"}, {Name: "applied", Right: true}, {Name: "lag", Right: true},
		{Name: "outbox", Right: true}, {Name: "heard", Right: true}, {Name: "url", Flexible: true},
	},
	cells: func(n client.Node) []string {
		cells := []string{n.Name, stateText(n), roleText(n), "", "", "", heardText(n), n.URL}
		if m := n.Member; m != nil {
			cells[3], cells[4], cells[5] = strconv.FormatUint(m.Applied, 10), strconv.FormatUint(m.Lag, 10), strconv.Itoa(m.Outbox.Depth)
		}
		return cells
	},
	passing: []string{"heard", "applied", "lag"},
}

// table sets nodes in this view's columns.
func (v nodeView) table(nodes []client.Node) *table.Table {
	t := table.New(v.columns...)
	for _, n := range nodes {
		t.Add(v.cells(n)...)
		if n.Member != nil && n.Member.Trouble != "" {
			t.Below(n.Member.Trouble)
		}
		if n.Member != nil && n.Member.ClockSkewSeconds != 0 {
			t.Below(fmt.Sprintf("its clock is %s", skewText(n.Member.ClockSkewSeconds)))
		}
	}
	return t
}

// changes says what of a row is another than before: "state dead, cores 4/8".
func (v nodeView) changes(before, now client.Node) string {
	var list []string
	were := v.cells(before)
	for i, cell := range v.cells(now) {
		column := v.columns[i]
		if cell == were[i] || slices.Contains(v.passing, column.Name) {
			continue
		}
		if cell == "" {
			cell = "unknown"
		}
		list = append(list, column.Name+" "+cell)
	}
	return strings.Join(list, ", ")
}

func stateText(n client.Node) string {
	state := "alive"
	if n.Member != nil {
		state = n.Member.State
	}
	if state == cluster.Alive && n.Availability != nil && n.Closed {
		return "closed"
	}
	return state
}

func roleText(n client.Node) string {
	if n.Member == nil {
		return "alone"
	}
	return n.Member.Role
}

// heardText says how long ago the node said what stands in its row.
func heardText(n client.Node) string {
	switch {
	case n.Member == nil:
		return "now"
	case n.Member.State == cluster.Unknown:
		return "never"
	}
	if age := seconds(n.AgeSeconds); age >= time.Second {
		return words.Duration(age.Round(time.Second)) + " ago"
	}
	return "now"
}

func skewText(skew float64) string {
	if skew < 0 {
		return words.Duration(seconds(-skew)) + " behind this node's"
	}
	return words.Duration(seconds(skew)) + " ahead of this node's"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
