package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node/config"
)

// Authenticator tells who sent a request. Its errors are shown to the sender.
type Authenticator interface {
	Authenticate(r *http.Request) (identity.Caller, error)
}

// Options are what a Server is made of. Broker, Authenticator and BaseURL are
// needed; everything else has a default.
type Options struct {
	Broker        Broker
	Authenticator Authenticator
	// Federation is nil for a node that is alone.
	Federation Federation
	// Issuers are whose tokens the authenticator takes, for those who look for one.
	Issuers []Issuer
	// Peers are the other nodes, nil for a node that is alone. Requests for what is
	// theirs go to them in the name of whom the Authorizer (default: Peers) says, and
	// Mapping, which is needed with Peers, makes callers of those for whom they ask.
	Peers      Peers
	Authorizer Authorizer
	Mapping    Mapping
	// BaseURL is what clients reach this node by, without a trailing slash:
	// "https://broker.example.org". All URLs in answers begin with it.
	BaseURL string
	// Node and Version are shown on the index page.
	Node    identity.NodeName
	Version string
	// Dev is set on a development node, which takes an absent token for its
	// user: there only requests for its own host are served, so that no web
	// page can reach it by a name of its own that it lets resolve to loopback.
	Dev bool
	// Warnings say what else /readyz is to show; nil: there is nothing else.
	Warnings func() []string
	// TrustedProxies are the networks of proxies whose X-Forwarded-For, -Host
	// and -Proto count. None: nobody's do.
	TrustedProxies []netip.Prefix

	// PagesURL is where pages of sessions are shown, as BaseURL is where the API
	// is: another host, at which nothing else is to be had. "*" in it stands for
	// the session's UUID. Empty: they are shown at BaseURL, in a sandbox unless
	// TrustPages is set.
	PagesURL   string
	TrustPages bool

	Limits Limits
	Logger *slog.Logger    // default: slog.Default()
	Tracer *tracing.Tracer // nil: requests leave no spans
	// Registerer takes this package's metrics; Gatherer is what /metrics shows.
	// Default: a registry of its own.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Now is the clock; default time.Now.
	Now func() time.Time

	ownerPatience time.Duration // tests have less
}

// Limits bound what one request may cost. Values that are zero are the default
// ones.
type Limits struct {
	// Body bounds the bodies of requests; its zero fields are ivoa's defaults
	// (1 MiB, 10,000 entries in lists, 32 levels).
	Body ivoa.Limits
	// Query is the length of a query string in bytes; default 8 KiB.
	Query int
	// Page is the most that a list gives at once, whatever limit was asked;
	// default 1000.
	Page int
	// Wait is the longest long poll; default 60 s.
	Wait time.Duration
	// Streams is how many event streams, followed outputs and exports may be open, and
	// StreamsPerUser how many of one user; default 1024 and 64.
	Streams, StreamsPerUser int
	// Connections is how many requests may be led to sessions' programs at a
	// time, and ConnectionsPerUser how many of one user; default 1024 and 128.
	Connections, ConnectionsPerUser int
	// Sockets is how many connections clients may have open with a Listener, and
	// SocketsPerAddress how many of them from one address; by default as many as
	// they like.
	Sockets, SocketsPerAddress int
	// Rates bound how often requests may come; by default nothing does.
	Rates config.Rates
	// Passages is how many requests may be passed on to other nodes at a time, and
	// PassagesPerUser how many of one user; default 1024 and 64. To one node go at
	// most line.MostLasting that may last.
	Passages, PassagesPerUser int
	// Heartbeat is the pause after which a silent event stream sends a comment,
	// so that proxies keep it open and a lost client is noticed; default 15 s.
	Heartbeat time.Duration
	// Poll is the pause between looks at an output that is followed; default
	// 250 ms.
	Poll time.Duration
	// Nodes is the pause between looks at the nodes of the federation that are
	// followed; default 1 s.
	Nodes time.Duration
}

// defaultPage is the length of a list when none is asked for.
const defaultPage = 100

func (o *Options) complete() error {
	if o.Broker == nil || o.Authenticator == nil {
		return errors.New("api: options without a broker or an authenticator")
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.Fragment != "" {
		return fmt.Errorf("api: base URL %q: want http(s)://host[:port][/path]", o.BaseURL)
	}
	if o.PagesURL = strings.TrimRight(o.PagesURL, "/"); o.PagesURL != "" {
		own, err := url.Parse(strings.Replace(o.PagesURL, "*", "x", 1))
		if err != nil || own.Host == "" || own.Scheme != "http" && own.Scheme != "https" || own.RawQuery != "" || sameHost(own.Host, o.BaseURL) {
			return fmt.Errorf("api: URL of pages %q: want http(s)://host[:port][/path] with another host than %s", o.PagesURL, o.BaseURL)
		}
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.Peers != nil && o.Mapping == nil {
		return errors.New("api: options with other nodes, and nothing that makes callers of whom they speak for")
	}
	if o.Authorizer == nil {
		o.Authorizer = o.Peers
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Registerer == nil || o.Gatherer == nil {
		own := prometheus.NewRegistry()
		o.Registerer, o.Gatherer = own, own
	}
	orDefault(&o.ownerPatience, ownerPatience)
	o.Limits.complete()
	return nil
}

func (l *Limits) complete() {
	defaults := ivoa.DefaultLimits()
	orDefault(&l.Body.Bytes, defaults.Bytes)
	orDefault(&l.Body.Depth, defaults.Depth)
	orDefault(&l.Body.Entries, defaults.Entries)
	orDefault(&l.Body.Values, defaults.Values)
	orDefault(&l.Query, 8<<10)
	orDefault(&l.Page, 1000)
	orDefault(&l.Wait, time.Minute)
	orDefault(&l.Streams, 1024)
	orDefault(&l.StreamsPerUser, 64)
	orDefault(&l.Connections, 1024)
	orDefault(&l.ConnectionsPerUser, 128)
	orDefault(&l.Passages, 1024)
	orDefault(&l.PassagesPerUser, 64)
	orDefault(&l.Heartbeat, 15*time.Second)
	orDefault(&l.Poll, 250*time.Millisecond)
	orDefault(&l.Nodes, time.Second)
}

func orDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}
