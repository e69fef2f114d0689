package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"starling/accounting"
	"starling/consensus"
)

// What is wanted of the record that three nodes share, on one machine with fsync on.
const (
	recordsWanted = 10_000 // a second, of 512 writers
	besideWanted  = 60     // per cent of what raft alone does
	strongWanted  = 10_000 // a second
	handsFull     = 512    // writers, and readers
	changeMost    = 2 * time.Second
	turns         = 5 // of what is measured in turn with something else
	nodesInOne    = 3
)

// rafts measures the log of a federation of three nodes in this process.
func rafts(ctx context.Context, l *lab) (err error) {
	// Each node would be a process with threads of its own. A thread that waits for the disk keeps the place of one that
	// could run: with too few places the nodes would wait for each other's disks.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(nodesInOne * runtime.GOMAXPROCS(0)))
	dir, err := os.MkdirTemp(l.Dir, "starling-bench-")
	if err != nil {
		return err
	}
	f, err := federate(ctx, dir, nodesInOne)
	defer func() { err = errors.Join(err, f.close(), os.RemoveAll(dir)) }()
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context, *lab) error{f.alone, f.many, f.strong, f.lost, f.leave} {
		if err := measure(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// alone measures one writer at the leader who waits until his record is applied there. On the way there are four commits,
// one after the other: the session store's, the leader's log's, a follower's log's and the state's. Each flushes twice.
// What flushes and commits take by themselves is measured in between.
func (f *federation) alone(ctx context.Context, l *lab) error {
	first := f.members[0]
	flusher, err := l.flusher()
	if err != nil {
		return err
	}
	defer flusher.close()
	var writes, commits, flushes pace
	for begun := time.Now(); time.Since(begun) < l.Time; {
		for range 20 {
			err = errors.Join(err, writes.add(func() error { return first.write(ctx) }))
		}
		for range 5 {
			err = errors.Join(err, commits.add(first.commit), flushes.add(flusher.flush), flushes.add(flusher.flush))
		}
		if err != nil {
			return err
		}
	}
	took, flush, commit := writes.percentile(50), 8*flushes.percentile(50), 4*commits.percentile(50)
	l.note(latency("one record on three nodes, p50 alone", took, 2*flush, fmt.Sprintf(
		"8 flushes on its path take %.2f ms alone (%.1f times), 4 commits of one key %.2f ms (%.1f times)",
		millis(flush), float64(took)/float64(flush), millis(commit), float64(took)/float64(commit))))
	return nil
}

// many measures 512 writers at the leader, in turn with raft alone: as many records in entries of the same size, with the
// same state machine and as many entries under way.
func (f *federation) many(ctx context.Context, l *lab) error {
	first := f.members[0]
	bare := first.log.Bare("bare")
	var whole, alone, share []float64
	size := 0
	for range turns {
		entries, records := first.entries()
		p, err := f.put(ctx, handsFull, l.Time/turns, first.write)
		if err != nil {
			return err
		}
		entriesNow, recordsNow := first.entries()
		if entriesNow == entries {
			return errors.New("the leader has made no entries: another node leads")
		}
		size = max(1, int((recordsNow-records)/(entriesNow-entries)))
		took, err := f.enter(ctx, bare, len(p.times), size)
		if err != nil {
			return err
		}
		whole, alone = append(whole, p.rate()), append(alone, float64(len(p.times))/took.Seconds())
		share = append(share, 100*whole[len(whole)-1]/alone[len(alone)-1])
	}
	l.note(Figure{Name: "records on three nodes of 512 writers", Value: middle(whole), Unit: "/s", Target: recordsWanted, Rate: true,
		Note: fmt.Sprintf("%d in an entry", size)})
	l.note(Figure{Name: "that, of what raft alone does", Value: middle(share), Unit: "%", Target: besideWanted, Rate: true,
		Note: fmt.Sprintf("%.0f/s with entries of the same size; %d turns each", middle(alone), turns)})
	p, err := f.put(ctx, handsFull, l.Time/turns, f.members[1].write)
	if err != nil {
		return err
	}
	l.note(Figure{Name: "records of 512 writers at a follower", Value: p.rate(), Unit: "/s"})
	return nil
}

// enter has raft alone take so many records, in entries of so many.
func (f *federation) enter(ctx context.Context, bare *consensus.Bare, records, size int) (time.Duration, error) {
	encoded := make([][]byte, records)
	for i := range encoded {
		var err error
		if encoded[i], err = accounting.Encode(f.record("bare")); err != nil {
			return 0, err
		}
	}
	under := make(chan func() error, consensus.LAN().InFlight-1) // and one that is waited for
	failed := make(chan error, 1)
	begun := time.Now()
	go func() {
		defer close(under)
		for entry := range slices.Chunk(encoded, size) {
			wait, err := bare.Enter(ctx, entry)
			if err != nil {
				failed <- err
				return
			}
			under <- wait
		}
	}()
	var err error
	for wait := range under {
		err = errors.Join(err, wait())
	}
	select {
	case enterErr := <-failed:
		err = errors.Join(err, enterErr)
	default:
	}
	return time.Since(begun), err
}

// strong measures readers at all nodes.
func (f *federation) strong(ctx context.Context, l *lab) error {
	reads, err := f.put(ctx, handsFull, l.Time, func(ctx context.Context) error {
		return f.members[f.next.Add(1)%nodesInOne].log.Strong(ctx)
	})
	if err != nil {
		return err
	}
	l.note(Figure{Name: "strong reads of 512 readers", Value: reads.rate(), Unit: "/s", Target: strongWanted, Rate: true, Note: "at all three nodes"})
	return nil
}

// lost measures how long a record waits whose leader has just been cut off from the others.
func (f *federation) lost(ctx context.Context, l *lab) error {
	var waits pace
	for range turns {
		leader, follower, err := f.leader(ctx)
		if err != nil {
			return err
		}
		if err := follower.write(ctx); err != nil { // which it is busy with
			return err
		}
		f.network.Cut(leader.name)
		err = waits.add(func() error { return follower.write(ctx) })
		f.network.Mend()
		if err != nil {
			return err
		}
	}
	longest := slices.Max(waits.times)
	l.note(latency("a record whose leader is lost, longest", longest, changeMost,
		fmt.Sprintf("of %d; p50 %.0f ms", turns, millis(waits.percentile(50)))))
	return nil
}

// leave measures how long a record waits whose leader takes its leave.
func (f *federation) leave(ctx context.Context, l *lab) error {
	leader, follower, err := f.leader(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := leader.close(); err != nil { // which hands over
		return err
	}
	if err := follower.write(ctx); err != nil {
		return err
	}
	l.note(latency("a record while the leader leaves", time.Since(begun), changeMost, "its closing included"))
	return nil
}

func middle(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
