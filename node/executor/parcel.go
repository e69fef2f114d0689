package executor

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"starling/api/despatch"
)

const (
	// pieceBytes is the most that goes into one request: what is lost when a
	// line breaks at a bad moment.
	pieceBytes = 8 << 20
	// lookEvery is how often a growing file is looked at.
	lookEvery = 500 * time.Millisecond
)

// parcel is a file on its way to the node.
type parcel struct {
	*errand
	file despatch.File
	have int64 // what the node has
}

// send sends a file whose size and checksum are known, until it is there whole.
// The error is why the node doesn't take it, or the context's.
func (p *parcel) send(ctx context.Context) error {
	in, err := p.open()
	if err != nil {
		return err
	}
	defer in.Close()
	retry := p.timing.backoff()
	anew := false
	// A small file is sent without asking what is there.
	ask := p.file.Bytes > pieceBytes
	for {
		before := p.have
		err := p.put(ctx, in, p.file.Bytes, ask)
		ask = false
		switch judge(err) {
		case accepted:
			if p.have >= p.file.Bytes {
				return nil
			}
			if p.have > before {
				retry.reset()
				continue
			}
		case again:
			retry.log(p.log, "a file can't be sent; keeps trying", err)
			ask = true
		case unwanted:
			// It may have been damaged on the way, but not twice.
			if anew || !differs(err) {
				return err
			}
			anew, p.have = true, 0
		default:
			return err
		}
		if !retry.pause(ctx) {
			return ctx.Err()
		}
	}
}

// differs reports whether the node has thrown away what it had.
func differs(err error) bool {
	var problem *despatch.Problem
	return errors.As(err, &problem) && problem.Status == 400
}

// follow sends a file as it grows, until the context ends.
func (p *parcel) follow(ctx context.Context) error {
	in, err := p.open()
	if err != nil {
		return err
	}
	defer in.Close()
	retry := p.timing.backoff()
	for sleep(ctx, lookEvery) {
		info, err := in.Stat()
		if err != nil {
			return err
		}
		if info.Size() <= p.have {
			continue
		}
		err = p.put(ctx, in, info.Size(), false)
		switch judge(err) {
		case accepted:
			retry.reset()
		case again:
			retry.pause(ctx)
		default:
			return err
		}
	}
	return nil
}

func (p *parcel) open() (*os.File, error) {
	path, err := pathOf(p.file)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// put sends the next piece of a file of some size, or an empty one that asks
// what is there, and notes what the node has then.
func (p *parcel) put(ctx context.Context, in io.ReaderAt, size int64, ask bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	piece := despatch.Piece{Name: p.file.Name, Role: p.file.Role, Offset: p.have, Bytes: p.file.Bytes, SHA256: p.file.SHA256}
	n := min(size-p.have, pieceBytes)
	if ask {
		n = 0
	}
	body := newLively(io.NewSectionReader(in, p.have, n), p.timing.Answer, cancel)
	defer body.timer.Stop()
	received, err := p.client.Send(ctx, p.despatch.HistoryRef, p.despatch.Fence, piece, body, n)
	if err == nil {
		p.have = received.Bytes
	}
	return err
}

// lively is a body that must be read from now and then: a request may take as
// long as it likes, as long as it goes on.
type lively struct {
	io.Reader
	patience time.Duration
	timer    *time.Timer
}

func newLively(r io.Reader, patience time.Duration, cancel func()) *lively {
	return &lively{r, patience, time.AfterFunc(patience, cancel)}
}

func (l *lively) Read(p []byte) (int, error) {
	l.timer.Reset(l.patience)
	return l.Reader.Read(p)
}
