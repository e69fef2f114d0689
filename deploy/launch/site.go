package launch

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// Site is one of a cluster: a node, an executor, and the network that they share.
type Site struct {
	Name string
	URL  string // from here, from browsers and from within
	// Data is the node's data directory, as we see it. It may be set to another,
	// elsewhere, before the site is made.
	Data string
	// Set are keys of the node's configuration, as those of the cluster are, which they
	// override.
	Set map[string]string
	// Images are the site's own; those of the cluster where empty.
	Images Images
	// Containers has the site's executor run containers by the engine of this machine,
	// rather than programs. It is set before the site is made.
	Containers bool
	// Node and Executor are the containers.
	Node, Executor *Container

	cluster *Cluster
	port    int
}

// newSite makes one more site of a cluster, without its files.
func (c *Cluster) newSite(name string, ports map[string]int) (*Site, error) {
	if c.Site(name) != nil {
		return nil, fmt.Errorf("there is a site %s already", name)
	}
	port, err := portOf(ports, name)
	if err != nil {
		return nil, err
	}
	s := &Site{
		Name: name, URL: fmt.Sprintf("https://%s.localhost:%d", name, port),
		Data: filepath.Join(c.Dir, name, "data"), Set: map[string]string{}, cluster: c, port: port,
	}
	s.Node = &Container{Service: name, cluster: c}
	s.Executor = &Container{Service: s.executor(), cluster: c}
	c.Sites = append(c.Sites, s)
	return s, nil
}

// portOf is the port that a service is published at.
func portOf(ports map[string]int, name string) (int, error) {
	if port := ports[name]; port != 0 {
		return port, nil
	}
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return 0, err
	}
	return to.Port, nil
}

func (s *Site) executor() string { return s.Name + "-executor" }

// Etc is where the node's configuration, keys and certificates lie.
func (s *Site) Etc() string { return filepath.Join(s.cluster.Dir, s.Name, "etc") }

// ExecutorDir is where the executor's lie, in etc, and its data, in data.
func (s *Site) ExecutorDir() string { return filepath.Join(s.cluster.Dir, s.Name, "executor") }

// WAN is the name by which other nodes know this one's address.
func (s *Site) WAN() string { return s.Name + ".wan" }

// Create makes the site's containers, or makes them again where what they are made of
// has changed: images, or where the data lie. It waits for nothing.
func (s *Site) Create(ctx context.Context) error {
	if err := s.Configure(); err != nil {
		return err
	}
	return s.cluster.composeUp(ctx, s.Name, s.executor())
}

// Start starts a node that was stopped or killed, with what its configuration is now.
func (s *Site) Start(ctx context.Context) error {
	if err := s.Configure(); err != nil {
		return err
	}
	return s.Node.Start(ctx)
}

// Transport is a way to the site's node. Whoever has it closes its idle connections.
func (s *Site) Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Transport{
		// All names below .localhost are this machine (RFC 6761), whatever its resolver knows.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.cluster.authorities},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

// Client asks the site's node, and follows no redirect: an answer of 303 has the
// document with it. Whoever has it closes its idle connections.
func (s *Site) Client() *http.Client {
	return &http.Client{
		Transport:     s.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Ready waits until the node takes work.
func (s *Site) Ready(ctx context.Context) error {
	var last error
	for {
		if last = s.ask(ctx, "/readyz", "", nil); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("site %s has not become ready: %w; at last: %w; it said:\n%s", s.Name, ctx.Err(), last, s.Node.Said(20))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// acquainted waits until the node has heard what so many nodes have to give.
func (s *Site) acquainted(ctx context.Context, nodes int) error {
	token, err := s.cluster.Token("launch")
	if err != nil {
		return err
	}
	for {
		var answer struct {
			Nodes []struct {
				Alive bool
				Kinds []string
			}
		}
		err := s.ask(ctx, "/federation/nodes", token, &answer)
		known := 0
		for _, n := range answer.Nodes {
			if n.Alive && len(n.Kinds) > 0 {
				known++
			}
		}
		if err == nil && known >= nodes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("site %s knows %d of %d nodes with their executors: %w", s.Name, known, nodes, errors.Join(ctx.Err(), err))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ask reads a document of the node. What isn't answered by 200 is an error.
func (s *Site) ask(ctx context.Context, path, token string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := s.Client()
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s%s: %s: %.300s", s.URL, path, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// Command runs starling with these arguments where the node's data and configuration
// are, in a container of its own, and returns what it has said.
func (s *Site) Command(ctx context.Context, arguments ...string) (said string, err error) {
	return s.cluster.composeSays(ctx, append([]string{"run", "--rm", "--no-deps", "-T", "--entrypoint", "/starling", s.Name}, arguments...)...)
}
