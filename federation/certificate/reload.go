package certificate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// reloadEvery is how often files are looked at: who exchanges them wants to see
	// that it worked.
	reloadEvery = 3 * time.Second
	// expiresSoon is how long before an end people are told of it: enough for a CA
	// that is run by people, too.
	expiresSoon = 30 * 24 * time.Hour
	// remindEvery is how often they are told.
	remindEvery = 24 * time.Hour
)

// A Source is something that was read from files, and can be read again while it
// is in use.
type Source struct {
	Name  string // for people and metrics: tls, federation, gossip
	Files []string
	// Reload reads the files again. With an error it has changed nothing.
	Reload func() error
	// Expires is when what was read last is over; nil if it never is.
	Expires func() time.Time
}

// A Reloader has sources read again when their files change, which needs no
// restart, and tells before they are over.
type Reloader struct {
	log        *slog.Logger
	now        func() time.Time
	every      time.Duration
	registerer prometheus.Registerer
	failing    *prometheus.GaugeVec
	expires    *prometheus.GaugeVec

	mu      sync.Mutex
	sources []*kept
}

// kept is a source and what was seen of it.
type kept struct {
	Source
	seen     [sha256.Size]byte
	trouble  error // of the files as they were seen
	reminded time.Time
}

// NewReloader returns a Reloader of sources that were just read; nil stands for no
// log, and for nobody who takes the metrics. The caller calls Run, and Close in the
// end.
func NewReloader(log *slog.Logger, registerer prometheus.Registerer, now func() time.Time, sources ...Source) (*Reloader, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &Reloader{
		log: log, now: now, every: reloadEvery, registerer: registerer,
		failing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "starling_reload_failing",
			Help: "1 while files of keys or certificates were exchanged for some that can't be used, and the old ones are.",
		}, []string{"source"}),
		expires: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "starling_certificate_expires_timestamp_seconds",
			Help: "When others will refuse this node's certificate, in Unix seconds: clients (tls), other nodes (federation).",
		}, []string{"source"}),
	}
	for _, s := range sources {
		k := &kept{Source: s}
		k.seen = k.look()
		r.sources = append(r.sources, k)
		r.measure(k)
	}
	if registerer != nil {
		for _, c := range []prometheus.Collector{r.failing, r.expires} {
			if err := registerer.Register(c); err != nil {
				return nil, fmt.Errorf("metrics of keys and certificates: %w", err)
			}
		}
	}
	return r, nil
}

// Run looks at the files every few seconds until ctx ends; a value of again has
// all of them read at once, changed or not.
func (r *Reloader) Run(ctx context.Context, again <-chan os.Signal) {
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		r.check(false)
		select {
		case <-ticker.C:
		case <-again:
			r.check(true)
		case <-ctx.Done():
			return
		}
	}
}

// Close takes the metrics back.
func (r *Reloader) Close() {
	if r.registerer != nil {
		r.registerer.Unregister(r.failing)
		r.registerer.Unregister(r.expires)
	}
}

// check reads the sources again whose files have changed, or all.
func (r *Reloader) check(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.sources {
		if seen := k.look(); all || seen != k.seen {
			k.seen = seen
			r.reload(k)
		}
		if text := k.warning(r.now()); text != "" && r.now().Sub(k.reminded) >= remindEvery {
			k.reminded = r.now()
			r.log.Warn(text, "source", k.Name)
		}
		r.measure(k)
	}
}

func (r *Reloader) reload(k *kept) {
	k.trouble = k.Reload()
	if k.trouble != nil {
		r.log.Error("files have changed and can't be used; the old ones are", "source", k.Name, "error", k.trouble)
		return
	}
	k.reminded = time.Time{}
	r.log.Info("files were read again, and are in use", "source", k.Name, "files", k.Files)
}

func (r *Reloader) measure(k *kept) {
	failing := 0.0
	if k.trouble != nil {
		failing = 1
	}
	r.failing.WithLabelValues(k.Name).Set(failing)
	if k.Expires != nil {
		r.expires.WithLabelValues(k.Name).Set(float64(k.Expires().Unix()))
	}
}

// Troubles says what an operator should look at: files that can't be used, and
// certificates that will soon be over.
func (r *Reloader) Troubles() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.sources {
		if k.trouble != nil {
			list = append(list, fmt.Sprintf("%s: the files were exchanged and can't be used, so the old ones still are: %s", k.Name, k.trouble))
		}
		if text := k.warning(r.now()); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// warning tells of an end that is near.
func (k *kept) warning(now time.Time) string {
	if k.Expires == nil {
		return ""
	}
	end := k.Expires()
	left := end.Sub(now)
	switch {
	case left > expiresSoon:
		return ""
	case left <= 0:
		return fmt.Sprintf("%s: the certificate, or its CA's, ended on %s, and is refused: put others in place (%s)", k.Name, day(end), strings.Join(k.Files, ", "))
	}
	return fmt.Sprintf("%s: the certificate, or its CA's, ends on %s, in %d days: put others in place (%s); no restart is needed",
		k.Name, day(end), int(left.Hours()/24), strings.Join(k.Files, ", "))
}

// look is what tells whether files have changed: all that is in them, since they
// are small, and clocks and links may deceive.
func (k *kept) look() (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range k.Files {
		text, err := readFile(path, "file", false)
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(h, "%d:", len(text))
		h.Write(text)
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(h, "%o", info.Mode()) // a key that others can read is refused
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
