package launch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"starling/federation/certificate"
)

// Node is a development node. A data directory outlives its process.
type Node struct {
	Process
	Address string // HOST:PORT
	URL     string
	Data    string
	// Trust is a PEM file of the CA of its certificate, if it speaks TLS.
	Trust string
}

// Private has the node speak TLS, with a certificate that is its own CA. It is called
// before the node is started.
func (n *Node) Private(certificate, key string) {
	n.Arguments = append(n.Arguments, "--set", "tls.certificate="+certificate, "--set", "tls.key="+key)
	n.URL, n.Trust = "https://"+n.Address, certificate
}

// Transport is a way to the node that keeps no connection: what is left open would be
// taken for a leak.
func (n *Node) Transport() (*http.Transport, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if n.Trust != "" {
		authorities, err := certificate.Trust(n.Trust)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	}
	return transport, nil
}

// NewNode makes a node that listens on a port that is free now, which it keeps
// over restarts; flags come after the usual ones. It isn't started.
func NewNode(program, name, data string, flags ...string) (*Node, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	usual := []string{"serve", "--dev", "--name", name, "--http", address, "--data", data}
	return &Node{
		Process: Process{Program: program, Arguments: append(usual, flags...), Log: data + ".log"},
		Address: address, URL: "http://" + address, Data: data,
	}, nil
}

// freeAddress finds a port of loopback that nobody has at the moment.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// Ready waits until the node takes work.
func (n *Node) Ready(ctx context.Context) error {
	transport, err := n.Transport()
	if err != nil {
		return err
	}
	client := http.Client{Transport: transport}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(request); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-n.Ended():
			return fmt.Errorf("the node has ended with status %d; it said:\n%s", n.Status(), n.Said())
		case <-ctx.Done():
			return fmt.Errorf("the node did not become ready: %w; it said:\n%s", ctx.Err(), n.Said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
