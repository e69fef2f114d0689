package consensus

import (
	"errors"

	"go.etcd.io/bbolt"
)

// committer commits a transaction for all who wait, as package node/store does.
type committer struct {
	db    *bbolt.DB
	queue chan *waitingWrite
	done  chan struct{}
}

type waitingWrite struct {
	write func(*bbolt.Tx) error
	done  chan error
}

func newCommitter(db *bbolt.DB) *committer {
	c := &committer{db, make(chan *waitingWrite, 1024), make(chan struct{})}
	go c.run()
	return c
}

// close ends it after the last write.
func (c *committer) close() {
	close(c.queue)
	<-c.done
}

// write returns once a write is durable.
func (c *committer) write(write func(*bbolt.Tx) error) error {
	w := &waitingWrite{write, make(chan error, 1)}
	c.queue <- w
	return <-w.done
}

func (c *committer) run() {
	defer close(c.done)
	for w := range c.queue {
		all := []*waitingWrite{w}
		for range len(c.queue) { // nobody else takes from it
			all = append(all, <-c.queue)
		}
		err := c.db.Update(func(tx *bbolt.Tx) (err error) {
			for _, w := range all {
				err = errors.Join(err, w.write(tx))
			}
			return err
		})
		for _, w := range all {
			w.done <- err
		}
	}
}
