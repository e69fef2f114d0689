package scheduling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func alternative(id byte, from, to Instant, cores int64) Alternative {
	return Alternative{EntryID{id}, Slot{Window{from, to}, Resources{Cores: cores}}}
}

// Promise 1: the offers of one set are alternatives and count once, at their pointwise maximum.
func TestPromise1AGroupCountsOnceAtItsPointwiseMaximum(t *testing.T) {
	line := idle(t, 10, 0)
	require.NoError(t, line.Hold(EntryID{100}, 0, alternative(1, 0, 10, 4), alternative(2, 5, 20, 7), alternative(3, 30, 40, 2)))
	for at, free := range map[Instant]int64{-1: 10, 0: 6, 4: 6, 5: 3, 9: 3, 19: 3, 20: 10, 30: 8, 40: 10} {
		assert.Equal(t, free, line.Free(at).Cores, "at %d", at)
	}
	require.NoError(t, line.DropAlternative(EntryID{2}))
	assert.Equal(t, int64(6), line.Free(9).Cores, "what only the rejected one needed is free")
	assert.Equal(t, int64(10), line.Free(10).Cores)
}

func TestAcceptFreesTheSiblingsAndTheRestOfTheSlot(t *testing.T) {
	line := idle(t, 10, 0)
	require.NoError(t, line.Hold(EntryID{100}, 0, alternative(1, 0, 20, 4), alternative(2, 50, 60, 7)))
	b := Booking{ID: EntryID{1}, Slot: Slot{Window{5, 15}, Resources{Cores: 4}}}
	require.NoError(t, line.Accept(b))
	for at, free := range map[Instant]int64{4: 10, 5: 6, 14: 6, 15: 10, 50: 10} {
		assert.Equal(t, free, line.Free(at).Cores, "at %d", at)
	}
	got, ok := line.Booking(EntryID{1})
	assert.True(t, ok)
	assert.Equal(t, b, got)
	assert.Equal(t, 1, line.Len())
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Timeline) error
		want error
	}{
		{"accepting a sibling of the accepted", func(l *Timeline) error { return l.Accept(Booking{ID: EntryID{9}}) }, ErrUnknown},
		{"accepting a booking", func(l *Timeline) error { return l.Accept(Booking{ID: EntryID{0xb, 1}}) }, ErrUnknown},
		{"accepting more time than is held", func(l *Timeline) error {
			return l.Accept(Booking{ID: EntryID{1}, Slot: Slot{Window{0, 21}, Resources{Cores: 4}}})
		}, ErrOutsideHold},
		{"accepting more than is held", func(l *Timeline) error {
			return l.Accept(Booking{ID: EntryID{1}, Slot: Slot{Window{0, 20}, Resources{Cores: 5}}})
		}, ErrOutsideHold},
		{"accepting nothing", func(l *Timeline) error { return l.Accept(Booking{ID: EntryID{1}}) }, ErrInvalid},
		{"a group twice", func(l *Timeline) error { return l.Hold(EntryID{100}, 0, alternative(7, 200, 210, 1)) }, ErrDuplicate},
		{"an alternative twice", func(l *Timeline) error {
			return l.Hold(EntryID{101}, 0, alternative(7, 200, 210, 1), alternative(7, 220, 230, 1))
		}, ErrDuplicate},
		{"an empty group", func(l *Timeline) error { return l.Hold(EntryID{101}, 0) }, ErrInvalid},
		{"a group of which one alternative doesn't fit", func(l *Timeline) error {
			return l.Hold(EntryID{101}, 0, alternative(7, 200, 210, 1), alternative(8, 100, 101, 8))
		}, ErrNoRoom},
		{"more than the share beside another group", func(l *Timeline) error {
			return l.Hold(EntryID{101}, 0.5, alternative(7, 15, 25, 2))
		}, ErrHoldLimit},
		{"a reversed window", func(l *Timeline) error { return l.Hold(EntryID{101}, 0, alternative(7, 20, 10, 1)) }, ErrInvalid},
		{"an endless window", func(l *Timeline) error { return l.Hold(EntryID{101}, 0, alternative(7, 20, Forever, 1)) }, ErrInvalid},
		{"a negative need", func(l *Timeline) error { return l.Hold(EntryID{101}, 0, alternative(7, 20, 30, -1)) }, ErrInvalid},
		{"a huge need", func(l *Timeline) error { return l.Hold(EntryID{101}, 0, alternative(7, 20, 30, 1<<62)) }, ErrInvalid},
		{"booking a held identifier", func(l *Timeline) error {
			return l.Book(Booking{ID: EntryID{1}, Slot: Slot{Window{300, 310}, Resources{Cores: 1}}})
		}, ErrDuplicate},
		{"booking what is taken", func(l *Timeline) error {
			return l.Book(Booking{ID: EntryID{7}, Slot: Slot{Window{90, 110}, Resources{Cores: 8}}})
		}, ErrNoRoom},
		{"ending a hold", func(l *Timeline) error { return l.End(EntryID{1}, 0) }, ErrUnknown},
		{"moving onto another", func(l *Timeline) error { return l.Move(EntryID{0xb, 1}, Window{0, 20}) }, ErrNoRoom},
		{"moving to a reversed window", func(l *Timeline) error { return l.Move(EntryID{0xb, 1}, Window{20, 0}) }, ErrInvalid},
		{"moving what isn't there", func(l *Timeline) error { return l.Move(EntryID{77}, Window{0, 20}) }, ErrUnknown},
		{"fixing what isn't there", func(l *Timeline) error { return l.Fix(EntryID{77}) }, ErrUnknown},
		{"dropping a group that isn't there", func(l *Timeline) error { return l.DropGroup(EntryID{77}) }, ErrUnknown},
		{"dropping a booking", func(l *Timeline) error { return l.DropAlternative(EntryID{0xb, 1}) }, ErrUnknown},
		{"a negative capacity", func(l *Timeline) error { return l.SetCapacity(Resources{Cores: -1}) }, ErrInvalid},
		{"an empty window of work", func(l *Timeline) error { return l.SetCapacity(Resources{Cores: 1}, Window{5, 5}) }, ErrInvalid},
		{"too many windows", func(l *Timeline) error {
			return l.SetCapacity(Resources{Cores: 1}, make([]Window, MaxWindows+1)...)
		}, ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := idle(t, 10, 0)
			require.NoError(t, line.Hold(EntryID{100}, 0, alternative(1, 0, 20, 4)))
			booked(t, line, 1, 100, 110, 8)
			before := Outline([]*Timeline{line}, Window{-10, 1000}, 100)
			assert.ErrorIs(t, c.do(line), c.want)
			assert.Equal(t, before, Outline([]*Timeline{line}, Window{-10, 1000}, 100))
			assert.Equal(t, 2, line.Len())
		})
	}
}

func TestGroupsShareTheirPartOfThePool(t *testing.T) {
	line := idle(t, 10, 0)
	require.NoError(t, line.Hold(EntryID{100}, 0.5, alternative(1, 0, 100, 3)))
	require.NoError(t, line.Hold(EntryID{101}, 0.5, alternative(2, 0, 100, 2)))
	require.ErrorIs(t, line.Hold(EntryID{102}, 0.5, alternative(3, 50, 150, 1)), ErrHoldLimit)
	require.NoError(t, line.Hold(EntryID{102}, 0.5, alternative(3, 100, 150, 10)), "a group that is alone may have it all")
	slot, ok := line.EarliestFit(Query{Need: Resources{Cores: 1}, Duration: 10, NotBefore: 0, NotAfter: 1000, HoldShare: 0.5})
	assert.True(t, ok)
	assert.Equal(t, Window{150, 160}, slot.Window)
}

func TestAHoldOnAPoolThatShrankIsNotAccepted(t *testing.T) {
	line := idle(t, 10, 0)
	require.NoError(t, line.Hold(EntryID{100}, 0, alternative(1, 0, 100, 8)))
	require.NoError(t, line.SetCapacity(Resources{Cores: 6}))
	assert.Equal(t, []EntryID{{1}}, line.OverCapacity(0))
	held, _ := line.Held(EntryID{1})
	assert.ErrorIs(t, line.Accept(Booking{ID: EntryID{1}, Slot: held}), ErrNoRoom)
	assert.Equal(t, int64(-2), line.Free(50).Cores)
	require.NoError(t, line.SetCapacity(Resources{Cores: 8}))
	assert.Empty(t, line.OverCapacity(0))
	assert.NoError(t, line.Accept(Booking{ID: EntryID{1}, Slot: held}), "the hold was kept")
}
