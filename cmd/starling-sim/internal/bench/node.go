package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// node is a node under test, in a process of its own.
type node struct {
	process *exec.Cmd
	address string
	dir     string
	log     string
	ended   chan struct{}
	err     error // how it ended
}

// Everything that would bound a load by its intent rather than by its speed is set out of the way.
var generous = []string{
	"--capacity", "cores=1000000,memory=1000000,storage=1000000,gpus=0",
	"--set", "offers.holdGroupsPerUser=100000", "--set", "offers.holdShare=1", "--log-level", "warn",
}

// start starts a node and waits until it takes work. End it with stop.
func (l *lab) start(ctx context.Context, flags ...string) (*node, error) {
	dir, err := os.MkdirTemp(l.Dir, "starling-bench-")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	n := &node{address: address, dir: dir, log: filepath.Join(dir, "node.log"), ended: make(chan struct{})}
	if err := n.run(l.Starling, flags); err != nil {
		return nil, errors.Join(fmt.Errorf("start a node: %w", err), os.RemoveAll(dir))
	}
	if err := n.ready(ctx); err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return n, nil
}

func (n *node) run(program string, flags []string) error {
	log, err := os.Create(n.log)
	if err != nil {
		return err
	}
	defer log.Close()
	arguments := append([]string{"serve", "--dev", "--name", "bench", "--http", n.address, "--data", filepath.Join(n.dir, "data")}, generous...)
	n.process = exec.Command(program, append(arguments, flags...)...)
	n.process.Stdout, n.process.Stderr = log, log
	n.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches us first, and we stop it
	if err := n.process.Start(); err != nil {
		return err
	}
	go func() {
		n.err = n.process.Wait()
		close(n.ended)
	}()
	return nil
}

// freeAddress finds a port of loopback that nobody has at the moment.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// ready waits until the node takes work.
func (n *node) ready(ctx context.Context) error {
	for {
		if answer, err := http.Get("http://" + n.address + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-n.ended:
			log, _ := os.ReadFile(n.log)
			return fmt.Errorf("the node has ended (%v); it said:\n%s", n.err, log)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// patience is how long a node may take to stop.
const patience = 30 * time.Second

// stop ends the node as an operator would, waits for it and removes its data.
func (n *node) stop() error {
	_ = n.process.Process.Signal(syscall.SIGTERM)
	var err error
	select {
	case <-n.ended:
		err = n.err
	case <-time.After(patience):
		err = errors.Join(errors.New("the node did not stop"), n.process.Process.Kill())
		<-n.ended
	}
	if err != nil {
		log, _ := os.ReadFile(n.log)
		err = fmt.Errorf("the node has ended: %w; it said:\n%s", err, log)
	}
	return errors.Join(err, os.RemoveAll(n.dir))
}

// with measures on a node that is ended afterwards.
func (l *lab) with(ctx context.Context, measure func(*node) error, flags ...string) (err error) {
	n, err := l.start(ctx, flags...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	return measure(n)
}

// metric reads the sum of a metric over all of its labels that contain a text.
func (n *node) metric(ctx context.Context, name, label string) (float64, error) {
	text, err := n.metrics(ctx)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name) || !strings.Contains(line, label) {
			continue
		}
		fields := strings.Fields(line)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, fmt.Errorf("read the metric %s: %w", name, err)
		}
		sum += value
	}
	return sum, nil
}

// metrics are the node's own, as it writes them.
func (n *node) metrics(ctx context.Context) (string, error) {
	c, err := n.dial()
	if err != nil {
		return "", err
	}
	defer c.close()
	body, err := c.want(ctx, http.StatusOK, http.MethodGet, "/metrics", nil)
	if err != nil {
		return "", err
	}
	var own strings.Builder
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "starling_") && !strings.Contains(line, "_bucket{") {
			own.WriteString(line)
		}
	}
	return own.String(), nil
}
