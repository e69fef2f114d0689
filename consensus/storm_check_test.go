package consensus

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

// judge holds the federation to its promises after a storm.
func (s *storm) judge() {
	at, dump := s.agreed()
	require.NotZero(s.t, at)
	require.NotEmpty(s.t, dump)
	m := s.members[0]
	completed := 0
	found := map[accounting.Ref]accounting.HistoryEntry{}
	m.record().view(func(v accounting.View) {
		require.NoError(s.t, accounting.Audit(v), "promise 4")
		found = attempts(s.t, v)
	})
	for n, w := range s.written {
		h, known := found[ref(n)]
		delete(found, ref(n))
		if h.Phase == accounting.Completed {
			completed++
			assert.Equal(s.t, []accounting.Quantity{{Name: accounting.Monetary, Amount: 1_000_000, Unit: "EUR"}}, h.Charges)
			assert.Equal(s.t, w.begun, h.Opened, "session %d is dated by its own node's clock", n)
			continue
		}
		assert.True(s.t, w.doubt, "promise 3: session %d of %s is lost or cut short (%v, %s)", n, w.writer.name, known, h.Phase)
	}
	assert.Empty(s.t, found, "nobody wrote these")
	assert.Equal(s.t, accounting.Decimal(fmt.Sprint(completed)), m.record().charged(), "promise 3: each despatch has one charge")
	rejected, err := m.log.Rejections(10)
	require.NoError(s.t, err)
	assert.Empty(s.t, rejected)
	for _, m := range s.members {
		assert.NoError(s.t, m.log.Err(), m.name)
		assert.Zero(s.t, m.log.Status().Outbox.Depth, m.name)
	}
}

// agreed waits until all nodes are at the same entry, where they must tell the
// same (promise 5).
func (s *storm) agreed() (at uint64, dump string) {
	s.eventually("all nodes are at the same entry", func() error {
		at, dump = s.members[0].dump()
		for _, m := range s.members[1:] {
			index, other := m.dump()
			if index != at {
				time.Sleep(50 * time.Millisecond)
				return fmt.Errorf("%s is at %d, %s at %d", m.name, index, s.members[0].name, at)
			}
			require.Equal(s.t, dump, other, "promise 5: %s tells the same at entry %d", m.name, at)
		}
		return nil
	})
	return at, dump
}

// attempts are all history entries.
func attempts(t require.TestingT, v accounting.View) map[accounting.Ref]accounting.HistoryEntry {
	found := map[accounting.Ref]accounting.HistoryEntry{}
	var next accounting.Cursor
	for {
		page, cursor, err := accounting.Histories(v, accounting.HistoryFilter{Caller: accounting.Everyone()}, next, 1000)
		require.NoError(t, err)
		for _, h := range page {
			found[h.HistoryRef] = h
		}
		if next = cursor; next == "" {
			return found
		}
	}
}
