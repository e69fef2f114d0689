package membership

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// mostSeeds bounds how many addresses a node is given to join.
const mostSeeds = 64

// A seed is an address to join, and what came of asking whose it is.
type seed struct {
	given      string
	at         string // one that answered
	federation string // of who answered
	err        error
}

// belong settles to which federation this node belongs. Nothing is told to
// anybody yet, so that whoever finds two federations has joined neither.
func (m *Membership) belong(ctx context.Context) ([]seed, error) {
	if len(m.join) > mostSeeds {
		return nil, fmt.Errorf("%d addresses to join: %d are enough", len(m.join), mostSeeds)
	}
	if m.Federation() != "" {
		ctx, cancel := context.WithTimeout(ctx, m.profile.Dial)
		defer cancel()
		seeds := m.ask(ctx)
		for _, s := range seeds {
			if s.federation != "" && s.federation != m.Federation() {
				return nil, fmt.Errorf("join %s: %w", s.given, foreign(s.federation, m.Federation()))
			}
		}
		return seeds, nil
	}
	if len(m.join) == 0 {
		return nil, errors.New("this node belongs to no federation: let it join one (--join HOST:PORT, the gossip address of a member), or begin one (--bootstrap)")
	}
	return m.seek(ctx)
}

// seek asks until somebody says to which federation it belongs.
func (m *Membership) seek(ctx context.Context) ([]seed, error) {
	ctx, cancel := context.WithTimeout(ctx, m.profile.Patience)
	defer cancel()
	for said := false; ; said = true {
		seeds := m.ask(ctx)
		found := map[string]string{} // federation -> one who is of it
		for _, s := range seeds {
			if s.federation != "" {
				found[s.federation] = s.given
			}
		}
		switch ids := slices.Sorted(maps.Keys(found)); {
		case len(ids) > 1:
			return nil, &refusal{kind: ErrFederation, text: fmt.Sprintf("%s belongs to federation %s, %s to %s: a node belongs to one, so join nodes of one",
				found[ids[0]], ids[0], found[ids[1]], ids[1])}
		case len(ids) == 1:
			m.self.Federation = ids[0]
			m.federation.Store(&m.self.Federation)
			return seeds, nil
		}
		if !said {
			m.log.Warn("nobody to join yet", "reason", reasons(seeds))
		}
		select {
		case <-time.After(m.profile.RedialFirst):
		case <-ctx.Done():
			return nil, reasons(seeds)
		}
	}
}

// ask asks all seeds at once whose they are.
func (m *Membership) ask(ctx context.Context) []seed {
	seeds := make([]seed, len(m.join))
	var wait sync.WaitGroup
	for i, given := range m.join {
		wait.Go(func() { seeds[i] = m.askOne(ctx, given) })
	}
	wait.Wait()
	return slices.DeleteFunc(seeds, func(s seed) bool { return s.at == m.Addr() && s.err == nil })
}

// askOne asks the addresses of one seed until one answers. That is a connection
// on which this node says that it is of no federation, so that the other says of
// which it is, and no more.
func (m *Membership) askOne(ctx context.Context, given string) seed {
	s := seed{given: given}
	all, err := resolve(ctx, given)
	if err == nil && len(all) == 0 {
		err = errors.New("the name has no address")
	}
	if err != nil {
		s.err = err
		return s
	}
	for _, at := range all {
		if s.at = at.String(); s.at == m.Addr() || at == m.wire.address() {
			s.at, s.err = m.Addr(), nil // this node itself, in a list that is the same everywhere
			return s
		}
		if s.federation, s.err = m.whose(s.at); s.err == nil {
			return s
		}
	}
	return s
}

// whose asks one address.
func (m *Membership) whose(address string) (string, error) {
	conn, err := m.transport.DialAddressTimeout(memberlist.Address{Addr: address, Name: asking}, m.profile.Dial)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(m.profile.Dial)); err != nil {
		return "", err
	}
	_, err = conn.Read(make([]byte, 1))
	if r := (*refusal)(nil); errors.As(err, &r) && r.federation != "" {
		return r.federation, nil
	}
	if err == nil {
		err = errStranger
	}
	return "", explain(err)
}

// enter joins one of the seeds that answered; from that one all others are heard
// of.
func (m *Membership) enter(ctx context.Context, seeds []seed) error {
	entered := false
	for i, s := range seeds {
		if s.federation == "" || entered {
			continue
		}
		err := ctx.Err()
		if err == nil {
			err = m.meetAt(s.at)
		}
		if errors.Is(err, ErrName) || errors.Is(err, ErrCollision) {
			return fmt.Errorf("join %s: %w", s.given, err)
		}
		entered, seeds[i].err = err == nil, err
	}
	switch {
	case len(seeds) == 0:
	case entered:
		for _, s := range seeds {
			if s.err != nil {
				m.log.Warn("one of those to join is not there", "address", s.given, "reason", s.err)
			}
		}
	case m.newcomer:
		return reasons(seeds)
	default:
		m.log.Warn("none of those to join is there; this node works alone meanwhile", "reason", reasons(seeds))
	}
	return nil
}

// meetAt exchanges all that is known with whoever is at an address.
func (m *Membership) meetAt(address string) error {
	if _, err := m.list.Join([]string{address}); err != nil {
		return explain(err)
	}
	return nil
}

// reasons is one error of all seeds.
func reasons(seeds []seed) error {
	all := []error{}
	for _, s := range seeds {
		if s.err != nil {
			all = append(all, fmt.Errorf("%s: %w", s.given, s.err))
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("%w: all the addresses to join are this node's own", ErrUnreachable)
	}
	return fmt.Errorf("%w:\n%w", ErrUnreachable, errors.Join(all...))
}
