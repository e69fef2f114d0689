// Package launch runs starling in processes of its own, for whoever uses it as
// its users do: the demonstration, the benchmark and the tests of the whole.
package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a program that can be started, ended, killed and started again. Its
// fields are set before it is first started.
type Process struct {
	Program   string
	Arguments []string
	Env       []string // beside what we have ourselves
	Dir       string   // where it runs; "": where we do
	Log       string   // the file to which all that it says is added

	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
}

// Start starts the program and waits for nothing. It dies with us, however we
// end; a Ctrl-C in our terminal is ours alone.
func (p *Process) Start() error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(p.Program, p.Arguments...)
	command.Env, command.Dir = append(os.Environ(), p.Env...), p.Dir
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Program, err)
	}
	ended := make(chan struct{})
	p.command, p.ended = command, ended
	go func() {
		_ = command.Wait() // Status reads it
		close(ended)
	}()
	return nil
}

// Ended returns a channel that is closed when the program has ended; nil where
// it was never started.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Alive reports whether the program runs.
func (p *Process) Alive() bool {
	if p.ended == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Pid is the number of a program that was started.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Status is the exit status of a program that has ended; -1 if it was killed.
func (p *Process) Status() int { return p.command.ProcessState.ExitCode() }

// Kill ends the program as a crash would, with no chance to do anything.
func (p *Process) Kill() {
	if p.Alive() {
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// Stop ends the program as an operator would. What doesn't end within the
// patience is killed, and an error, as is an exit status that isn't 0.
func (p *Process) Stop(patience time.Duration) error {
	if p.Alive() {
		if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("it did not stop within %s; it said:\n%s", patience, p.Said())
	}
	if p.Status() != 0 {
		return fmt.Errorf("it has ended with %s; it said:\n%s", p.command.ProcessState, p.Said())
	}
	return nil
}

// Said is all that the program has said in all of its lives.
func (p *Process) Said() string {
	log, _ := os.ReadFile(p.Log)
	return string(log)
}
