package launch

import (
	"fmt"
	"path/filepath"
)

// Federation is development nodes that belong together. Each keeps its ports
// over restarts.
type Federation struct {
	Nodes []*Member
}

// Member is a node of a federation.
type Member struct {
	*Node
	Name   string
	Gossip string // its addresses for other nodes
	Raft   string
}

// NewFederation makes so many nodes called a, b, c, …, each with its data in a
// directory of that name; flags come after the usual ones. The first begins the
// federation, the others join it. None is started: start the first one first.
func NewFederation(program, dir string, size int, flags ...string) (*Federation, error) {
	f := &Federation{}
	for range size {
		if _, err := f.Add(program, dir, flags...); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Add makes one more node.
func (f *Federation) Add(program, dir string, flags ...string) (*Member, error) {
	return f.AddNamed(string(rune('a'+len(f.Nodes))), program, dir, flags...)
}

// AddNamed makes one more node, with a name of its own.
func (f *Federation) AddNamed(name, program, dir string, flags ...string) (*Member, error) {
	m := &Member{Name: name}
	for _, address := range []*string{&m.Gossip, &m.Raft} {
		var err error
		if *address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	own := []string{"--gossip", m.Gossip, "--raft", m.Raft}
	if len(f.Nodes) == 0 {
		own = append(own, "--bootstrap")
	} else {
		own = append(own, "--join", f.Nodes[0].Gossip)
	}
	node, err := NewNode(program, name, filepath.Join(dir, name), append(own, flags...)...)
	if err != nil {
		return nil, fmt.Errorf("make node %s: %w", name, err)
	}
	m.Node = node
	f.Nodes = append(f.Nodes, m)
	return m, nil
}
