package consensus

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// later answers for the others that they are in a later term, while it is on.
type later struct {
	Forwarder
	on atomic.Bool
}

func (l *later) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	if l.on.Load() && request[0] == askTerm {
		return answer(answerDone, 1<<40), nil
	}
	return l.Forwarder.Forward(ctx, node, request)
}

// Promise 5: where most voters have another leader, no strong read is answered,
// whatever raft has heard of them before.
func TestALeaderAsksMostVotersForTheirTerm(t *testing.T) {
	c := emptyCluster(t, 1)
	var liars []*later
	for range 3 {
		m := c.member()
		liars = append(liars, &later{Forwarder: c.network.Courier(m.name)})
		m.forward = liars[len(liars)-1]
		m.up(len(c.members) == 1)
		if len(c.members) > 1 {
			c.add(m, (*Raft).AddVoter)
		}
	}
	c.eventually("a strong read", func() error { return c.mustLead().log.Strong(t.Context()) })
	for _, l := range liars {
		l.on.Store(true)
	}
	require.ErrorIs(t, c.mustLead().log.Strong(t.Context()), ErrNotLeader)
	for _, l := range liars {
		l.on.Store(false)
	}
	c.eventually("a strong read again", func() error { return c.mustLead().log.Strong(t.Context()) })
}

func TestTermsAreToldToMembersAndOfTheServerThatIsMeant(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader, m := c.mustLead(), c.follower()
	ask := func(from, server string) (uint64, error) {
		return readAnswer(m.log.Answer(t.Context(), from, append([]byte{askTerm}, server...)), group{})
	}
	term, err := ask(leader.name, m.log.Self().ID)
	require.NoError(t, err)
	assert.Positive(t, term)
	_, err = ask("stranger", m.log.Self().ID)
	require.ErrorIs(t, err, ErrRefused)
	_, err = ask(leader.name, m.name+".before")
	assert.Error(t, err, "that server's votes are forgotten")
}
