package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"starling/federation/membership"
)

func TestClocksAreComparedOnlyWithWhatANodeSaysNow(t *testing.T) {
	now := time.Unix(1e9, 0)
	tells := note{Clock: now.Add(time.Minute).UnixMilli()}
	for _, tt := range []struct {
		name  string
		state membership.State
		said  note
		age   time.Duration
		skew  float64
	}{
		{"it is ahead", membership.Alive, tells, 0, 60},
		{"what it said is old", membership.Alive, tells, 5 * time.Second, 65},
		{"gossip took a while", membership.Alive, note{Clock: now.Add(-time.Second).UnixMilli()}, 0, 0},
		{"it has said nothing yet", membership.Alive, note{}, time.Minute, 0},
		{"it is dead", membership.Dead, tells, time.Minute, 0},
		{"it has left", membership.Left, tells, 0, 0},
	} {
		var m Member
		m.hear(membership.Member{State: tt.state}, tt.said, tt.age, now)
		assert.InDelta(t, tt.skew, m.ClockSkewSeconds, 0.01, tt.name)
	}
}
