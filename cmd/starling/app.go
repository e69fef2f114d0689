package main

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"starling/cmd/starling/internal/client"
)

// app is the world that commands work in: where they read and write, what the
// clock says, and the flags that all of them have. Tests build their own.
type app struct {
	in       io.Reader
	out, err io.Writer
	// outWidth and errWidth are the widths of the terminals that out and err
	// are; 0 where they are none.
	outWidth, errWidth int
	getenv             func(string) string
	environ            func() []string
	now                func() time.Time // in the user's time zone
	configDir          func() (string, error)

	node, token, tokenFile, proposal string
	timeout                          time.Duration
	output                           string // "", json or yaml

	began  bool // the command line is understood
	client *client.Client
}

// systemApp is the world of a real process.
func systemApp() *app {
	return &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		outWidth: widthOf(os.Stdout), errWidth: widthOf(os.Stderr),
		getenv: os.Getenv, environ: os.Environ, now: time.Now, configDir: os.UserConfigDir,
	}
}

// widthOf is the width of a terminal in characters, 0 where it is none.
func widthOf(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(width, 40)
}

// helpWidth is the width of the help in characters: lines of more than 80 are
// hard to read.
func (a *app) helpWidth() int {
	if a.outWidth == 0 {
		return 80
	}
	return min(a.outWidth, 80)
}

// defaultNode is where `starling serve` listens unless it is told otherwise.
const defaultNode = "http://127.0.0.1:7733"

// connect returns the client of the chosen node.
func (a *app) connect() (*client.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	base := firstOf(a.node, a.getenv("STARLING_NODE"), defaultNode)
	c, err := client.New(base, a.timeout)
	if err != nil {
		return nil, usage("--node: %v", err)
	}
	if c.Token, err = a.findToken(); err != nil {
		return nil, err
	}
	c.Proposal = firstOf(a.proposal, a.getenv("STARLING_PROPOSAL"))
	a.client = c
	return c, nil
}

func (a *app) close() {
	if a.client != nil {
		a.client.Close()
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
