package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// enrolled is a world in which proposal JL1, which alice works for, belongs to a
// programme of a TAG.
func enrolled(t *testing.T) (*world, identity.Caller) {
	w := newWorld(t)
	accountant := identity.Caller{User: "ann", Roles: []identity.Role{identity.RoleAccountant}}
	tag := accounting.Owner{Kind: accounting.KindTAG, ID: "JMU"}
	programme := accounting.Owner{Kind: accounting.KindProgramme, ID: "supernovae"}
	for _, order := range []accounting.EnrolOwner{
		{Owner: tag, Name: "Liverpool"},
		{Owner: programme, Name: "Supernovae", Parent: tag},
		{Owner: accounting.Proposal("JL1"), Name: "Early light curves", Parent: programme},
		{Owner: accounting.User("alice"), Name: "Alice A."},
	} {
		_, err := w.Enrol(context.Background(), accountant, order)
		require.NoError(t, err)
	}
	asAlice := alice
	asAlice.Proposal = "JL1"
	return w, asAlice
}

func TestADespatchNamesEverybodyItIsDoneFor(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, asAlice := enrolled(t)
		s := w.accepted(asAlice, request(1, func(r *ivoa.ExecutionRequest) { r.Executable.Base().NeedMeta().Name = "SN 2026\x07a" }))
		stored, err := w.stored(alice, toRead, id(t, s))
		require.NoError(t, err)
		d := w.takeWork()
		assert.Equal(t, despatch.Identification{
			TAG:       despatch.Name{ID: "JMU", Name: "Liverpool"},
			Programme: despatch.Name{ID: "supernovae", Name: "Supernovae"},
			Proposal:  despatch.Name{ID: "JL1", Name: "Early light curves"},
			User:      despatch.Name{ID: "alice", Name: "Alice A."},
			Group:     despatch.Name{ID: stored.OfferSet.String(), Name: "SN 2026a"},
		}, d.Identification)
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, d))
		require.NoError(t, err)
		assert.EqualValues(t, d.Identification.Group.ID, entry.Owners.Group.ID)
		assert.EqualValues(t, "JMU", entry.Owners.TAG.ID)
	})
}

// The final report bears ids, and those of its own attempt.
func TestACompletionWithTheIdsOfAnotherIsRefused(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, asAlice := enrolled(t)
		s := w.accepted(asAlice, request(1))
		d := w.takeWork()
		for kind, value := range map[string]string{
			"tag": "Liverpool", "programme": "x", "proposal": "JL2", "user": "bob", "group": "g", "session": "s", "telescope": "LT",
		} {
			c := completion(d, despatch.Completed)
			c.IDs = map[string]string{kind: value}
			_, err := w.complete(d, c)
			var p *Problem
			require.ErrorAs(t, err, &p)
			assert.Equal(t, CodeInvalid, p.Code)
			assert.Equal(t, "/ids/"+kind, p.Field)
		}
		c := completion(d, despatch.Completed)
		c.IDs = map[string]string{
			"tag": "JMU", "programme": "supernovae", "proposal": "JL1", "user": "alice", "group": d.Identification.Group.ID, "session": s.UUID(),
		}
		_, err := w.complete(d, c)
		require.NoError(t, err)
	})
}

// Nothing that was reported is lost to who reads: an entry shows much, pages all.
func TestAllThatWasReportedCanBeReadInPages(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1))
		d := w.takeWork()
		const reports, each = 3, 500
		for r := range reports {
			var updates []despatch.Update
			for i := range each {
				updates = append(updates, despatch.Update{
					Key: fmt.Sprintf("%d-%d", r, i), Type: despatch.ExposureTaken, Action: "run", Time: wall(w.now()).Add(-time.Second),
					Exposure: &despatch.Exposure{ID: fmt.Sprintf("E%d", i/2), Files: []despatch.File{{Name: "f", Bytes: 1}}},
				})
			}
			_, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: updates}, 0)
			require.NoError(t, err)
		}
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, d))
		require.NoError(t, err)
		assert.Len(t, entry.Exposures, 1000)
		assert.Equal(t, 500, entry.Omitted)
		seen := map[accounting.Key]bool{}
		var cursor accounting.Cursor
		for {
			page, next, err := w.Updates(context.Background(), alice, nil, ref(t, d), cursor, 400)
			require.NoError(t, err)
			for _, u := range page {
				seen[u.Key] = true
				assert.Equal(t, accounting.Instant(w.now()-1000), u.Time)
				assert.Equal(t, accounting.Instant(w.now()), u.Recorded)
			}
			if cursor = next; next == "" {
				break
			}
		}
		assert.Len(t, seen, reports*each)
		_, _, err = w.Updates(context.Background(), bob, nil, ref(t, d), "", 10)
		assert.Equal(t, CodeNotFound, codeOf(err))
	})
}

func TestAFailedActionIsPartOfTheRecord(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1))
		d := w.takeWork()
		_, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
			{Key: "1", Type: despatch.ActionFailed, Action: "run", Message: "cloud", Time: wall(w.now())},
		}}, 0)
		require.NoError(t, err)
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, d))
		require.NoError(t, err)
		assert.Equal(t, []accounting.Action{{ID: "run", Failed: accounting.Instant(w.now()), Message: "cloud"}}, entry.Actions)
	})
}
