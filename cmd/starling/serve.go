package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"starling/api"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
	"starling/node/config"
	"starling/node/credentials"
	"starling/node/store"
	"starling/node/uploads"
	"starling/scheduling"
)

// What a node keeps in its data directory, beside consensus.StateFile and the
// development issuer's key.
const (
	sessionsFile  = "sessions.db"
	workDir       = "work"       // where the process executor works
	containersDir = "containers" // where the Docker executor does
	filesDir      = "files"      // what executors of other machines send
	spoolDir      = "spool"      // reports that wait for an answer
)

// drain is how long requests under way may take when the node stops.
const drain = 10 * time.Second

// serve runs a node until ctx ends. Everything is started in the order in which
// it is needed, and stopped in the reverse order.
func serve(ctx context.Context, c config.Config, log *slog.Logger) (err error) {
	var stops stack
	defer func() { err = errors.Join(err, stops.unwind()) }()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	// What is wrong with files is said before anything is begun. Then the port is
	// bound, before anything else: who can't have it must not have joined
	// a federation first. Whoever calls early waits.
	public, err := loadPublic(c)
	if err != nil {
		return err
	}
	socket, err := bind(ctx, c.HTTP)
	if err != nil {
		return occupied(err, c)
	}
	stops.push(func() error { return closed(socket) })
	sessions, err := openStore(c, metrics, &stops)
	if err != nil {
		return err
	}
	shared, err := openRecord(ctx, c, sessions, metrics, log, &stops)
	if err != nil {
		return occupied(err, c)
	}
	known, err := openTrust(c, metrics, log, &stops)
	if err != nil {
		return err
	}
	tokens, err := openCredentials(c, known)
	if err != nil {
		return err
	}
	broker, err := startBroker(c, sessions, shared, tokens, metrics, log, &stops)
	if err != nil {
		return err
	}
	keys, err := keepKeys(c, public, shared, metrics, log, &stops)
	if err != nil {
		return err
	}
	server, err := newServer(c, broker, shared, keys, known, metrics, log)
	if err != nil {
		return err
	}
	// The executors come first, so that nobody is told that there are none. They
	// need no port; but they go first too, while it still answers.
	var executors stack
	err = startExecutors(ctx, c, server, log, &executors)
	if err != nil {
		return errors.Join(err, executors.unwind())
	}
	shared.answerOthers(server, &stops)
	listener := api.Serve(socket, server, keys.tls())
	stops.push(func() error {
		patience, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		return listener.Shutdown(patience)
	})
	stops.push(executors.unwind)
	log.Info("the node is ready", "name", c.Name, "url", c.URL, "data", c.Data, "executors", c.Executors, "dev", c.Dev, "federation", shared.federation())
	select {
	case <-ctx.Done():
		log.Info("the node is stopping")
		return nil
	case <-shared.left():
		return nil
	case <-shared.log.Failed():
		return fmt.Errorf("the record of history and accounts: %w", wayOut(c, shared.log.Err()))
	case err := <-listener.Done():
		return fmt.Errorf("serve %s: %w", c.HTTP, err)
	}
}

// openStore opens the session store, which locks the data directory.
func openStore(c config.Config, metrics prometheus.Registerer, stops *stack) (*store.Store, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	commits := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "starling_store_commit_seconds", Help: "How long commits of the session store take, fsync included.",
		Buckets: prometheus.ExponentialBuckets(0.0002, 2, 14),
	})
	writes := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "starling_store_writes_total", Help: "Writes committed to the session store; many share a commit.",
	})
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "starling_store_failures_total", Help: "Commits of the session store that failed.",
	})
	metrics.MustRegister(commits, writes, failures)
	s, err := store.Open(store.Options{
		Path: filepath.Join(c.Data, sessionsFile),
		Committed: func(n int, took time.Duration, err error) {
			if err != nil {
				failures.Inc()
				return
			}
			commits.Observe(took.Seconds())
			writes.Add(float64(n))
		},
	})
	if err != nil {
		return nil, err
	}
	stops.push(s.Close)
	return s, nil
}

// reserve is what sent files leave of the disk, in bytes: the node's own writes
// go to the same.
const reserve = 1 << 30

// startBroker starts the broker.
func startBroker(c config.Config, sessions *store.Store, shared *record, tokens *credentials.Keeper, metrics prometheus.Registerer, log *slog.Logger, stops *stack) (*node.Broker, error) {
	costs, err := c.Tariff.Costs()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	rules, err := c.Policy.Compile(c.Name, costs.Units())
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return nil, err
	}
	areas := []string{filepath.Join(data, workDir), filepath.Join(data, containersDir)}
	sent, err := uploads.Open(uploads.Options{
		Dir: filepath.Join(c.Data, filesDir), Space: int64(c.Uploads.Space), Reserve: reserve,
		Free: func() (uint64, error) { return config.FreeSpace(c.Data) },
	})
	if err != nil {
		return nil, err
	}
	broker, err := node.New(context.Background(), node.Options{
		Name: identity.NodeName(c.Name), URL: c.URL,
		Capacity: scheduling.Resources{Cores: c.Capacity.Cores, Memory: c.Capacity.Memory, Storage: c.Capacity.Storage, GPUs: c.Capacity.GPUs},
		BuiltIn:  append([]string{}, c.Executors...),
		Offers:   c.Offers, Sessions: c.Sessions, Site: c.Site, Costs: costs, Policy: rules, Areas: areas, Connect: c.Connect,
		Uploads: sent, UploadRetention: c.Uploads.Retention, Credentials: tokens,
		Store: sessions, Outbox: shared.outbox, Record: shared.log, Logger: log, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	stops.push(func() error { broker.Close(); return nil })
	return broker, nil
}

// newServer makes the HTTP server of a broker.
func newServer(c config.Config, broker *node.Broker, shared *record, keys *keys, known trust, metrics *prometheus.Registry, log *slog.Logger) (*api.Server, error) {
	proxies, err := networks(c.Proxies)
	if err != nil {
		return nil, err
	}
	limits := ivoa.DefaultLimits()
	limits.Bytes, limits.Entries, limits.Depth = int(c.Limits.Body), c.Limits.List, c.Limits.Depth
	options := api.Options{
		Broker: broker, Authenticator: known.bearer, Issuers: known.issuers,
		BaseURL: c.URL, Node: identity.NodeName(c.Name), Version: version(), Dev: c.Dev, TrustedProxies: proxies,
		PagesURL: c.Connect.URL, TrustPages: c.Connect.TrustPages,
		Limits: api.Limits{
			Body: limits, Page: c.Limits.Page, Rates: c.Limits.Rates,
			Sockets: c.Limits.Sockets, SocketsPerAddress: c.Limits.SocketsPerAddress,
		},
		Logger: log, Registerer: metrics, Gatherer: metrics,
		Warnings: func() []string { return append(keys.reloader.Troubles(), known.troubles()...) },
	}
	if shared.cluster != nil {
		options.Federation, options.Mapping = shared.cluster, known.bearer.Mapping
		options.Peers, options.Authorizer = otherNodes(c, shared.cluster, known)
	}
	return api.New(options)
}

// networks reads addresses and networks; an address is a network of one.
func networks(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		if !strings.Contains(text, "/") {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("proxies: %w", err)
			}
			list = append(list, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("proxies: %w", err)
		}
		list = append(list, network)
	}
	return list, nil
}

// stack is what has to be stopped, the last first.
type stack []func() error

func (s *stack) push(stop func() error) { *s = append(*s, stop) }

func (s *stack) unwind() error {
	var errs []error
	for i := len(*s) - 1; i >= 0; i-- {
		errs = append(errs, (*s)[i]())
	}
	*s = nil
	return errors.Join(errs...)
}
