package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// Recover makes the node of a directory the only voter of its federation, with all
// that it has, the tail of its log included, whether that was committed or not: for
// when a majority is lost for good. Those who are left Rejoin; whoever comes back
// without doing so is refused, for the federation has another lineage from here on.
//
// The node must be down. All is done in one transaction, or, with an error, nothing;
// a crash after it is made up for when the node starts.
func Recover(dir string, log *slog.Logger) (err error) {
	options := Options{Dir: dir, Log: log}.defaults()
	for _, name := range []string{StateFile, LogFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("recover %s: this node was never in a federation: %w", dir, err)
		}
	}
	state, err := openState(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.close()) }()
	store, err := openLogStore(dir, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := recoverFiles(state, store); err != nil {
		return fmt.Errorf("recover %s: %w", dir, err)
	}
	return nil
}

func recoverFiles(state *stateFile, log disk) error {
	id, err := log.Get(serverIDKey)
	if err != nil {
		return fmt.Errorf("%w: %s names no server: %w", ErrCorrupt, LogFile, err)
	}
	if err := finishRecovery(state, log); err != nil {
		return err
	}
	s, err := stand(state, log)
	if err != nil {
		return err
	}
	if err := s.check(string(id)); err != nil {
		return err
	}
	if s.marked == 0 {
		return errors.New("this node was never let into a federation: it has nothing to go on from")
	}
	err = state.update(func(c *change) error { return guard(func() error { return takeOver(c, log, s, string(id)) }) })
	if err != nil {
		return err
	}
	return finishRecovery(state, log)
}

// recoveredKey holds the last entry of a log that was taken over and is to go.
var recoveredKey = []byte("recovered")

// takeOver applies the tail of the log, leaves one voter, and begins another
// lineage.
func takeOver(c *change, log disk, s standing, id string) error {
	end := s.at
	if end.index < s.marked {
		return fmt.Errorf("%w: the state has %d entries, its marker says %d", ErrCorrupt, end.index, s.marked)
	}
	var done outcome
	for index := end.index + 1; index <= s.last; index++ {
		var entry raft.Log
		if err := log.GetLog(index, &entry); err != nil {
			return fmt.Errorf("%w: entry %d of the log: %w", ErrCorrupt, index, err)
		}
		if _, err := applyLog(c, &entry, &done); err != nil {
			return fmt.Errorf("apply entry %d: %w", index, err)
		}
		end = position{entry.Index, entry.Term}
	}
	if err := putRaftPosition(c, end); err != nil {
		return err
	}
	was, err := here(c.tx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(was.Configuration.Servers, func(s raft.Server) bool { return string(s.ID) == id })
	if i < 0 {
		return fmt.Errorf("%s was taken out of the federation before; recover another node", id)
	}
	self := was.Configuration.Servers[i]
	self.Suffrage = raft.Voter
	alone := raft.Configuration{Servers: []raft.Server{self}}
	meta, recovered := c.rows(metaBucket), binary.BigEndian.AppendUint64(nil, s.last)
	return errors.Join(
		putConfiguration(c, end.index, raft.EncodeConfiguration(alone)),
		putMarker(c, marker{Index: end.index, Term: end.term, Configuration: alone, ConfigurationIndex: end.index}),
		meta.Put(recoveriesKey, Sequence(readOrigin(c.tx).recoveries+1).bytes()),
		meta.Put(recoveredKey, recovered))
}

// finishRecovery removes a log that was taken over: those who join later must not
// be sent what it says of the members.
func finishRecovery(state *stateFile, log disk) error {
	var value []byte
	err := state.view(func(tx *bbolt.Tx) error {
		value = slices.Clone(tx.Bucket(metaBucket).Get(recoveredKey))
		return nil
	})
	if err != nil || len(value) != 8 {
		return err
	}
	err = guard(func() error {
		first, err := log.FirstIndex()
		if err != nil || first == 0 || first > binary.BigEndian.Uint64(value) {
			return err
		}
		return log.DeleteRange(first, binary.BigEndian.Uint64(value))
	})
	if err != nil {
		return fmt.Errorf("finish the recovery: %w", err)
	}
	return state.update(func(c *change) error {
		defer state.settle(c.tx)
		return c.rows(metaBucket).Delete(recoveredKey)
	})
}
