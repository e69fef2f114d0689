package membership

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/memberlist"
)

// A voice is this node's own record: what it has to say, and what it said last.
type voice struct {
	record
	want  []byte // the note to be told
	again bool   // it must be told although it is the same
	told  time.Time
}

// Announce tells all members a note of at most MaxNote bytes, which stands until
// the next. Where notes come faster than once in Profile.Announce, the newest is
// told; one that says what the last one said is not.
func (m *Membership) Announce(note []byte) error {
	if len(note) > MaxNote {
		return fmt.Errorf("a note of %d bytes: at most %d fit into a packet", len(note), MaxNote)
	}
	m.mu.Lock()
	m.voice.want = bytes.Clone(note)
	m.mu.Unlock()
	signal(m.speak)
	return nil
}

// announce tells this node's notes, as they change and not too often; each once again,
// if there is none newer by then, and as long as the node is young again and again.
func (m *Membership) announce() {
	again := time.NewTimer(m.profile.Announce)
	defer again.Stop()
	var last news
	for {
		select {
		case <-m.speak:
		case <-again.C:
			if last.age = m.now().Sub(m.said()); last.name != "" {
				m.spread(last)
			}
			if m.now().Sub(m.began) < m.profile.Youth {
				again.Reset(m.profile.Announce)
			}
			continue
		case <-m.closing.Done():
			return
		}
		early := m.profile.Announce - m.now().Sub(m.said())
		select {
		case <-time.After(min(early, m.profile.Announce)):
		case <-m.closing.Done():
			return
		}
		m.mu.Lock()
		changed := (m.voice.again || !bytes.Equal(m.voice.want, m.voice.note)) && !m.voice.left
		m.mu.Unlock()
		if changed {
			last = m.tell(nil)
			m.spread(last)
			again.Reset(m.profile.Announce)
		}
	}
}

// said is when this node told its last note.
func (m *Membership) said() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.voice.told
}

// tell numbers what this node has to say; change, if there is one, is made to its
// record first. What it returns is to be passed on.
func (m *Membership) tell(change func(*voice)) news {
	m.telling.Lock()
	defer m.telling.Unlock()
	n := news{name: m.self.Name}
	m.change(func() bool {
		v := &m.voice
		v.sequence++
		v.note, v.again, v.told = v.want, false, m.now()
		if change != nil {
			change(v)
		}
		n.record = v.record
		return m.roster.merge(n, v.told)
	})
	return n
}

// hear takes in a record that came from another node, and passes it on if it was
// news: hardly, if it came as its node tells it, to everybody; or as often as it takes
// for all to hear of it, where that seems to have failed.
func (m *Membership) hear(n news, from *memberlist.TransmitLimitedQueue) {
	if n.name == m.self.Name {
		m.hearMyself(n)
		return
	}
	m.telling.Lock()
	defer m.telling.Unlock()
	fresh := false
	m.change(func() bool {
		fresh = m.roster.merge(n, m.now())
		return fresh
	})
	if !fresh {
		return
	}
	if n.left {
		from = &m.queue
		m.save()
	}
	if from == &m.relays && rand.IntN(relayOneOf) > 0 {
		return
	}
	from.QueueBroadcast(&broadcast{name: n.name, message: n.append(nil)})
}

// hearMyself hears what others still have of this node. If that counts for more
// than what it says now (its clock was set back since, and it lost the file that
// would have told), it begins anew above that; no more often than it tells
// anything, since there might be two of its name.
func (m *Membership) hearMyself(n news) {
	m.mu.Lock()
	later := n.record.compare(m.voice.record) > 0 && n.start < mostStart && !m.voice.left
	if later {
		m.voice.start, m.voice.sequence, m.voice.again = n.start+1, 0, true
	}
	m.mu.Unlock()
	if later {
		signal(m.speak)
		m.save()
	}
}

// A broadcast is a record that waits to be passed on. A later one of the same
// node takes its place.
type broadcast struct {
	name    string
	message []byte
	done    chan struct{} // nil if nobody waits
}

var _ memberlist.NamedBroadcast = (*broadcast)(nil)

// Name is whose record it is.
func (b *broadcast) Name() string { return b.name }

// Invalidates reports whether another is older news of the same node.
func (b *broadcast) Invalidates(other memberlist.Broadcast) bool {
	o, ok := other.(*broadcast)
	return ok && o.name == b.name
}

// Message is what is sent.
func (b *broadcast) Message() []byte { return b.message }

// Finished is called once, when it isn't sent any more.
func (b *broadcast) Finished() {
	if b.done != nil {
		close(b.done)
	}
}

// signal leaves a token where there is none.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
