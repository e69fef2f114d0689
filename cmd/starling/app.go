package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/term"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/localhost"
	"starling/cmd/starling/internal/login"
	"starling/federation/certificate"
)

// app is the world that commands work in: where they read and write, what the
// clock says, and the flags that all of them have. Tests build their own.
type app struct {
	in       io.Reader
	out, err io.Writer
	// outWidth and errWidth are the widths of the terminals that out and err
	// are; 0 where they are none.
	outWidth, errWidth int
	// outHeight is how many lines the terminal has that out is.
	outHeight int
	getenv    func(string) string
	environ   func() []string
	now       func() time.Time // in the user's time zone
	sleep     func(context.Context, time.Duration) error
	configDir func() (string, error)

	node, token, tokenFile, proposal, ca string
	timeout                              time.Duration
	output                               string // "", json or yaml

	began  bool // the command line is understood
	client *client.Client
	issuer *http.Client
}

// systemApp is the world of a real process.
func systemApp() *app {
	return &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		outWidth: widthOf(os.Stdout), errWidth: widthOf(os.Stderr), outHeight: heightOf(os.Stdout),
		getenv: os.Getenv, environ: os.Environ, now: time.Now, sleep: sleep, configDir: os.UserConfigDir,
	}
}

// sleep waits so long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// issuers is how the issuers of tokens are spoken to.
func (a *app) issuers() (login.Caller, error) {
	if a.issuer == nil {
		authorities, err := a.authorities()
		if err != nil {
			return login.Caller{}, err
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DialContext = localhost.Aware(transport.DialContext)
		if authorities != nil {
			transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
		}
		a.issuer = &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return login.Caller{HTTP: a.issuer, Now: a.now, Sleep: a.sleep, Timeout: a.timeout}, nil
}

// widthOf is the width of a terminal in characters, 0 where it is none.
func widthOf(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(width, 40)
}

// heightOf is the height of a terminal in lines, 0 where it is none.
func heightOf(f *os.File) int {
	_, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return height
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

// nodeURL is the URL of the chosen node, as it was written.
func (a *app) nodeURL() string { return firstOf(a.node, a.getenv("STARLING_NODE"), defaultNode) }

// connect returns the client of the chosen node.
func (a *app) connect() (*client.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	c, err := client.New(a.nodeURL(), a.timeout)
	if err != nil {
		return nil, usage("--node: %v", err)
	}
	authorities, err := a.authorities()
	if err != nil {
		return nil, err
	}
	if authorities != nil {
		c.Trust(authorities)
	}
	if c.Token, err = a.findToken(c.Base); err != nil {
		return nil, err
	}
	c.Proposal = firstOf(a.proposal, a.getenv("STARLING_PROPOSAL"))
	a.client = c
	return c, nil
}

// authorities are the CAs to be believed of nodes and issuers: the machine's and that of --ca;
// nil for the machine's alone.
func (a *app) authorities() (*x509.CertPool, error) {
	path := firstOf(a.ca, a.getenv("STARLING_CA"))
	if path == "" {
		return nil, nil
	}
	pool, err := certificate.Trust(path)
	if err != nil {
		return nil, usage("--ca: %v", err)
	}
	return pool, nil
}

func (a *app) close() {
	if a.client != nil {
		a.client.Close()
	}
	if a.issuer != nil {
		a.issuer.CloseIdleConnections()
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
