package inject

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"starling/deploy/faults/wan"
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
	// WAN is the node's address towards the others; it may change with each start.
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
	// Network is what lies between the sites. Nothing is imposed on it.
	Network *wan.Network
	// Strong reads and writes the record at one site, as a user would, and remembers
	// what was answered for the check.
	Strong Strong
	Log    func(format string, args ...any)
}

// ends are the sites as ends of ways, as they are now.
func ends(ctx context.Context, sites []Site) (map[string]wan.End, error) {
	all := map[string]wan.End{}
	for _, site := range sites {
		pid, err := site.PID(ctx)
		if err != nil {
			return nil, err
		}
		address, err := site.WAN(ctx)
		if err != nil {
			return nil, err
		}
		all[site.Name()] = wan.End{Name: site.Name(), PID: pid, Address: address}
	}
	return all, nil
}

// Strong are reads and writes that need a majority.
type Strong interface {
	Read(ctx context.Context, site Site) error
	Write(ctx context.Context, site Site) error
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

// names are the sites' names, for sentences and for Wound.Minority.
func names(sites []Site) []string {
	all := make([]string, len(sites))
	for i, site := range sites {
		all[i] = site.Name()
	}
	return all
}
