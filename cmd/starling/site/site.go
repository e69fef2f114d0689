// Package site makes a whole node of a configuration: it opens the stores, takes the
// node's place in its federation, and starts the broker, the built-in executors and
// the server, in the order in which they need each other. `starling serve` runs one;
// tests run many in one process.
package site

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
	"starling/federation/tracing"
	"starling/node"
	"starling/node/cluster"
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

	// SpoolDir is where executors keep reports that wait for an answer.
	SpoolDir = "spool"
)

// SessionsPath is the file of the session store, with the outbox in it, in a data
// directory.
func SessionsPath(data string) string { return filepath.Join(data, sessionsFile) }

// Drain is how long requests under way may take when the node stops.
const Drain = 10 * time.Second

// Options are what a node is made of.
type Options struct {
	Config  config.Config
	Version string // of the program, for others to see
	Log     *slog.Logger
	// Now is the wall clock of the broker, the record, the federation, and of whatever
	// has an end: tokens, certificates. It must have a monotonic reading, as time.Now
	// has, by which this node measures. Built-in executors have the machine's clock, as
	// any executor has its own. nil: time.Now. Tests set it wrong.
	Now func() time.Time
	// Network, if there is one, stands between this node and the others. Tests break it.
	Network cluster.Network
}

// A Node is a whole node at work.
type Node struct {
	Options
	shared   *record
	listener *api.Listener
	stops    stack
}

// Run runs a node until ctx ends, or until it can't go on.
func Run(ctx context.Context, o Options) error {
	n, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(n.Wait(ctx), n.Close())
}

// Open starts a node. Everything is started in the order in which it is needed, and
// stopped in the reverse order, by Close. The context bounds the start only.
func Open(ctx context.Context, o Options) (_ *Node, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Node{Options: o}
	c, log, stops := o.Config, o.Log, &n.stops
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	measureData(c.Data, o.Version, metrics)

	// What is wrong with files is said before anything is begun. Then the port is
	// bound, before anything else: who can't have it must not have joined
	// a federation first. Whoever calls early waits.
	public, err := loadPublic(o)
	if err != nil {
		return nil, err
	}
	spans, err := OpenSpans(c.Tracing, Spans{Service: "starling", Instance: c.Name, Version: o.Version, Log: log, Metrics: metrics, Now: o.Now})
	if err != nil {
		return nil, err
	}
	stops.push(func() error { spans.Close(); return nil })
	socket, err := Bind(ctx, c.HTTP)
	if err != nil {
		return nil, unavailable(err, c)
	}
	stops.push(func() error { return closed(socket) })
	sessions, err := openStore(c, o.Now, metrics, stops)
	if err != nil {
		return nil, err
	}
	n.shared, err = openRecord(ctx, o, sessions, metrics, stops)
	if err != nil {
		return nil, unavailable(err, c)
	}
	known, err := openTrust(o, metrics, stops)
	if err != nil {
		return nil, err
	}
	tokens, err := openCredentials(o, known)
	if err != nil {
		return nil, err
	}
	broker, err := startBroker(o, sessions, n.shared, networkOf(o, n.shared, known), tokens, spans.Tracer(), metrics, stops)
	if err != nil {
		return nil, err
	}
	keys, err := keepKeys(o, public, n.shared, metrics, stops)
	if err != nil {
		return nil, err
	}
	server, err := newServer(o, broker, n.shared, keys, known, spans.Tracer(), metrics)
	if err != nil {
		return nil, err
	}
	// The executors come first, so that nobody is told that there are none. They
	// need no port; but they go early too, while it still answers.
	var executors stack
	err = startExecutors(ctx, c, server, spans.Tracer(), log, &executors)
	if err != nil {
		return nil, errors.Join(err, executors.unwind())
	}
	n.shared.answerOthers(broker, server, stops)
	n.listener = api.Serve(socket, server, keys.tls())
	stops.push(func() error {
		patience, cancel := context.WithTimeout(context.Background(), Drain)
		defer cancel()
		return n.listener.Shutdown(patience)
	})
	stops.push(executors.unwind)
	stops.push(n.shared.handOver)
	log.Info("the node is ready", "name", c.Name, "url", c.URL, "data", c.Data, "executors", c.Executors, "dev", c.Dev, "federation", n.shared.federation())
	return n, nil
}

// Wait returns when ctx ends or the node has left its federation, or with the error
// for which it can't go on.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		n.Log.Info("the node is stopping")
		return nil
	case <-n.shared.left():
		return nil
	case <-n.shared.log.Failed():
		return fmt.Errorf("the record of history and accounts: %w", wayOut(n.Config, n.shared.log.Err()))
	case err := <-n.listener.Done():
		return fmt.Errorf("serve %s: %w", n.Config.HTTP, err)
	}
}

// Close stops the node and waits for it. A second Close does nothing.
func (n *Node) Close() error { return n.stops.unwind() }

// openStore opens the session store, which locks the data directory.
func openStore(c config.Config, now func() time.Time, metrics prometheus.Registerer, stops *stack) (*store.Store, error) {
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
		Path: SessionsPath(c.Data), Now: now,
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
func startBroker(o Options, sessions *store.Store, shared *record, others node.Network, tokens *credentials.Keeper, tracer *tracing.Tracer, metrics prometheus.Registerer, stops *stack) (*node.Broker, error) {
	c := o.Config
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
	measureUploads(sent, metrics)
	broker, err := node.New(context.Background(), node.Options{
		Name: identity.NodeName(c.Name), URL: c.URL,
		Capacity: scheduling.Resources{Cores: c.Capacity.Cores, Memory: c.Capacity.Memory, Storage: c.Capacity.Storage, GPUs: c.Capacity.GPUs},
		BuiltIn:  append([]string{}, c.Executors...),
		Offers:   c.Offers, Sessions: c.Sessions, Site: c.Site, StorageElements: c.StorageElements, Transfers: c.TransferSite(), Costs: costs, Policy: rules, Areas: areas, Connect: c.Connect,
		Network: others, Placement: c.Placement,
		Uploads: sent, UploadRetention: c.Uploads.Retention, Credentials: tokens,
		Store: sessions, Outbox: shared.outbox, Record: shared.log, Logger: o.Log, Tracer: tracer, Metrics: metrics, Now: node.SteadyClock(o.Now),
	})
	if err != nil {
		return nil, err
	}
	stops.push(func() error { broker.Close(); return nil })
	return broker, nil
}

// newServer makes the HTTP server of a broker.
func newServer(o Options, broker *node.Broker, shared *record, keys *keys, known trust, tracer *tracing.Tracer, metrics *prometheus.Registry) (*api.Server, error) {
	c := o.Config
	proxies, err := networks(c.Proxies)
	if err != nil {
		return nil, err
	}
	limits := ivoa.DefaultLimits()
	limits.Bytes, limits.Entries, limits.Depth = int(c.Limits.Body), c.Limits.List, c.Limits.Depth
	options := api.Options{
		Broker: broker, Authenticator: known.bearer, Issuers: known.issuers,
		BaseURL: c.URL, Node: identity.NodeName(c.Name), Version: o.Version, Dev: c.Dev, TrustedProxies: proxies,
		PagesURL: c.Connect.URL, TrustPages: c.Connect.TrustPages,
		Limits: api.Limits{
			Body: limits, Page: c.Limits.Page, Rates: c.Limits.Rates,
			Sockets: c.Limits.Sockets, SocketsPerAddress: c.Limits.SocketsPerAddress,
		},
		Logger: o.Log, Tracer: tracer, Registerer: metrics, Gatherer: metrics, Now: o.Now,
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
