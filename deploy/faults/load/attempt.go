package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"starling/api/despatch"
)

// attempt is a despatch that is worked on. Its reports are repeated, through any site,
// until one has answered, as those of an executor that keeps them on disk are.
type attempt struct {
	*executor
	despatch *despatch.Despatch
	told     *Attempt // in the record
	keys     int
	stop     bool
	lost     bool
}

// begins takes up a despatch.
func (e *executor) begins(d *despatch.Despatch, asked time.Duration) *attempt {
	l := e.load
	told := &Attempt{
		Ref: d.HistoryRef, Session: d.Session.UUID, Who: d.Identification.User.ID, Site: l.options.Sites[e.home].Name, Executor: e.name, ExecutorID: *e.uuid.Load(),
		Number: d.Attempt, Cores: d.Resources.Cores, Polled: asked, Despatched: l.journal.now(),
	}
	l.journal.note(func(r *Record) {
		if l.options.Forget { // but for those that work
			kept := r.Attempts[:0]
			for _, a := range r.Attempts {
				if a.Completed == 0 && !a.Lost {
					kept = append(kept, a)
				}
			}
			r.Attempts = kept
		}
		r.Attempts = append(r.Attempts, told)
	})
	return &attempt{executor: e, despatch: d, told: told}
}

// performs does the user's actions, and completes.
func (a *attempt) performs(draw *rand.Rand) {
	done := despatch.Completion{Fence: a.despatch.Fence, Key: "end", Outcome: despatch.Completed}
	began := time.Now()
	for _, action := range a.despatch.Sequence {
		var w work
		if action.Value == nil || json.Unmarshal(action.Value, &w) != nil {
			continue
		}
		a.reports(0, despatch.Update{Type: "action-started", Action: action.ID})
		start := time.Now()
		a.works(w)
		if a.stop || a.lost || a.load.working.Err() != nil {
			break
		}
		exposure := &despatch.Exposure{ID: "E1", Start: start, End: time.Now()}
		if w.Bytes > 0 {
			if file, whole := a.sends("1.fits", w.Bytes); whole {
				done.Files, exposure.Files = []despatch.File{file}, []despatch.File{file}
			}
		}
		if draw.IntN(2) == 0 {
			a.reports(0, despatch.Update{Type: "exposure", Action: action.ID, Exposure: exposure}, despatch.Update{Type: "action-completed", Action: action.ID})
		}
	}
	a.note(func(t *Attempt) { t.Ended = a.load.journal.now() })
	done.Time = time.Now()
	done.Resources = []despatch.Resource{
		{Name: "total-time", Amount: seconds(time.Since(began)), Unit: "s"},
		{Name: "core-seconds", Amount: seconds(time.Since(began) * time.Duration(a.told.Cores)), Unit: "s"},
	}
	switch what := draw.IntN(40); {
	case a.stop:
		done.Outcome, done.Failure = despatch.Abandoned, &despatch.Failure{Code: 1, Message: "told to stop"}
	case what == 0:
		done.Outcome, done.Failure = despatch.Failed, &despatch.Failure{Code: 2, Message: "clouds"}
	case what < 3:
		done.Outcome, done.Failure = despatch.Abandoned, &despatch.Failure{Code: 3, Message: "wind", Retry: true}
	}
	a.completes(draw, done)
}

// works waits for as long as the work takes, or until it is told to stop.
func (a *attempt) works(w work) {
	if !w.Endless {
		pause(a.load.working, time.Duration(w.Seconds*float64(time.Second)))
		return
	}
	for !a.stop && !a.lost && a.load.working.Err() == nil && !a.load.gone.has(a.told.Site) {
		a.reports(3*time.Second, despatch.Update{Type: "heartbeat"})
	}
}

// reports sends updates until a site has answered.
func (a *attempt) reports(wait time.Duration, updates ...despatch.Update) {
	for i := range updates {
		a.keys++
		updates[i].Key, updates[i].Time = fmt.Sprintf("update-%d", a.keys), time.Now()
	}
	a.persists(Report, wait, func(ctx context.Context, c *despatch.Client) error {
		answer, err := c.Update(ctx, a.despatch.HistoryRef, despatch.Updates{Fence: a.despatch.Fence, Updates: updates}, wait)
		if err == nil && answer.Stop != nil {
			a.stop = true
			a.note(func(t *Attempt) { t.Stopped = a.load.journal.now() })
		}
		return err
	})
}

// sends sends a file, in one piece or two; the site says where to go on.
func (a *attempt) sends(name string, size int64) (despatch.File, bool) {
	content := make([]byte, size)
	from := rand.NewChaCha8(sha256.Sum256([]byte(a.despatch.HistoryRef)))
	_, _ = from.Read(content) // never fails
	sum := sha256.Sum256(content)
	file := despatch.File{Name: name, Bytes: size, SHA256: hex.EncodeToString(sum[:])}
	var has int64
	for has < size {
		before := has
		r := a.persists(Send, 0, func(ctx context.Context, c *despatch.Client) error {
			end := min(has+100_000, size)
			piece := despatch.Piece{Name: name, Role: "output", Offset: has, Bytes: size, SHA256: file.SHA256}
			received, err := c.Send(ctx, a.despatch.HistoryRef, a.despatch.Fence, piece, bytes.NewReader(content[has:end]), end-has)
			if err == nil {
				has = min(received.Bytes, size)
			}
			return err
		})
		if r.Outcome != Acknowledged || has <= before {
			return file, false
		}
	}
	a.note(func(t *Attempt) { t.Files = append(t.Files, File{Name: name, SHA256: file.SHA256, Bytes: size}) })
	return file, true
}

// completes ends the attempt. Now and then it says the same again, which must change
// nothing, or something else, which must be refused.
func (a *attempt) completes(draw *rand.Rand, done despatch.Completion) {
	if a.lost || a.load.working.Err() != nil {
		return
	}
	completion := func(done despatch.Completion) func(context.Context, *despatch.Client) error {
		return func(ctx context.Context, c *despatch.Client) error {
			return c.Complete(ctx, a.despatch.HistoryRef, done)
		}
	}
	a.note(func(t *Attempt) { t.Outcome = string(done.Outcome) })
	if a.persists(Complete, 0, completion(done)).Outcome != Acknowledged {
		return
	}
	a.note(func(t *Attempt) { t.Completed = a.load.journal.now() })
	switch draw.IntN(10) {
	case 0:
		a.persists(Again, 0, completion(done))
	case 1:
		other := done
		other.Key, other.Resources = "another end", []despatch.Resource{{Name: "core-seconds", Amount: "1000000", Unit: "s"}}
		a.persists(Otherwise, 0, completion(other))
	}
}

// persists asks one site after the other, its own first, until one answers or the load
// ends, and writes it down.
func (a *attempt) persists(kind Kind, wait time.Duration, do func(context.Context, *despatch.Client) error) *Op {
	l := a.load
	o := &Op{Kind: kind, Who: Robot.Name, Object: a.despatch.HistoryRef, Call: l.journal.now(), Outcome: Unknown}
	defer l.journal.wrote(o)
	for turn := 0; ; turn++ {
		site := (a.home + turn) % len(l.options.Sites)
		if len(o.Sites) > 64 { // it goes on for as long as a fault does
			o.Sites = o.Sites[:0]
		}
		o.Sites = append(o.Sites, l.options.Sites[site].Name)
		ctx, cancel := context.WithTimeout(l.working, wait+l.options.Patience)
		c, err := a.client(ctx, site)
		if err == nil {
			err = do(ctx, c)
		}
		cancel()
		o.Return = l.journal.now()
		var problem *despatch.Problem
		switch {
		case err == nil:
			o.Outcome, o.Status, o.Error = Acknowledged, 200, ""
			return o
		case errors.As(err, &problem) && problem.Refused():
			o.Outcome, o.Status, o.Error, o.Answer = Refused, problem.Status, "", []byte(problem.Detail)
			if problem.Status == 409 && kind != Otherwise {
				a.lost = true
				a.note(func(t *Attempt) { t.Lost = true })
			}
			return o
		case errors.As(err, &problem):
			o.Error = fmt.Sprint(problem.Status)
		default:
			o.Error = reason(err)
		}
		if turn%len(l.options.Sites) == len(l.options.Sites)-1 && !pause(l.working, 200*time.Millisecond) || l.working.Err() != nil || l.gone.has(a.told.Site) {
			return o
		}
	}
}

// note changes what the record says of the attempt.
func (a *attempt) note(change func(*Attempt)) {
	a.load.journal.note(func(*Record) { change(a.told) })
}

func seconds(d time.Duration) despatch.Decimal {
	return despatch.Decimal(fmt.Sprintf("%.6f", d.Seconds()))
}
