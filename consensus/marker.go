package consensus

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// A position is an entry of the replicated log.
type position struct {
	index uint64
	term  uint64
}

// A marker says that the state holds all up to an entry, so that the log before
// it may go, and who the servers were then. It is what raft calls a snapshot: the
// state itself is on disk already, and needs no copy.
type marker struct {
	Index              uint64             `json:"index"`
	Term               uint64             `json:"term"`
	Configuration      raft.Configuration `json:"configuration"`
	ConfigurationIndex uint64             `json:"configurationIndex"`
}

// Further keys of the state's meta bucket, which only the replicated log has.
var (
	raftKey          = []byte("raft")          // -> index, term of the last entry applied
	markerKey        = []byte("marker")        // -> marker
	configurationKey = []byte("configuration") // -> index, the last configuration applied
	serverKey        = []byte("server")        // -> ServerID whose log this state follows
)

func raftPosition(tx *bbolt.Tx) position {
	value := tx.Bucket(metaBucket).Get(raftKey)
	if len(value) != 16 {
		return position{}
	}
	return position{binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])}
}

func putRaftPosition(c *change, p position) error {
	value := binary.BigEndian.AppendUint64(nil, p.index)
	return c.rows(metaBucket).Put(raftKey, binary.BigEndian.AppendUint64(value, p.term))
}

// readMarker reads the marker; nil if there is none.
func readMarker(tx *bbolt.Tx) (*marker, error) {
	value := tx.Bucket(metaBucket).Get(markerKey)
	if value == nil {
		return nil, nil
	}
	m := new(marker)
	if err := json.Unmarshal(value, m); err != nil {
		return nil, fmt.Errorf("%w: the marker: %w", ErrCorrupt, err)
	}
	return m, nil
}

// putMarker stores a marker. What lies between the last entry applied and the
// marker was nothing for the state.
func putMarker(c *change, m marker) error {
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := c.rows(metaBucket).Put(markerKey, value); err != nil {
		return err
	}
	if raftPosition(c.tx).index >= m.Index {
		return nil
	}
	return putRaftPosition(c, position{m.Index, m.Term})
}

// mark moves the marker, if it is another: raft counts wrongly over an empty log
// and marks the same place again and again.
func (f *stateFile) mark(m marker) error {
	var stored *marker
	err := f.view(func(tx *bbolt.Tx) (err error) {
		stored, err = readMarker(tx)
		return err
	})
	if err != nil || stored != nil && stored.Index == m.Index {
		return err
	}
	return f.update(func(c *change) error { return putMarker(c, m) })
}

// putConfiguration remembers who the servers are since an entry.
func putConfiguration(c *change, index uint64, encoded []byte) error {
	value := binary.BigEndian.AppendUint64(nil, index)
	return c.rows(metaBucket).Put(configurationKey, append(value, encoded...))
}

// here is the marker of the state as a transaction sees it: never older than the
// one stored, or the log might lack what comes next.
func here(tx *bbolt.Tx) (*marker, error) {
	m, err := readMarker(tx)
	if err != nil || m == nil {
		return nil, err
	}
	if p := raftPosition(tx); p.index > m.Index {
		m.Index, m.Term = p.index, p.term
	}
	value := tx.Bucket(metaBucket).Get(configurationKey)
	if len(value) < 8 {
		return m, nil
	}
	if index := binary.BigEndian.Uint64(value); index > m.ConfigurationIndex {
		err = guard(func() error {
			m.Configuration, m.ConfigurationIndex = raft.DecodeConfiguration(value[8:]), index
			return nil
		})
	}
	return m, err
}

// own binds the file to a server, so that it is not used with another's log.
func own(c *change, server string) error {
	return c.rows(metaBucket).Put(serverKey, []byte(server))
}

// owner is the server that the file is bound to; "" if to none.
func owner(tx *bbolt.Tx) string { return string(tx.Bucket(metaBucket).Get(serverKey)) }

// adopt puts a received state in the place of this one, readers of which go on
// until they have finished. The file keeps its identity and its server. A state of
// another federation is refused (ErrOtherFederation).
func (f *stateFile) adopt(received string, m marker) error {
	db, err := f.open(received)
	if err != nil {
		return err
	}
	var from origin
	err = guard(func() error {
		return db.Update(func(tx *bbolt.Tx) (err error) {
			from, err = f.naturalise(tx, m)
			return err
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("take over %s: %w", received, err)
	}
	return f.write(StateFile, func() error { return f.swap(received, from) })
}

func (f *stateFile) swap(received string, from origin) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := replaceFile(received, f.path); err != nil {
		return err
	}
	db, err := f.open(f.path)
	if err != nil {
		return err
	}
	old := f.db
	f.db = db
	f.origin.Store(&from)
	f.closing.Go(func() { _ = old.Close() }) // nothing was written to it that counts
	return nil
}

func (f *stateFile) naturalise(tx *bbolt.Tx, m marker) (from origin, err error) {
	for _, name := range [][]byte{stateBucket, appliedBucket, rejectedBucket, metaBucket} {
		if tx.Bucket(name) == nil {
			return from, fmt.Errorf("%w: it is no state", ErrCorrupt)
		}
	}
	meta := tx.Bucket(metaBucket)
	if found := meta.Get(formatKey); string(found) != string(format) {
		return from, fmt.Errorf("%w: its format is %.20q, this program knows %q", ErrTooNew, found, format)
	}
	from = readOrigin(tx)
	if own := f.whose(); own != (origin{}) && own != from {
		return from, fmt.Errorf("%w: its lineage is %.80q, this node's %s", ErrOtherFederation, from.lineage(), own.lineage())
	}
	var server string
	if err := f.view(func(tx *bbolt.Tx) error { server = owner(tx); return nil }); err != nil {
		return from, err
	}
	return from, changed(tx, func(c *change) error {
		return errors.Join(c.rows(metaBucket).Put(idKey, []byte(f.id)), own(c, server), putMarker(c, m))
	})
}
