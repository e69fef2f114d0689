package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"starling/deploy/faults/load"
	"starling/deploy/launch"
)

// site is a site in containers, as faults see it.
type site struct {
	launched *launch.Site
	client   *http.Client
	people   *people
}

func (s *site) Name() string         { return s.launched.Name }
func (s *site) URL() string          { return s.launched.URL }
func (s *site) Client() *http.Client { return s.client }
func (s *site) Data() string         { return s.launched.Data }
func (s *site) Etc() string          { return s.launched.Etc() }

func (s *site) Token(context.Context) (string, error) {
	return s.people.token("fault", launch.Operators, launch.Accountants)
}

func (s *site) Kill(ctx context.Context) error    { return s.launched.Node.Kill(ctx) }
func (s *site) Stop(ctx context.Context) error    { return s.launched.Node.Stop(ctx) }
func (s *site) Start(ctx context.Context) error   { return s.launched.Start(ctx) }
func (s *site) Pause(ctx context.Context) error   { return s.launched.Node.Pause(ctx) }
func (s *site) Unpause(ctx context.Context) error { return s.launched.Node.Unpause(ctx) }
func (s *site) Disconnect(ctx context.Context) error {
	return s.launched.Node.Disconnect(ctx, launch.WAN)
}
func (s *site) Connect(ctx context.Context) error { return s.launched.Node.Connect(ctx, launch.WAN) }

func (s *site) PID(ctx context.Context) (int, error) { return s.launched.Node.PID(ctx) }
func (s *site) WAN(ctx context.Context) (netip.Addr, error) {
	return s.launched.Node.Address(ctx, launch.WAN)
}

func (s *site) Set(key, value string) {
	if value == "" {
		delete(s.launched.Set, key)
		return
	}
	s.launched.Set[key] = value
}

func (s *site) Command(ctx context.Context, arguments ...string) (string, error) {
	return s.launched.Command(ctx, arguments...)
}

// people have tokens of the cluster's issuer, each as long as it is good.
type people struct {
	cluster *launch.Cluster
	mu      sync.Mutex
	tokens  map[string]token
}

type token struct {
	text  string
	until time.Time
}

func newPeople(cluster *launch.Cluster) *people {
	return &people{cluster: cluster, tokens: map[string]token{}}
}

func (p *people) token(user string, groups ...string) (string, error) {
	key := user + " " + strings.Join(groups, " ")
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.tokens[key]; time.Now().Before(known.until) {
		return known.text, nil
	}
	text, err := p.cluster.Token(user, groups...)
	if err != nil {
		return "", fmt.Errorf("a token for %s: %w", user, err)
	}
	p.tokens[key] = token{text, time.Now().Add(time.Hour)} // they are good for a day
	return text, nil
}

// groupsOf are those that give somebody her roles, at all sites.
func groupsOf(who load.Person) []string {
	groups := slices.Clone(who.Groups)
	for _, role := range who.Roles {
		switch role {
		case "operator":
			groups = append(groups, launch.Operators)
		case "auditor":
			groups = append(groups, launch.Auditors)
		case "accountant":
			groups = append(groups, launch.Accountants)
		}
	}
	return groups
}
