package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/work"
)

// job is an attempt that is being performed.
type job struct {
	*Backend
	*work.Attempt
	name string // of the container
	log  *slog.Logger
}

// run runs the container, or finds it again, and leaves nothing of it.
func (j *job) run(ctx context.Context, id string, r *despatch.Run) (*despatch.Completion, error) {
	e, err := parse(r.Executable)
	if err != nil {
		return work.Failure(executor.CodeUnsupported, false, err), nil
	}
	var known ending
	if j.Dir.Read(endedFile, &known) == nil { // an earlier life has come so far
		j.remove(ctx)
		j.Ended = known.Ended
		return known.Failure, nil
	}
	var started time.Time
	var failure *despatch.Completion
	if j.State.Run {
		started, failure = j.recover(ctx)
	} else {
		started, failure, err = j.launch(ctx, id, e)
	}
	if failure != nil || err != nil {
		return failure, err
	}
	found, err := j.end(ctx, &watch{job: j, id: id, started: started, ports: e.Network.Ports})
	if err != nil {
		return nil, err
	}
	j.remove(ctx)
	j.Ended = found.Ended
	return found.Failure, nil
}

// recover finds the container of an earlier life; one that was made but not
// started is started.
func (j *job) recover(ctx context.Context) (time.Time, *despatch.Completion) {
	state, err := j.state(ctx)
	switch {
	case notFound(err):
		return time.Time{}, vanished().Failure
	case err != nil:
		return time.Now(), nil // the watch goes on asking
	case state.Status == container.StateCreated:
		return time.Now(), j.start(ctx)
	}
	return instant(state.StartedAt), nil
}

// launch creates and starts the container. That it is about to be is on disk
// before it is. What can't be started is removed.
func (j *job) launch(ctx context.Context, id string, e *Executable) (started time.Time, failure *despatch.Completion, err error) {
	if j.Despatch.Resources.GPUs > 0 {
		return started, work.Failure(executor.CodeUnsupported, false, errors.New("containers get no GPUs here")), nil
	}
	if err := j.Keep(); err != nil {
		return started, work.Failure(executor.CodeInternal, true, err), nil
	}
	image, failure := j.find(ctx, id, e.Image)
	if ctx.Err() != nil {
		failure, err = work.Stopped(ctx)
		return started, failure, err
	}
	if failure != nil {
		return started, failure, nil
	}
	j.Report.Started(id)
	if err := j.Begin(); err != nil {
		return started, work.Failure(executor.CodeInternal, true, err), nil
	}
	if err := j.create(ctx, e, image); err != nil {
		j.remove(ctx)
		return started, failureOf("the container can't be made", err), nil
	}
	return time.Now(), j.start(ctx), nil
}

// create creates the container. What bears its name already is of an attempt
// whose directory was lost.
func (j *job) create(ctx context.Context, e *Executable, image *picture) error {
	plan := j.plan(e, image)
	for _, m := range plan.HostConfig.Mounts {
		if m.VolumeOptions != nil {
			if err := os.Mkdir(m.VolumeOptions.DriverConfig.Options["device"], 0o777); err != nil {
				return err
			}
		}
	}
	ctx, cancel := timely(ctx)
	defer cancel()
	_, err := j.engine.ContainerCreate(ctx, plan)
	if j.engine.quota.refused(plan.HostConfig.StorageOpt, err) {
		plan.HostConfig.StorageOpt = nil
		_, err = j.engine.ContainerCreate(ctx, plan)
	}
	if conflict(err) {
		j.remove(ctx)
		_, err = j.engine.ContainerCreate(ctx, plan)
	}
	return err
}

// start starts the container; one that can't be started is removed. A program
// that isn't there, or can't be executed, is the user's failure, with a shell's
// exit status for it.
func (j *job) start(ctx context.Context) *despatch.Completion {
	ctx, cancel := timely(ctx)
	defer cancel()
	_, err := j.engine.ContainerStart(ctx, j.name, client.ContainerStartOptions{})
	if err == nil {
		return nil
	}
	defer j.remove(ctx)
	got, inspectErr := j.engine.ContainerInspect(ctx, j.name, client.ContainerInspectOptions{})
	if inspectErr == nil && got.Container.State != nil {
		if code := got.Container.State.ExitCode; code == 126 || code == 127 {
			return work.Failure(code, false, fmt.Errorf("the program can't be started: %w", err))
		}
	}
	return failureOf("the container can't be started", err)
}

// outputTimeout bounds how long the engine may take to hand over what was
// printed.
const outputTimeout = 10 * time.Minute

// end waits for the container's end, and keeps all that is to know of it. The
// error is executor.ErrDetached or nil.
func (j *job) end(ctx context.Context, w *watch) (*ending, error) {
	state, err := w.wait(ctx)
	if err != nil {
		return nil, err
	}
	if state == nil {
		return vanished(), nil
	}
	pouring, cancel := context.WithTimeout(context.WithoutCancel(ctx), outputTimeout)
	defer cancel()
	if err := j.pour(pouring, false); err != nil {
		j.Report.Log(w.id, "not all that the program has printed can be had: "+err.Error())
	}
	found := j.outcome(state, w.why) // last, for it tells the last line that was printed
	if err := j.Dir.Write(endedFile, found); err != nil {
		j.log.Error("how a container ended can't be noted; a restart would take it for lost", "error", err)
	}
	return found, nil
}

// state asks the engine how the container is.
func (j *job) state(ctx context.Context) (*container.State, error) {
	ctx, cancel := timely(ctx)
	defer cancel()
	got, err := j.engine.ContainerInspect(ctx, j.name, client.ContainerInspectOptions{})
	if err != nil {
		return nil, err
	}
	if got.Container.State == nil {
		return nil, errors.New("the engine doesn't say how the container is")
	}
	return got.Container.State, nil
}

// removeTries is how often it is tried to remove a container.
const removeTries = 3

// remove stops the container, if it runs, and removes it with its volumes. What
// can't be removed now is tidied away later.
func (j *job) remove(ctx context.Context) {
	ctx, cancel := timely(ctx)
	defer cancel()
	var err error
	for range removeTries {
		_, err = j.engine.ContainerRemove(ctx, j.name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || notFound(err) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	j.log.Error("a container can't be removed; it is tried again later", "container", j.name, "error", err)
}
