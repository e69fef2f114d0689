package consensus

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
)

// faults are what a storm is made of.
var faults = []struct {
	what   string
	strike func(*storm)
}{
	{"a node is cut off", func(s *storm) { s.network.Cut(s.named(s.any())) }},
	{"the leader is cut off", func(s *storm) { s.network.Cut(s.named(s.leading())) }},
	{"nothing goes one way", func(s *storm) { s.network.Block(s.named(s.any()), s.named(s.any())) }},
	{"nobody hears the leader", func(s *storm) {
		leader := s.leading()
		for _, m := range s.members {
			s.network.Block(leader.name, m.name)
		}
	}},
	{"the federation is split", (*storm).split},
	{"bad weather", func(s *storm) { s.network.Set(s.badWeather()) }},
	{"the network is mended", func(s *storm) { s.network.Mend() }},
	{"the network is mended", func(s *storm) { s.network.Mend() }},
	{"a disk is slow", func(s *storm) {
		m := s.any()
		s.named(m)
		m.disk.Slow(time.Duration(s.rng.IntN(300)) * time.Millisecond)
	}},
	{"a disk is full", func(s *storm) { s.fill(s.any()) }},
	{"the leader's disk is full", func(s *storm) { s.fill(s.leading()) }},
	{"disks are mended", func(s *storm) {
		for _, m := range s.members {
			m.disk.Mend()
		}
	}},
	{"a node is killed", func(s *storm) { s.kill(s.any()) }},
	{"the leader is killed in the middle of a batch", func(s *storm) {
		leader := s.leading()
		for _, m := range s.members {
			for range s.rng.IntN(6) {
				if m.log != nil {
					s.write(m)
				}
			}
		}
		time.Sleep(time.Duration(s.rng.IntN(3000)) * time.Microsecond)
		s.kill(leader)
	}},
	{"all are killed at once", func(s *storm) {
		for _, m := range s.members {
			s.kill(m)
		}
		s.revive()
	}},
	{"those who are down come back", (*storm).revive},
	{"those who are down come back", (*storm).revive},
	{"a node is away for long", (*storm).away},
	{"the leader resigns", func(s *storm) {
		if m := s.leading(); m.log != nil {
			// Until it is over: raft (1.8.0) leaves goroutines behind when it ends
			// in the middle of this.
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_ = m.log.Resign(ctx)
		}
	}},
	{"a directory is wiped", func(s *storm) { s.damage("sessions.db", LogFile, StateFile) }},
	{"the log and the state are lost", func(s *storm) { s.damage(LogFile, StateFile) }},
	{"the session store is restored", func(s *storm) { s.restore("sessions.db") }},
	{"the state is restored", func(s *storm) { s.restore(StateFile) }},
	{"the session store and the state are restored", func(s *storm) { s.restore("sessions.db", StateFile) }},
	{"another node joins", func(s *storm) {
		if len(s.members) < 6 {
			s.join()
		}
	}},
	{"a voter is removed", (*storm).remove},
}

// named tells which node a fault strikes.
func (s *storm) named(m *member) string {
	s.tell("  %s", m.name)
	return m.name
}

// leading is the leader, or any node while there is none.
func (s *storm) leading() *member {
	if leader := s.leader(); leader != nil {
		return leader
	}
	return s.any()
}

func (s *storm) kill(m *member) {
	s.named(m)
	m.kill()
}

func (s *storm) fill(m *member) {
	s.named(m)
	m.disk.Fill([]string{"", LogFile, StateFile}[s.rng.IntN(3)])
}

// split leaves no way between a part of the nodes and the others.
func (s *storm) split() {
	var part []string
	for _, i := range s.rng.Perm(len(s.members))[:len(s.members)/2] {
		part = append(part, s.named(s.members[i]))
	}
	s.network.Cut(part...)
}

// away keeps a node down for so long that the log no longer has what it lacks.
func (s *storm) away() {
	m := s.any()
	s.kill(m)
	for range 24 {
		if other := s.any(); other.log != nil {
			s.write(other)
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.start(m)
}

// damage loses files of a node. That is done to one voter at a time: what only a
// minority has, no majority can be asked for.
func (s *storm) damage(files ...string) {
	m := s.any()
	if !s.expendable(m) {
		return
	}
	s.kill(m)
	s.lose(m, files...)
	s.start(m)
}

// expendable reports whether the others have all that a node was ever told to
// keep for them. They must also know each other: raft gives no vote to a server
// that it hasn't heard of.
func (s *storm) expendable(m *member) bool {
	for _, other := range s.members {
		if other.log != nil {
			s.nodes[other].servers = other.log.Servers()
		}
	}
	for other, node := range s.nodes {
		if other != m && (node.lost || node.removed || !slices.Equal(node.servers, s.nodes[m].servers)) {
			return false
		}
	}
	return len(s.members) >= 3
}

// lose removes files of a node that is down. What it had written and nobody is
// known to have may be lost with its session store.
func (s *storm) lose(m *member, files ...string) {
	for _, file := range files {
		switch file {
		case "sessions.db":
			s.doubt(m)
			s.nodes[m].backup = nil // it is of another disk
		case LogFile:
			s.nodes[m].lost = true
		}
		err := os.Remove(filepath.Join(m.dir, file))
		if !os.IsNotExist(err) {
			require.NoError(s.t, err)
		}
	}
}

// doubt notes which sessions of a node's session store may be lost with it.
func (s *storm) doubt(m *member) {
	for _, w := range s.written {
		if w.writer == m && w.last > Sequence(m.outbox.applied.Load()) {
			w.doubt = true
		}
	}
}

// restore puts files back from the node's backup; the first time, it makes one.
func (s *storm) restore(files ...string) {
	m := s.any()
	if !s.expendable(m) {
		return
	}
	s.kill(m)
	node := s.nodes[m]
	if node.backup == nil {
		node.backup = map[string]string{}
		for _, file := range []string{"sessions.db", StateFile} {
			node.backup[file] = filepath.Join(s.t.TempDir(), file)
			copyFile(s.t, filepath.Join(m.dir, file), node.backup[file])
		}
	} else {
		for _, file := range files {
			if file == "sessions.db" {
				s.doubt(m)
			}
			copyFile(s.t, node.backup[file], filepath.Join(m.dir, file))
		}
	}
	s.start(m)
}

// remove takes a voter out, which goes on writing as a stranger until it is
// admitted again.
func (s *storm) remove() {
	m, leader := s.any(), s.leader()
	if leader == nil || m == leader || !s.expendable(m) || s.nodes[m].lost || m.log == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := leader.log.Remove(ctx, m.log.Self().ID)
	s.tell("  %s: %v", s.named(m), err)
	s.nodes[m].removed = true // or it may be: adding it again is harmless
}
