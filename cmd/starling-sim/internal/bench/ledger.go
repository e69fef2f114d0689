package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus"
)

// What is wanted of the ledger.
const (
	ledgerEntries = 1_000_000
	ledgerMost    = 30 * time.Second
	// sessionsAtOnce is how many sessions' commands go into the outbox in one transaction.
	sessionsAtOnce = 1000
)

// ledger takes sessions' commands (a hold, an attempt, two updates, a completion that charges) from an outbox on disk into
// the state, fsync on, on one core, until there are a million entries; then it reads balances of accounts with few entries
// and with many.
func ledger(ctx context.Context, l *lab) error {
	dir, err := os.MkdirTemp(l.Dir, "ledger")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	db, err := bbolt.Open(filepath.Join(dir, "sessions.db"), 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	defer db.Close()
	outbox, err := consensus.NewOutbox(db, consensus.OutboxOptions{})
	if err != nil {
		return err
	}
	log, err := consensus.OpenLocal(consensus.Options{Node: "bench", Dir: dir, Outbox: outbox, Linger: -1, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return err
	}
	defer log.Close()
	sessions := 0
	// What one session enters: the hold and its release, two things used, one charge; each twice.
	for entered := 0; entered < ledgerEntries; {
		if err := db.Update(func(tx *bbolt.Tx) error {
			for range sessionsAtOnce {
				if _, err := outbox.Append(tx, charged(sessions)...); err != nil {
					return err
				}
				sessions++
				entered += 10
			}
			return nil
		}); err != nil {
			return err
		}
	}
	begun := time.Now()
	log.Start(ctx)
	if err := log.Barrier(ctx); err != nil {
		return err
	}
	l.note(Figure{
		Name: fmt.Sprintf("%d ledger entries applied on one core", ledgerEntries), Value: time.Since(begun).Seconds(), Unit: "s",
		Target: ledgerMost.Seconds(), Note: fmt.Sprintf("%d sessions of 5 commands", sessions),
	})
	return balances(ctx, l, log)
}

// balances reads accounts by their ids: those of somebody with one session, and those of the node, who has them all.
func balances(ctx context.Context, l *lab, log *consensus.Local) error {
	for _, c := range []struct {
		name  string
		owner accounting.Owner
	}{{"10 entries", accounting.User("user-1")}, {"a million", accounting.Node("bench")}} {
		err := log.View(ctx, func(view accounting.View) error {
			list, _, err := accounting.Accounts(view, accounting.AccountFilter{Caller: accounting.Everyone(), Owner: c.owner}, "", 0)
			if err != nil {
				return err
			}
			const times = 100_000
			begun := time.Now()
			for i := range times {
				if _, err := accounting.FindAccount(view, accounting.Everyone(), list[i%len(list)].ID); err != nil {
					return err
				}
			}
			l.note(Figure{Name: "balance of one of accounts with " + c.name, Value: micros(time.Since(begun)) / times, Unit: "µs"})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// chargedRef is the history entry of a session, and chargedAt when it began: one a millisecond.
func chargedRef(n int) string { return fmt.Sprintf("01950100-0000-8000-8000-%012x", n) }

func chargedAt(n int) accounting.Instant { return 1_795_000_000_000 + accounting.Instant(n) }

// charged is the life of one session as commands.
func charged(n int) []accounting.Command {
	ref, session := chargedRef(n), fmt.Sprintf("01950200-0000-8000-8000-%012x", n)
	at := chargedAt(n)
	owners := accounting.Owners{User: accounting.Party{ID: accounting.OwnerID(fmt.Sprintf("user-%d", n%1000))}}
	cost := []accounting.Quantity{{Name: accounting.Monetary, Amount: 250_000, Unit: "EUR"}}
	return []accounting.Command{
		accounting.PlaceHold{
			Hold: accounting.HoldID(session), Session: accounting.SessionID(session), Node: "bench", Owners: owners, Period: "2026B",
			Estimate: cost, Tariff: "t1", Time: at,
		},
		accounting.OpenAttempt{
			Ref: accounting.Ref(ref), Session: accounting.SessionID(session), Attempt: 1, Node: "bench", ExecutorName: "simulator",
			Owners: owners, Period: "2026B", Time: at,
		},
		accounting.RecordUpdates{Ref: accounting.Ref(ref), Updates: []accounting.Update{
			{Key: "1", Type: accounting.ActionStarted, Action: "run", Time: at}, {Key: "2", Type: accounting.ActionCompleted, Action: "run", Time: at + 1000},
		}},
		accounting.CompleteAttempt{
			Ref: accounting.Ref(ref), Key: "done", Time: at + 1000, Recorded: at + 1001, Outcome: accounting.Completed,
			Resources: []accounting.Quantity{{Name: accounting.CoreSeconds, Amount: 1_000_000, Unit: accounting.Seconds}, {Name: accounting.TotalTime, Amount: 1_000_000, Unit: accounting.Seconds}},
			Charges:   cost, Estimate: cost, Tariff: "t1", Hold: accounting.HoldID(session),
		},
	}
}
