package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/cmd/starling/site"
	"starling/federation/identity"
	"starling/node/store"
)

func newDebugSessions(a *app, data *string) *cobra.Command {
	var live bool
	var limit int
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List everybody's sessions, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var sessions []*store.Session
			err := viewSessions(*data, func(tx *store.Tx) (err error) {
				sessions, err = newestSessions(tx, live, limit)
				return err
			})
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(map[string]any{"sessions": sessions})
			}
			return a.writeTable(storedTable(sessions, a.now()), "no sessions")
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "only those with something still to happen")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many")
	return cmd
}

func newDebugSession(a *app, data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "session UUID",
		Short: "Show all that is stored of one session",
		Args:  one("a session"),
		RunE: func(_ *cobra.Command, args []string) error {
			id, err := identity.ParseUUID(args[0])
			if err != nil {
				return usage("%q: %v", args[0], err)
			}
			return viewSessions(*data, func(tx *store.Tx) error {
				session, err := tx.Session(id)
				if err == nil && session == nil {
					err = fmt.Errorf("there is no session %s in %s", id, site.SessionsPath(*data))
				}
				if err != nil {
					return err
				}
				return a.writeDocument(session)
			})
		},
	}
}

// viewSessions opens the session store for reading only, which fails while a
// node has it open.
func viewSessions(data string, read func(*store.Tx) error) (err error) {
	path := site.SessionsPath(data)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return explainOpen(data, path, err)
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error { return read(&store.Tx{Tx: tx}) })
}

// explainOpen says what to do when a file of a data directory can't be opened.
func explainOpen(data, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is no node's data directory: there is no %s", data, path)
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("a node has %s open; ask that node, or stop it first", path)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// newestSessions reads up to limit sessions, all or the live ones.
func newestSessions(tx *store.Tx, live bool, limit int) ([]*store.Session, error) {
	var found []*store.Session
	err := tx.SessionsOf("", identity.UUID{}, func(id identity.UUID, _ ivoa.SessionPhase) (bool, error) {
		s, err := tx.Session(id)
		if err != nil || s == nil {
			return false, err
		}
		if !live || s.Live() {
			found = append(found, s)
		}
		return len(found) < limit, nil
	})
	return found, err
}

func storedTable(sessions []*store.Session, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "uuid"},
		table.Column{Name: "phase"},
		table.Column{Name: "changed", Right: true},
		table.Column{Name: "user", Flexible: true},
	)
	for _, s := range sessions {
		t.Add(s.ID.String(), string(s.Phase), words.Instant(time.UnixMilli(s.Modified), now), string(s.Owners.User.ID))
	}
	return t
}
