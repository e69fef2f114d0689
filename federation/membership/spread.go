package membership

import (
	"math"
	"time"

	"github.com/hashicorp/memberlist"
)

// How news travels. A node tells what it has to say to each member itself, so that all
// know at once and nothing is sent twice; and a moment later once again, since packets
// get lost. Between some nodes none arrive: half of those who hear it pass it on to
// another (relays). Who takes leave will not be there to tell it again, and what was
// found only by comparing has not reached all: that is passed on as often as it takes
// (queue).

// News that its node has told itself is passed on by one of so many who hear it, so
// often.
const (
	relayOneOf = 2
	relay      = 1
)

// breath is after how many packets spread pauses, and for how long: what all members
// are sent at once by all would not be received.
const (
	breathAfter = 50
	breath      = 10 * time.Millisecond
)

// spread tells each member that is there. Where they are is what this package knows:
// memberlist goes on changing the nodes that it lists.
func (m *Membership) spread(n news) {
	message := n.append(nil)
	for i, member := range m.others(math.MaxInt) {
		if i%breathAfter == breathAfter-1 {
			select {
			case <-time.After(breath):
			case <-m.closing.Done():
				return
			}
		}
		// Who doesn't get it is told again.
		_ = m.list.SendToAddress(memberlist.Address{Addr: member.Gossip, Name: member.Name}, message)
	}
}

// broadcastSurely passes news on until all should know. The channel is closed when
// memberlist has sent it as often as it will.
func (m *Membership) broadcastSurely(n news) <-chan struct{} {
	m.telling.Lock()
	defer m.telling.Unlock()
	done := make(chan struct{})
	m.queue.QueueBroadcast(&broadcast{name: n.name, message: n.append(nil), done: done})
	return done
}

// broadcasts gives out what is to be passed on, the important first.
func (m *Membership) broadcasts(overhead, limit int) [][]byte {
	list := m.queue.GetBroadcasts(overhead, limit)
	for _, message := range list {
		limit -= overhead + len(message)
	}
	return append(list, m.relays.GetBroadcasts(overhead, limit)...)
}

// one stands for the number of nodes where news is passed on once, however many they are.
func one() int { return 1 }
