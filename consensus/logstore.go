package consensus

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"

	"starling/consensus/boltfile"
)

// LogFile is the name of the replicated log's own file in the data directory.
const LogFile = "raft.db"

// disk is what raft keeps in a file: the log, and the votes it gave.
type disk interface {
	raft.LogStore
	raft.StableStore
	io.Closer
}

// logStore keeps raft from ending the whole program when its file can't be
// written or read: on a full disk it waits, on a broken one it stops.
type logStore struct {
	disk
	write   func(file string, write func() error) error // Options.Write
	closing context.Context
	settle  func(error)
}

// The names of raft's own numbers.
var (
	termKey     = []byte("CurrentTerm")
	serverIDKey = []byte("starling-server")
	openedKey   = []byte("starling-opened") // -> "1"
)

func openLogStore(dir string, noSync bool) (disk, error) {
	path := filepath.Join(dir, LogFile)
	var store *raftboltdb.BoltStore
	err := guard(func() (err error) {
		if _, err := readWhole(path, func(boltfile.Row) {}); err != nil { // which raft-boltdb does not
			return err
		}
		store, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: logOptions(), NoSync: noSync})
		return explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return store, nil
}

// logOptions are bbolt's for the log. It is trimmed, so that it needs less room.
func logOptions() *bbolt.Options {
	options := boltOptions()
	options.InitialMmapSize = logMmapSize
	return options
}

// logMmapSize is address space for a log that is trimmed.
const logMmapSize = 64 << 20

// verify reads the whole log after an entry: each must be there and readable.
func verify(store disk, after uint64) (first, last uint64, err error) {
	err = guard(func() error {
		if first, err = store.FirstIndex(); err != nil {
			return err
		}
		if last, err = store.LastIndex(); err != nil {
			return err
		}
		for index := max(first, after+1); first > 0 && index <= last; index++ {
			var entry raft.Log
			if err := store.GetLog(index, &entry); err != nil || entry.Index != index {
				return fmt.Errorf("%w: entry %d of the log: %w", ErrCorrupt, index, errors.Join(err))
			}
			if entry.Type != raft.LogCommand {
				continue
			}
			if _, err := decodeEntry(entry.Data); err != nil {
				return fmt.Errorf("entry %d of the log: %w", index, err)
			}
		}
		return nil
	})
	return first, last, err
}

// StoreLogs is described at raft.LogStore. A leader that can't store steps down,
// a follower is sent it again.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	err := s.change(func() error { return s.disk.StoreLogs(logs) })
	s.tell(err)
	return err
}

// StoreLog is described at raft.LogStore.
func (s *logStore) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// GetLog is described at raft.LogStore. Raft panics when a committed entry can't
// be read, so that a broken store makes it wait for its end instead.
func (s *logStore) GetLog(index uint64, log *raft.Log) error {
	err := guard(func() error { return s.disk.GetLog(index, log) })
	if err == nil || errors.Is(err, raft.ErrLogNotFound) {
		return err
	}
	s.tell(fmt.Errorf("%w: entry %d of the log: %w", ErrCorrupt, index, err))
	<-s.closing.Done()
	*log = raft.Log{Index: index, Type: raft.LogNoop} // nobody will see it
	return nil
}

// DeleteRange is described at raft.LogStore.
func (s *logStore) DeleteRange(low, high uint64) error {
	return s.change(func() error { return s.disk.DeleteRange(low, high) })
}

// SetUint64 is described at raft.StableStore. Raft panics when it can't store its
// term, so that it waits for the disk instead; it is deaf meanwhile, as a node
// that can't remember its votes should be.
func (s *logStore) SetUint64(key []byte, value uint64) error {
	for wait := retryFirst; ; wait = min(2*wait, time.Second) {
		err := s.change(func() error { return s.disk.SetUint64(key, value) })
		s.tell(err)
		if err == nil || !bytes.Equal(key, termKey) {
			return err
		}
		sleep(s.closing, wait, nil)
		if s.closing.Err() != nil {
			return nil // the transport is closed: nobody will hear of this term
		}
	}
}

// Set is described at raft.StableStore.
func (s *logStore) Set(key, value []byte) error {
	return s.change(func() error { return s.disk.Set(key, value) })
}

// probe finds out whether the file can be written again, where nothing else is to
// be written: what was missing may have come as a state.
func (s *logStore) probe() { s.tell(s.Set(openedKey, []byte("1"))) }

// change does one write of the file.
func (s *logStore) change(do func() error) error {
	return guard(func() error { return s.write(LogFile, do) })
}

func (s *logStore) tell(err error) {
	if s.closing.Err() == nil {
		s.settle(err)
	}
}

// serverID reads the server's id, which is minted with the file: a node whose
// file was lost has forgotten its votes, and must come back as another server.
func serverID(store raft.StableStore, node string, random io.Reader) (string, error) {
	if id, err := store.Get(serverIDKey); err == nil && len(id) > 0 {
		return string(id), nil
	}
	var suffix [4]byte
	if _, err := io.ReadFull(random, suffix[:]); err != nil {
		return "", fmt.Errorf("mint a server's id: %w", err)
	}
	id := fmt.Sprintf("%s.%08x", node, binary.BigEndian.Uint32(suffix[:]))
	return id, store.Set(serverIDKey, []byte(id))
}
