package node

import (
	"fmt"

	"starling/api/ivoa"
	"starling/consensus"
)

// Unfinished is how many sessions were accepted here and have not ended.
func (b *Broker) Unfinished() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.state.live {
		if s.Phase != ivoa.SessionOffered {
			n++
		}
	}
	return n
}

// Ready says, in words for people, why the node takes no work; nothing: it does.
func (b *Broker) Ready() []string {
	var why []string
	if err := b.store.Failed(); err != nil {
		why = append(why, err.Error())
	}
	if err := b.options.Record.Err(); err != nil {
		why = append(why, fmt.Sprintf("the record of history and accounts: %v", err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopping {
		why = append(why, "the node is stopping")
	}
	return why
}

// LogStatus is where the log of history and accounts stands.
func (b *Broker) LogStatus() consensus.Status { return b.options.Record.Status() }
