package docker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"starling/node/executor"
)

const (
	// announceAfter is how old a run is when its stdout and stderr are announced
	// and copied while they grow; a shorter one's are copied at its end.
	announceAfter = 100 * time.Millisecond
	// stuck is how much longer than its grace a container may take to end: as
	// long as a loaded engine may need.
	stuck = 30 * time.Second
	// engineAway is the pause before an engine that doesn't answer is asked
	// again.
	engineAway = time.Second
)

// watch waits for a container's end, and brings it about where it must be.
type watch struct {
	*job
	id      string // of the action
	started time.Time
	ports   []Port
	why     reasons
	tasks   sync.WaitGroup
}

// wait waits for the container's end, and returns its state: nil if somebody else
// has removed it. The error is executor.ErrDetached or nil.
func (w *watch) wait(ctx context.Context) (*container.State, error) {
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	defer w.tasks.Wait()
	defer end()
	full, endLooks := w.Watch(watching, w.layer)
	defer endLooks()
	ended := make(chan *container.State, 1)
	w.tasks.Go(func() { w.await(watching, ended) })
	announce := time.NewTimer(announceAfter)
	defer announce.Stop()
	walltime := time.NewTimer(w.left())
	defer walltime.Stop()
	var patience <-chan time.Time
	stop := func() {
		if patience == nil {
			patience = time.After(w.Grace + stuck)
			refused := errors.Is(w.why.stopped, executor.ErrRefused)
			w.tasks.Go(func() { w.stop(watching, refused) })
		}
	}
	for done := ctx.Done(); ; {
		select {
		case state := <-ended:
			return state, nil
		case <-announce.C:
			w.tasks.Go(func() { w.attend(watching) })
		case err := <-full:
			w.why.full = err
			stop()
		case <-walltime.C:
			w.why.walltime = w.walltime()
			stop()
		case <-done:
			if errors.Is(context.Cause(ctx), executor.ErrDetached) {
				return nil, executor.ErrDetached
			}
			done, w.why.stopped = nil, context.Cause(ctx)
			stop()
		case <-patience:
			w.log.Error("a container can't be stopped; it is tried again later", "container", w.name)
			return &container.State{}, nil
		}
	}
}

// await waits until the container doesn't run any more, also while the engine is
// away; nil in the channel means that there is no container.
func (w *watch) await(ctx context.Context, ended chan<- *container.State) {
	for {
		answer := w.engine.ContainerWait(ctx, w.name, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case <-answer.Result:
		case <-answer.Error:
		}
		if ctx.Err() != nil {
			return
		}
		state, err := w.state(ctx)
		switch {
		case notFound(err):
			ended <- nil
			return
		case err == nil && !state.Running && !state.Restarting && state.Status != container.StateCreated:
			ended <- state
			return
		}
		pause(ctx, engineAway)
	}
}

// stop ends the container: at once where nobody will ask how it ended.
func (w *watch) stop(ctx context.Context, refused bool) {
	if refused {
		w.remove(ctx)
		return
	}
	grace := int(w.Grace.Seconds())
	for ctx.Err() == nil {
		_, err := w.engine.ContainerStop(ctx, w.name, client.ContainerStopOptions{Timeout: &grace})
		if err == nil || notFound(err) {
			return
		}
		pause(ctx, engineAway)
	}
}

// attend says what there is to see of a container that runs, and copies what it
// prints as it does.
func (w *watch) attend(ctx context.Context) {
	w.connect(ctx)
	err := w.open()
	if err == nil {
		w.Announce(w.id)
		err = w.pour(ctx, true)
	}
	if err != nil && ctx.Err() == nil {
		w.log.Debug("what a container prints can't be followed", "error", err)
	}
}

// layer is how many bytes the container's own file system takes.
func (w *watch) layer(ctx context.Context) int64 {
	got, err := w.engine.ContainerInspect(ctx, w.name, client.ContainerInspectOptions{Size: true})
	if err != nil || got.Container.SizeRw == nil {
		return 0
	}
	return *got.Container.SizeRw
}

// left is what is left of the walltime, from when the container started. The
// broker's order comes first, as a rule; this is for when it can't.
func (w *watch) left() time.Duration { return w.walltime() - time.Since(w.started) }

// maxWalltime is that of a session without one, in seconds: a hundred years.
const maxWalltime = 100 * 365 * 86400

// walltime is how long the container may run.
func (w *watch) walltime() time.Duration {
	s := w.Despatch.WalltimeSeconds
	if s <= 0 || s > maxWalltime {
		s = maxWalltime
	}
	return time.Duration(s * float64(time.Second))
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
