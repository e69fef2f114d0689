package inject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"
)

// Site is a site of the federation as those see it who can touch its machine.
type Site interface {
	Name() string
	// URL is where users reach it, Client is good for it, and Token is one of an
	// operator's.
	URL() string
	Client() *http.Client
	Token(ctx context.Context) (string, error)

	// Kill ends the node at once, as kill -9 and a power cut do; Stop as an operator
	// does, and waits for its end; Start starts it again, and waits for nothing.
	Kill(ctx context.Context) error
	Stop(ctx context.Context) error
	Start(ctx context.Context) error
	// Pause freezes all threads of the node, and Unpause goes on with them.
	Pause(ctx context.Context) error
	Unpause(ctx context.Context) error
	// Disconnect pulls the node's cable to the other sites, and Connect puts it back;
	// its address may be another then.
	Disconnect(ctx context.Context) error
	Connect(ctx context.Context) error

	// PID is the node's process on this machine; it changes with each start.
	PID(ctx context.Context) (int, error)
	// WAN is the node's address towards the others.
	WAN(ctx context.Context) (netip.Addr, error)
	// Data is the node's data directory on this machine, and Etc the one with its
	// configuration, keys and certificates.
	Data() string
	Etc() string
	// Set sets a key of its configuration to a value in YAML, from its next start on;
	// "" takes that back.
	Set(key, value string)
	// Command runs starling with these arguments on the node's machine, beside the node
	// or while it is down, and returns what it has said.
	Command(ctx context.Context, arguments ...string) (said string, err error)
}

// Scene is what a fault finds.
type Scene struct {
	Sites  []Site
	Random *rand.Rand
	// Federation is the directory with the federation's CA and gossip keys (ca.pem,
	// ca.key, gossip.keys), which no node has as a whole.
	Federation string
	// Extra are further sites that may be started beside those five; nil where the
	// cluster can't have any.
	Extra func(ctx context.Context, name string) (Site, error)
	// Strong reads and writes the record at one site, as a user would, and remembers
	// what was answered for the check.
	Strong Strong
	Log    func(format string, args ...any)
}

// Strong are reads and writes that need a majority.
type Strong interface {
	Read(ctx context.Context, site Site) error
	Write(ctx context.Context, site Site) error
}

// Log is GET /federation/log.
type Log struct {
	Node, Role, Leader    string
	Term, Applied, Commit uint64
	Outbox                struct {
		Depth         int
		OldestSeconds float64
	}
}

// LogOf asks a site for its view of the log.
func LogOf(ctx context.Context, site Site) (Log, error) {
	var log Log
	err := get(ctx, site, "/federation/log", &log)
	return log, err
}

// get reads a document of a site as one of its operators.
func get(ctx context.Context, site Site, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL()+path, nil)
	if err != nil {
		return err
	}
	token, err := site.Token(ctx)
	if err != nil {
		return fmt.Errorf("a token for %s: %w", site.Name(), err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := site.Client().Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: GET %s: %s: %.300s", site.Name(), path, answer.Status, body)
	}
	return json.Unmarshal(body, into)
}

// Leader is the site that leads the log, by its own word and that of a majority, and
// the others.
func (s *Scene) Leader(ctx context.Context) (leader Site, followers []Site, err error) {
	err = Eventually(ctx, time.Minute, func(ctx context.Context) error {
		named := map[string]int{}
		for _, site := range s.Sites {
			log, err := LogOf(ctx, site)
			if err != nil {
				continue
			}
			named[log.Leader]++
		}
		leader, followers = nil, nil
		for _, site := range s.Sites {
			if named[site.Name()] > len(s.Sites)/2 {
				leader = site
			} else {
				followers = append(followers, site)
			}
		}
		if leader == nil {
			return fmt.Errorf("no leader that a majority names: %v", named)
		}
		return nil
	})
	return leader, followers, err
}

// One draws one of the sites.
func (s *Scene) One(of []Site) Site { return of[s.Random.IntN(len(of))] }

// Shuffled is the sites in an order of chance.
func (s *Scene) Shuffled(sites []Site) []Site {
	shuffled := append([]Site(nil), sites...)
	s.Random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled
}

// Between draws a duration.
func (s *Scene) Between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.Random.Int64N(int64(most-least)+1))
}

// Ready waits until a site takes work.
func Ready(ctx context.Context, site Site) error {
	return Eventually(ctx, 2*time.Minute, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL()+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := site.Client().Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s is not ready: %s", site.Name(), said)
		}
		return nil
	})
}

// Eventually tries until it succeeds, for at most so long, and then says why not.
func Eventually(ctx context.Context, most time.Duration, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not within %s", most))
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Wait lets time pass; it is over early if ctx is.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// each does the same to several sites at once, and joins what went wrong.
func each(sites []Site, do func(Site) error) error {
	ended := make(chan error, len(sites))
	for _, site := range sites {
		go func() {
			if err := do(site); err != nil {
				ended <- fmt.Errorf("%s: %w", site.Name(), err)
				return
			}
			ended <- nil
		}()
	}
	var errs []error
	for range sites {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// names are the sites' names, for sentences and for Wound.Minority.
func names(sites []Site) []string {
	all := make([]string, len(sites))
	for i, site := range sites {
		all[i] = site.Name()
	}
	return all
}
