package consensus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// asideSuffix is what files are called that were moved aside, with a number if need
// be.
const asideSuffix = ".aside"

// Rejoin moves a node's part of the log aside, so that the node joins the federation
// anew. Its session store stays where it is, and with it the outbox, which is handed
// over after that. It returns where the files are now. The node must be down.
func Rejoin(dir, sessions string) (moved []string, err error) {
	log, state := filepath.Join(dir, LogFile), filepath.Join(dir, StateFile)
	if err := wasMember(log, state); err != nil {
		return nil, fmt.Errorf("rejoin %s: %w", dir, err)
	}
	for _, path := range []string{sessions, state, log} {
		if err := idle(path); err != nil {
			return nil, err
		}
	}
	// The log goes first: a state without it is not taken for a new node's.
	for _, path := range []string{log, state} {
		to, err := aside(path)
		switch {
		case missing(err):
			continue
		case err != nil:
			return moved, fmt.Errorf("rejoin %s: %w", dir, err)
		}
		moved = append(moved, to)
	}
	return moved, nil
}

// wasMember refuses a node by itself, whose record is nowhere else. The log may be
// aside already, or lost.
func wasMember(log, state string) error {
	_, err := os.Stat(log)
	if !missing(err) {
		return err
	}
	server := ""
	if err := look(state, func(tx *bbolt.Tx) error {
		if tx.Bucket(metaBucket) != nil {
			server = owner(tx)
		}
		return nil
	}); err != nil {
		return err
	}
	if server == "" {
		return errors.New("this node was never in a federation, and its record is nowhere else")
	}
	return nil
}

// idle refuses a file that a node has open. One that is damaged may be moved.
func idle(path string) error {
	err := look(path, nil)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return err
	}
	return nil
}

// aside renames a file, durably and over none.
func aside(path string) (to string, err error) {
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	to = path + asideSuffix
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); missing(err) {
			return to, replaceFile(path, to)
		} else if err != nil {
			return "", err
		}
		to = path + asideSuffix + strconv.Itoa(n)
	}
}
