package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// A Remnant is what the directory of a node that is down has of the log. Of those
// who are left of a lost majority, the one whose log ends last has all that any of
// them has applied: last by LastTerm, and in the same term by LastIndex.
type Remnant struct {
	Server     string `json:"server"`
	Federation string `json:"federation"`
	Recoveries uint64 `json:"recoveries"` // how often a majority of it was given up
	LastTerm   uint64 `json:"lastTerm"`   // of the log's last entry
	LastIndex  uint64 `json:"lastIndex"`
	Applied    uint64 `json:"applied"` // the last entry that the state has
	Outbox     int    `json:"outbox"`  // records of this node that the state lacks
	// Servers are the members as this node knew them last.
	Servers []Server `json:"servers"`
}

// Survey looks into the directory of a node that is down, and at the outbox in its
// session store. It changes nothing.
func Survey(dir, sessions string) (found Remnant, err error) {
	var last *marker
	lives := func(StoreID) Sequence { return 0 }
	err = look(filepath.Join(dir, StateFile), func(tx *bbolt.Tx) error {
		if tx.Bucket(metaBucket) == nil {
			return fmt.Errorf("%w: it is no state", ErrCorrupt)
		}
		o := readOrigin(tx)
		found.Server, found.Federation, found.Recoveries = owner(tx), o.federation, o.recoveries
		found.Applied = raftPosition(tx).index
		positions := make(map[StoreID]Sequence)
		lives = func(store StoreID) Sequence { return positions[store] }
		if last, err = here(tx); err != nil {
			return err
		}
		return tx.Bucket(appliedBucket).ForEach(func(k, v []byte) error {
			positions[StoreID(k)] = sequenceOf(v)
			return nil
		})
	})
	if err != nil {
		return found, err
	}
	if last != nil {
		found.LastIndex, found.LastTerm = last.Index, last.Term
		found.Servers = serversOf(last.Configuration)
	}
	if err := found.readLog(filepath.Join(dir, LogFile)); err != nil {
		return found, err
	}
	return found, look(sessions, func(tx *bbolt.Tx) error {
		found.Outbox = waiting(tx, lives)
		return nil
	})
}

// readLog adds what the log has after the state.
func (found *Remnant) readLog(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return guard(func() error {
		log, err := raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{ReadOnly: true, Timeout: openTimeout}})
		if err != nil {
			return fmt.Errorf("open %s: %w", path, explain(err))
		}
		defer log.Close()
		_, last, err := verify(log, found.Applied)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		for index := found.Applied + 1; index <= last; index++ {
			var entry raft.Log
			if err := log.GetLog(index, &entry); err != nil {
				return fmt.Errorf("read %s: %w: entry %d: %w", path, ErrCorrupt, index, err)
			}
			found.LastIndex, found.LastTerm = entry.Index, entry.Term
			if entry.Type == raft.LogConfiguration {
				found.Servers = serversOf(raft.DecodeConfiguration(entry.Data))
			}
		}
		return nil
	})
}

// look reads a file of a node that is down; without read it only opens it.
func look(path string, read func(*bbolt.Tx) error) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: openTimeout})
		if err != nil {
			return fmt.Errorf("open %s: %w", path, explain(err))
		}
		defer db.Close()
		if read == nil {
			return nil
		}
		if err := db.View(read); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		return nil
	})
}

// waiting is how many records of an outbox a state lacks.
func waiting(tx *bbolt.Tx, applied func(StoreID) Sequence) int {
	records, meta := tx.Bucket(outboxBucket), tx.Bucket(outboxMeta)
	if records == nil || meta == nil {
		return 0
	}
	lives := []life{{StoreID(meta.Get(storeKey)), 1}}
	if bucket := tx.Bucket(livesBucket); bucket != nil {
		lives = nil
		cursor := bucket.Cursor()
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			lives = append(lives, life{StoreID(v), sequenceOf(k)})
		}
	}
	last := Sequence(records.Sequence())
	return int(last - min(last, reached(lives, applied)))
}

// serversOf are the members of a configuration.
func serversOf(c raft.Configuration) (list []Server) {
	for _, s := range c.Servers {
		_, address := whither(s.Address)
		list = append(list, Server{ID: string(s.ID), Node: NodeOf(string(s.ID)), Address: address, Voter: s.Suffrage == raft.Voter})
	}
	return list
}

// missing reports whether a file isn't there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
