package wan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// chain holds all of our rules in a namespace, and is the first that its input meets.
const chain = "STARLING-WAN"

// namespace is a container's network, held open: it is the same one still when the
// container has ended, and its process's number is another's.
type namespace struct {
	file *os.File
}

func enter(pid int) (*namespace, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("open the network of process %d: %w", pid, err)
	}
	return &namespace{file: file}, nil
}

func (n *namespace) close() error { return n.file.Close() }

// impose replaces the chain's rules by others, all at once.
func (n *namespace) impose(ctx context.Context, lines []string) error {
	script := "*filter\n:" + chain + " - [0:0]\n" + strings.Join(lines, "\n") + "\nCOMMIT\n"
	if err := n.run(ctx, script, "iptables-restore", "--noflush", "--wait", "10"); err != nil {
		return err
	}
	if n.run(ctx, "", "iptables", "--wait", "10", "--check", "INPUT", "--jump", chain) == nil {
		return nil
	}
	return n.run(ctx, "", "iptables", "--wait", "10", "--insert", "INPUT", "1", "--jump", chain)
}

// clear takes the chain away. It may be called where there is none.
func (n *namespace) clear(ctx context.Context) error {
	if n.run(ctx, "", "iptables", "--wait", "10", "--list-rules", chain) != nil {
		return nil // there is none
	}
	// The jump isn't there if we died between the two commands of impose.
	_ = n.run(ctx, "", "iptables", "--wait", "10", "--delete", "INPUT", "--jump", chain)
	return errors.Join(
		n.run(ctx, "", "iptables", "--wait", "10", "--flush", chain),
		n.run(ctx, "", "iptables", "--wait", "10", "--delete-chain", chain))
}

// run runs a program of this machine in the namespace.
func (n *namespace) run(ctx context.Context, input string, program ...string) error {
	// The file is descriptor 3 there.
	command := exec.CommandContext(ctx, "nsenter", append([]string{"--net=/proc/self/fd/3", "--"}, program...)...)
	command.ExtraFiles = []*os.File{n.file}
	command.Stdin = strings.NewReader(input)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(program, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// Sweep clears what a run that died has left in the network of a process.
func Sweep(ctx context.Context, pid int) error {
	n, err := enter(pid)
	if err != nil {
		return err
	}
	return errors.Join(n.clear(ctx), n.close())
}
