package consensus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// world is one node's data directory: a session store and a log.
type world struct {
	t      testing.TB
	dir    string
	db     *bbolt.DB
	outbox *Outbox
	log    *Local
	noSync bool
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.openStore()
	t.Cleanup(w.close)
	return w
}

func (w *world) openStore() {
	db, err := bbolt.Open(filepath.Join(w.dir, "sessions.db"), 0o600, boltOptions())
	require.NoError(w.t, err)
	w.db = db
	w.db.NoSync = w.noSync
	w.outbox, err = NewOutbox(db, OutboxOptions{})
	require.NoError(w.t, err)
}

func (w *world) tryOpenLog() error {
	log, err := OpenLocal(Options{
		Node: "a", Dir: w.dir, Outbox: w.outbox, Linger: -1, NoSync: w.noSync,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err == nil {
		w.log = log
	}
	return err
}

func (w *world) openLog() { require.NoError(w.t, w.tryOpenLog()) }

// close is also what is left after a crash: nothing is written by it.
func (w *world) close() {
	if w.log != nil {
		require.NoError(w.t, w.log.Close())
		w.log = nil
	}
	if w.db != nil {
		require.NoError(w.t, w.db.Close())
		w.db = nil
	}
}

// restart closes both stores and opens them again, the log not yet started.
func (w *world) restart() {
	w.close()
	w.openStore()
	w.openLog()
}

func (w *world) append(commands ...accounting.Command) Sequence {
	var last Sequence
	require.NoError(w.t, w.db.Update(func(tx *bbolt.Tx) (err error) {
		last, err = w.outbox.Append(tx, commands...)
		return err
	}))
	return last
}

func (w *world) barrier() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(w.t, w.log.Barrier(ctx))
}

func (w *world) view(read func(accounting.View))       { w.asked().view(read) }
func (w *world) histories() map[accounting.Phase]int   { return w.asked().histories() }
func (w *world) charged() (balance accounting.Decimal) { return w.asked().charged() }
func (w *world) asked() asked                          { return asked{w.t, w.log} }

// asked is any log, to be asked for its record.
type asked struct {
	t   testing.TB
	log interface {
		View(context.Context, func(accounting.View) error) error
	}
}

func (a asked) view(read func(accounting.View)) {
	require.NoError(a.t, a.log.View(context.Background(), func(v accounting.View) error {
		read(v)
		return nil
	}))
}

// histories counts the attempts on record, by phase.
func (a asked) histories() map[accounting.Phase]int {
	count := make(map[accounting.Phase]int)
	a.view(func(v accounting.View) {
		var next accounting.Cursor
		for {
			page, cursor, err := accounting.Histories(v, accounting.HistoryFilter{Caller: accounting.Everyone()}, next, 1000)
			require.NoError(a.t, err)
			for _, h := range page {
				count[h.Phase]++
			}
			if next = cursor; next == "" {
				return
			}
		}
	})
	return count
}

// charged is what the user was charged, altogether.
func (a asked) charged() (balance accounting.Decimal) {
	a.view(func(v accounting.View) {
		require.NoError(a.t, accounting.Audit(v))
		list, _, err := accounting.Accounts(v,
			accounting.AccountFilter{Caller: accounting.Everyone(), Owner: accounting.User("u"), Side: accounting.Charged}, "", 0)
		require.NoError(a.t, err)
		if len(list) > 0 {
			balance = list[0].Balance
		}
	})
	return balance
}

const noon accounting.Instant = 1_795_003_200_000

func uuid(kind byte, n int) string {
	return fmt.Sprintf("0195%02x00-0000-8000-8000-%012x", kind, n)
}

func ref(n int) accounting.Ref           { return accounting.Ref(uuid(1, n)) }
func session(n int) accounting.SessionID { return accounting.SessionID(uuid(2, n)) }

var owners = accounting.Owners{User: accounting.Party{ID: "u", Name: "Ursula"}}

// run is all commands of the n-th session, which costs 1 EUR.
func run(n int) []accounting.Command { return runAt(n, noon) }

// runAt is run, dated.
func runAt(n int, at accounting.Instant) []accounting.Command {
	cost := []accounting.Quantity{{Name: accounting.Monetary, Amount: 1_000_000, Unit: "EUR"}}
	return []accounting.Command{
		accounting.PlaceHold{
			Hold: accounting.HoldID(session(n)), Session: session(n), Node: "a", Owners: owners, Period: "2026B",
			Estimate: cost, Time: at,
		},
		accounting.OpenAttempt{
			Ref: ref(n), Session: session(n), Attempt: 1, Node: "a", Owners: owners, Period: "2026B", Time: at,
		},
		accounting.RecordUpdates{Ref: ref(n), Updates: []accounting.Update{
			{Key: "1", Type: accounting.ActionStarted, Action: "run", Time: at},
			{Key: "2", Type: accounting.ActionCompleted, Action: "run", Time: at},
		}},
		completeAt(n, cost, at),
	}
}

func complete(n int, cost []accounting.Quantity) accounting.CompleteAttempt {
	return completeAt(n, cost, noon)
}

func completeAt(n int, cost []accounting.Quantity, at accounting.Instant) accounting.CompleteAttempt {
	return accounting.CompleteAttempt{
		Ref: ref(n), Key: "end", Time: at, Recorded: at, Outcome: accounting.Completed,
		Resources: []accounting.Quantity{
			{Name: accounting.TotalTime, Amount: 5_000_000, Unit: accounting.Seconds},
			{Name: accounting.CoreSeconds, Amount: 10_000_000, Unit: accounting.Seconds},
		},
		Charges: cost, Estimate: cost, Tariff: "t1", Hold: accounting.HoldID(session(n)),
	}
}
