package oidc

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"starling/api/auth/jwks"
)

// ErrUnreachable says that an issuer has never answered yet.
var ErrUnreachable = errors.New("its issuer can't be reached from here; try again in a minute")

// Options of a Provider.
type Options struct {
	// Issuer is the issuer's URL, exactly as its tokens have it.
	Issuer string
	// Client asks it. Where it may connect to is the client's affair.
	Client *http.Client
	// Insecure takes http for loopback addresses: for development.
	Insecure bool
	Logger   *slog.Logger // default: slog.Default()
	// Metrics takes the metrics; nil: nobody does.
	Metrics prometheus.Registerer
	Now     func() time.Time // default: time.Now
}

// Provider is one issuer, as it was when it last answered. It is safe for
// concurrent use.
type Provider struct {
	asker
	log    *slog.Logger
	now    func() time.Time
	failed prometheus.Counter

	known  atomic.Pointer[knowledge] // nil until the issuer has answered
	wanted chan struct{}             // holds one token while somebody lacks a key

	mu      sync.Mutex
	round   chan struct{} // closed when the issuer has been asked, the next time
	asking  bool
	asked   time.Time // when it was, the last time
	trouble error     // why that came to nothing

	stop    context.CancelFunc
	stopped chan struct{}
}

// knowledge is what an issuer has said of itself.
type knowledge struct {
	keys       jwks.Set
	endpoints  Endpoints
	at         time.Time
	generation uint64
}

// Open begins to ask an issuer, and doesn't wait for its answer. The caller calls
// Close.
func Open(o Options) (*Provider, error) {
	client := *o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := &Provider{
		asker: asker{issuer: o.Issuer, client: &client, insecure: o.Insecure},
		log:   o.Logger, now: o.Now,
		wanted: make(chan struct{}, 1), round: make(chan struct{}), asking: true, stopped: make(chan struct{}),
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	if p.now == nil {
		p.now = time.Now
	}
	if !p.fit(o.Issuer) {
		return nil, fmt.Errorf("issuer %q: want an https URL", o.Issuer)
	}
	if err := p.measure(o.Metrics); err != nil {
		return nil, fmt.Errorf("register the metrics of issuer %s: %w", o.Issuer, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.run(ctx)
	return p, nil
}

// Close ends asking. It may be called more than once. The keys go on counting.
func (p *Provider) Close() {
	p.stop()
	<-p.stopped
	p.client.CloseIdleConnections()
}

// Key returns the key for the algorithm under the id; no id means the only one. It
// never waits where the key is known. The error is ErrUnreachable, or one of jwks.
func (p *Provider) Key(ctx context.Context, algorithm, id string) (crypto.PublicKey, error) {
	if known := p.known.Load(); known != nil {
		key, err := known.keys.Find(algorithm, id)
		if !errors.Is(err, jwks.ErrNoKey) {
			return key, err
		}
	}
	p.freshen(ctx)
	known := p.known.Load()
	if known == nil {
		return nil, ErrUnreachable
	}
	return known.keys.Find(algorithm, id)
}

// Endpoints returns where the issuer does what. It waits a little for an issuer
// that has not answered yet. The error is ErrUnreachable.
func (p *Provider) Endpoints(ctx context.Context) (Endpoints, error) {
	if p.known.Load() == nil {
		p.freshen(ctx)
	}
	known := p.known.Load()
	if known == nil {
		return Endpoints{}, ErrUnreachable
	}
	return known.endpoints, nil
}

// Generation is another whenever the keys are.
func (p *Provider) Generation() uint64 {
	if known := p.known.Load(); known != nil {
		return known.generation
	}
	return 0
}

// Trouble is nil while the issuer answers as it should. Its text may be shown to
// anybody; the log has the details.
func (p *Provider) Trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch known := p.known.Load(); {
	case p.trouble == nil:
		return nil
	case known == nil:
		return fmt.Errorf("issuer %s has not answered yet: its users can't be let in", p.issuer)
	default:
		return fmt.Errorf("issuer %s doesn't answer as it should: tokens are checked with its keys of %s",
			p.issuer, known.at.UTC().Format(time.RFC3339))
	}
}
