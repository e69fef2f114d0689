package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// snapshots is raft's store of snapshots, of which there is one: the state. To
// take a snapshot is to move its marker. To send one is to stream the state as a
// read transaction sees it at that moment, while writes go on. To receive one
// is to write a file beside the state that replaces it.
type snapshots struct {
	state   *stateFile
	closing context.Context

	mu       sync.Mutex
	received *receivedState // whole, on its way into the state's place
	sent     uint64         // the index of the state that was sent last
	again    time.Time      // when it may be sent once more
}

// resendAfter is how soon the same state is sent once more. Raft asks for it at once,
// for as long as that is no help: a follower with a log of its own can't compare
// it with a state that isn't newer, which is so while the leader's disk is full.
const resendAfter = time.Second

// receivedState is a state that a leader sent.
type receivedState struct {
	path string
	meta raft.SnapshotMeta
}

// receivedFile is what a state is received into, beside state.db.
const receivedFile = "state.received"

// trailer is the length of the checksum at the end of a state that is sent.
const trailer = 4

// stateID names the snapshot that the state is.
const stateID = "state"

// newSnapshots also removes what a crash left half received.
func newSnapshots(closing context.Context, state *stateFile) (*snapshots, error) {
	s := &snapshots{state: state, closing: closing}
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return s, nil
}

func (s *snapshots) path() string { return filepath.Join(filepath.Dir(s.state.path), receivedFile) }

func (m marker) meta(size int64) *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax, ID: stateID, Index: m.Index, Term: m.Term, Size: size,
		Configuration: m.Configuration, ConfigurationIndex: m.ConfigurationIndex,
	}
}

// List is described at raft.SnapshotStore. It tells the stored marker.
func (s *snapshots) List() (list []*raft.SnapshotMeta, err error) {
	err = s.state.view(func(tx *bbolt.Tx) error {
		m, err := readMarker(tx)
		if m != nil {
			list = append(list, m.meta(tx.Size()+trailer))
		}
		return err
	})
	return list, err
}

// Create is described at raft.SnapshotStore. A sink that nothing is written to
// moves the marker; one that is written to receives a state.
func (s *snapshots) Create(_ raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{to: s, marker: marker{Index: index, Term: term, Configuration: configuration, ConfigurationIndex: configurationIndex}}, nil
}

// Open is described at raft.SnapshotStore.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	received := s.received
	s.mu.Unlock()
	if received != nil && id == received.meta.ID {
		// The state machine takes the file itself and reads nothing.
		return &received.meta, io.NopCloser(io.LimitReader(nil, 0)), nil
	}
	if id != stateID {
		return nil, nil, fmt.Errorf("no snapshot %q", id)
	}
	if err := s.pace(); err != nil {
		return nil, nil, err
	}
	tx, err := s.state.begin(false)
	if err != nil {
		return nil, nil, err
	}
	m, err := here(tx)
	if err == nil && m == nil {
		err = errors.New("no marker yet")
	}
	if err != nil {
		return nil, nil, errors.Join(err, tx.Rollback())
	}
	meta := m.meta(tx.Size() + trailer)
	return meta, streamState(tx), nil
}

// pace waits where the same state was sent a moment ago.
func (s *snapshots) pace() error {
	var index uint64
	err := s.state.view(func(tx *bbolt.Tx) error { index = raftPosition(tx).index; return nil })
	if err != nil {
		return err
	}
	s.mu.Lock()
	wait := time.Until(s.again)
	if index != s.sent {
		wait = 0
	}
	s.sent, s.again = index, time.Now().Add(max(0, wait)+resendAfter)
	s.mu.Unlock()
	if wait > 0 {
		sleep(s.closing, wait, nil)
	}
	return s.closing.Err()
}

// take hands over what was received.
func (s *snapshots) take() (*receivedState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	received := s.received
	if received == nil {
		return nil, errors.New("no state was received")
	}
	s.received = nil
	return received, nil
}

// stream reads a transaction's state, and then its checksum.
type stream struct {
	*io.PipeReader
	done chan struct{}
}

func streamState(tx *bbolt.Tx) *stream {
	from, to := io.Pipe()
	s := &stream{from, make(chan struct{})}
	go func() {
		defer close(s.done)
		sum := newSum()
		_, err := tx.WriteTo(io.MultiWriter(to, sum))
		if err == nil {
			_, err = to.Write(sum.Sum(nil))
		}
		_ = tx.Rollback()
		to.CloseWithError(err) // io.EOF if nil
	}()
	return s
}

// Close ends the stream, read to its end or not.
func (s *stream) Close() error {
	err := s.PipeReader.Close()
	<-s.done
	return err
}

func newSum() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// sink takes a marker, or a state.
type sink struct {
	to     *snapshots
	marker marker
	file   *os.File
	size   int64
}

// ID is described at raft.SnapshotSink.
func (s *sink) ID() string { return fmt.Sprintf("received-%d-%d", s.marker.Term, s.marker.Index) }

// Write is described at raft.SnapshotSink.
func (s *sink) Write(p []byte) (int, error) {
	if s.file == nil {
		var err error
		if s.file, err = os.OpenFile(s.to.path(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// Close is described at raft.SnapshotSink: the marker is durable, or the state
// was received whole.
func (s *sink) Close() error {
	if s.file == nil {
		return s.to.state.mark(s.marker)
	}
	if err := s.check(); err != nil {
		return errors.Join(fmt.Errorf("receive the state: %w", err), s.Cancel())
	}
	if err := errors.Join(s.file.Sync(), s.file.Close()); err != nil {
		return errors.Join(err, os.Remove(s.file.Name()))
	}
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	meta := s.marker.meta(s.size)
	meta.ID = s.ID()
	s.to.received = &receivedState{s.file.Name(), *meta}
	return nil
}

// check compares the checksum at the file's end with the rest, cuts it off, and looks
// whether the state is what its sender once wrote.
func (s *sink) check() error {
	if s.size < trailer {
		return fmt.Errorf("%w: %d bytes", ErrCorrupt, s.size)
	}
	size := s.size - trailer
	sum := newSum()
	if _, err := io.Copy(sum, io.NewSectionReader(s.file, 0, size)); err != nil {
		return err
	}
	want := make([]byte, trailer)
	if _, err := s.file.ReadAt(want, size); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(want) != sum.Sum32() {
		return fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
	}
	if err := s.file.Truncate(size); err != nil {
		return err
	}
	// What the sender's disk has done to its state must not come here with it.
	if err := verifyState(s.file.Name(), s.to.state.log); err != nil {
		return fmt.Errorf("what the leader has sent is damaged there: %w", err)
	}
	return nil
}

// Cancel is described at raft.SnapshotSink.
func (s *sink) Cancel() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// replaceFile renames a file, durably.
func replaceFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
