package membership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNodesFindEachOther(t *testing.T) {
	for name, n := range map[string]int{"three": 3, "nine": 9} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			all := w.federation(n)
			for _, m := range all {
				members := m.Members()
				require.Len(t, members, n)
				assert.Equal(t, m.self.Name, members[0].Name, "itself first")
				assert.True(t, members[1].Name < members[2].Name, "then by name")
				other := find(m, "n0")
				assert.Equal(t, all[0].self, other.Self)
				assert.Equal(t, all[0].Addr(), other.Gossip)
			}
		})
	}
}

func TestANewcomerTakesUpTheFederationOfThoseItJoins(t *testing.T) {
	w := newWorld(t)
	a := w.start(w.options("a"))
	b := w.start(w.newcomer("b", a))
	assert.Equal(t, fed, b.Federation())
	w.sees(a, "b", Alive)
	assert.Equal(t, fed, find(a, "b").Federation)

	t.Run("and knows it after a restart, without being told whom to join", func(t *testing.T) {
		require.NoError(t, b.Close())
		w.sees(a, "b", Dead)
		b = w.start(w.newcomer("b"))
		assert.Equal(t, fed, b.Federation())
		w.together(a, b)
	})
}

func TestADeadNodeIsDeadForAllAndComesBack(t *testing.T) {
	w := newWorld(t)
	w.profile.Dead = time.Hour // memberlist, too, still knows where it was
	all := w.federation(3)
	require.NoError(t, all[2].Close())
	for _, m := range all[:2] {
		w.sees(m, "n2", Dead)
		assert.Contains(t, m.Remembered(), "n2")
	}
	back := w.start(w.newcomer("n2")) // at another port
	w.together(all[0], all[1], back)
	assert.Equal(t, back.Addr(), find(all[0], "n2").Gossip)
}

func TestWhoeverLeavesIsNotTakenForDead(t *testing.T) {
	w := newWorld(t)
	all := w.federation(3)
	require.NoError(t, all[2].Leave(t.Context()))
	assert.Equal(t, Left, all[2].Members()[0].State)
	require.NoError(t, all[2].Close())
	assert.Error(t, all[2].Leave(t.Context()), "after the end")
	for _, m := range all[:2] {
		w.sees(m, "n2", Left)
		assert.False(t, m.missing()[all[2].Addr()], "nobody looks for it")
	}
	t.Run("also after a restart of those who saw it", func(t *testing.T) {
		require.NoError(t, all[1].Close())
		all[1] = w.start(w.newcomer("n1"))
		w.together(all[0], all[1])
		assert.Equal(t, Left, find(all[1], "n2").State)
	})
	t.Run("and may come back", func(t *testing.T) {
		back := w.start(w.newcomer("n2", all[0]))
		w.together(all[0], all[1], back)
	})
}

// Promise 6: a node that is alone comes up, and finds the others when they do.
func TestPromise6ANodeStartsAlone(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	addr := all[0].Addr()
	for _, m := range all {
		require.NoError(t, m.Close())
	}
	o := w.newcomer("n1")
	o.Join = []string{addr} // nobody is there, and it is no newcomer
	b := w.start(o)
	assert.Equal(t, Dead, find(b, "n0").State)
	back := w.options("n0")
	back.Listen = addr
	a := w.start(back)
	w.together(a, b)
}

// A list of addresses to join is for later, too.
func TestThoseToJoinAreFoundWhenTheyCome(t *testing.T) {
	w := newWorld(t)
	o := w.options("b")
	o.Join = []string{free(t)}
	b := w.start(o)
	o = w.options("a")
	o.Listen = b.join[0]
	w.together(b, w.start(o))
}

func TestWhoeverLeavesLooksForNobody(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	require.NoError(t, all[1].Close())
	w.sees(all[0], "n1", Dead)
	assert.NotEmpty(t, all[0].missing())
	require.NoError(t, all[0].Leave(t.Context()))
	assert.Empty(t, all[0].missing())
}

func TestAfterARestartOfAllNobodyNeedsToBeToldWhomToJoin(t *testing.T) {
	w := newWorld(t)
	all := w.federation(3)
	addresses := map[string]string{}
	for _, m := range all {
		addresses[m.self.Name] = m.Addr()
	}
	for _, m := range all {
		require.NoError(t, m.Close())
	}
	for i, name := range []string{"n0", "n1", "n2"} {
		o := w.newcomer(name)
		o.Listen = addresses[name]
		all[i] = w.start(o)
	}
	w.together(all...)
}

func TestAPartitionHeals(t *testing.T) {
	w := newWorld(t)
	all := w.federation(5)
	here, there := all[:3], all[3:]
	w.part(here, there, true)
	for _, m := range here {
		w.sees(m, "n3", Dead)
		w.sees(m, "n4", Dead)
	}
	for _, m := range there {
		w.sees(m, "n0", Dead)
		w.sees(m, "n1", Dead)
		w.sees(m, "n2", Dead)
	}
	// Until memberlist itself has given them up.
	for _, m := range all {
		m := m
		require.Eventually(t, func() bool { return len(m.list.Members()) <= 3 }, patience, 10*time.Millisecond)
	}
	w.part(here, there, false)
	w.together(all...)
}

func TestANodeThatMovedIsFoundAtItsNewAddress(t *testing.T) {
	w := newWorld(t)
	all := w.federation(3)
	old := all[2]
	w.part([]*Membership{old}, all[:2], true) // it hangs where it was
	moved := w.start(w.newcomer("n2"))
	w.until(all[0], "n2 at its new address", func() bool { return find(all[0], "n2").Gossip == moved.Addr() })
	w.together(all[0], all[1], moved)
	require.Eventually(t, func() bool { // and it hears that it was
		moved.mu.Lock()
		defer moved.mu.Unlock()
		return moved.moved == nil
	}, patience, 10*time.Millisecond)
	assert.NoError(t, moved.Err())
}

func TestAForgottenMemberIsGone(t *testing.T) {
	w := newWorld(t)
	all := w.federation(3)
	assert.Error(t, all[0].Forget("n1"), "it is there")
	assert.Error(t, all[0].Forget("n0"), "itself")
	assert.NoError(t, all[0].Forget("nobody"))
	require.NoError(t, all[2].Close())
	w.sees(all[0], "n2", Dead)
	w.sees(all[1], "n2", Dead)
	require.NoError(t, all[0].Forget("n2"))
	assert.Empty(t, find(all[0], "n2").Name)
	assert.NotContains(t, all[0].Remembered(), "n2")
	require.NoError(t, all[0].Close())
	again := w.start(w.newcomer("n0"))
	assert.NotContains(t, again.Remembered(), "n2", "nor in the file")
}

func TestCloseMayBeCalledAgain(t *testing.T) {
	w := newWorld(t)
	m := w.start(w.options("a"))
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
}
