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

	"starling/deploy/launch"
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
	defer func() { err = errors.Join(err, node.Stop(20*time.Second)) }()

	user := user{binary: binary, dir: dir, node: node.URL}
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

// startNode starts a development node in a process of its own.
func startNode(ctx context.Context, binary, dir string) (*launch.Node, error) {
	n, err := launch.NewNode(binary, "demo", filepath.Join(dir, "data"), "--capacity", "cores=8,memory=16,storage=100,gpus=0")
	if err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, err
	}
	fmt.Printf("a development node is at %s\n", n.URL)
	if err := n.Ready(ctx); err != nil {
		n.Kill()
		return nil, err
	}
	return n, nil
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
