// Command demo shows the main job of Starling on one node: it starts a
// development node, serves the data and the program of the Hubble example over
// HTTP, asks where and when they can be run, accepts the best offer, watches it
// run, and shows what came out, the history entry and the statement.
//
// It runs the starling binary as a user would, prints each command before it
// runs it, takes ports that are free, and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// However slow the machine, the demo ends by itself.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo STARLING-BINARY EXAMPLE-DIRECTORY")
		os.Exit(2)
	}
	if err := demo(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, binary, example string) (err error) {
	dir, err := os.MkdirTemp("", "starling-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data, err := serveFiles(example)
	if err != nil {
		return err
	}
	defer data.Close()
	request, err := writeRequest(example, dir, data.url)
	if err != nil {
		return err
	}
	node, err := startNode(ctx, binary, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()

	user := user{binary: binary, dir: dir, node: node.url}
	results := filepath.Join(dir, "results")
	for _, command := range [][]string{
		{"run", "-f", request, "--download", results},
		{"history"},
		{"statement"},
	} {
		if err := user.types(ctx, command...); err != nil {
			return err
		}
	}
	result, err := os.ReadFile(filepath.Join(results, "output", "hubble.txt"))
	if err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	fmt.Printf("\nThe result, output/hubble.txt:\n%s", result)
	return nil
}

// fileServer serves a directory over HTTP on loopback.
type fileServer struct {
	*http.Server
	url string
}

func serveFiles(dir string) (*fileServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &fileServer{
		Server: &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: 10 * time.Second},
		url:    "http://" + listener.Addr().String(),
	}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

// writeRequest writes the example's request with the address of its data.
func writeRequest(example, dir, url string) (string, error) {
	text, err := os.ReadFile(filepath.Join(example, "request.yaml"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "request.yaml")
	return path, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "DATA/", url+"/")), 0o600)
}

// node is a development node in a process of its own.
type node struct {
	process *exec.Cmd
	url     string
	ended   chan error
	log     string
}

func startNode(ctx context.Context, binary, dir string) (*node, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	n := &node{url: "http://" + address, ended: make(chan error, 1), log: filepath.Join(dir, "node.log")}
	log, err := os.Create(n.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	n.process = exec.Command(binary, "serve", "--dev", "--name", "demo", "--http", address,
		"--data", filepath.Join(dir, "data"), "--capacity", "cores=8,memory=16,storage=100,gpus=0")
	n.process.Stdout, n.process.Stderr = log, log
	if err := n.process.Start(); err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	go func() { n.ended <- n.process.Wait() }()
	fmt.Printf("a development node is at %s\n", n.url)
	if err := n.ready(ctx); err != nil {
		return nil, errors.Join(err, n.stop())
	}
	return n, nil
}

// freeAddress finds a port that nobody has at the moment.
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
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-n.ended:
			n.ended <- err
			log, _ := os.ReadFile(n.log)
			return fmt.Errorf("the node has ended (%v); it said:\n%s", err, log)
		case <-ctx.Done():
			return fmt.Errorf("the node did not become ready: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the node as an operator would, and waits for it.
func (n *node) stop() error {
	_ = n.process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-n.ended:
		if err != nil {
			return fmt.Errorf("the node has ended: %w", err)
		}
		return nil
	case <-time.After(20 * time.Second):
		return errors.Join(errors.New("the node did not stop within 20 s"), n.process.Process.Kill(), <-n.ended)
	}
}

// user is somebody at a terminal.
type user struct{ binary, dir, node string }

// types shows a command and runs it.
func (u user) types(ctx context.Context, arguments ...string) error {
	shown := strings.ReplaceAll(strings.Join(arguments, " "), u.dir+string(filepath.Separator), "")
	fmt.Printf("\n$ starling %s\n", shown)
	command := exec.CommandContext(ctx, u.binary, arguments...)
	command.Env = append(os.Environ(), "STARLING_NODE="+u.node)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("starling %s: %w", shown, err)
	}
	return nil
}
