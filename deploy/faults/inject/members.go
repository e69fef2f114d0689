package inject

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Who votes changes while the federation works: newcomers are given votes, and those
// who leave give them back; and one who was away for long finds that the log which it
// misses is no longer kept, and is sent the whole record instead.
func members() []Fault {
	return []Fault{
		{Name: "voters-change", Title: "voters added and removed under load", Runs: 5, Expects: majority, Inject: changeVoters},
		{Name: "far-behind", Title: "a follower so far behind that it needs a snapshot", Runs: 5, Expects: majority, Inject: fallBehind},
	}
}

// changeVoters adds two sites, waits until they vote, has the leader leave and come
// back, and takes the two away again.
func changeVoters(ctx context.Context, scene *Scene) (*Wound, error) {
	if scene.Extra == nil {
		return nil, errors.New("this cluster can have no further sites")
	}
	var extra []Site
	wound := &Wound{
		Says: "two sites joined and voted, the leader left and joined again, the two left", Spent: true,
		Heal: func(ctx context.Context) error {
			return each(extra, func(site Site) error { return site.Stop(ctx) }) // also those that have ended
		},
	}
	wound.Meanwhile = func(ctx context.Context) error {
		for _, name := range []string{"itsrc", "zasrc"} {
			site, err := scene.Extra(ctx, name)
			if err != nil {
				return fmt.Errorf("add site %s: %w", name, err)
			}
			extra, wound.Gone = append(extra, site), append(wound.Gone, name)
		}
		if err := each(extra, func(site Site) error { return votes(ctx, site) }); err != nil {
			return err
		}
		leader, _, err := scene.Leader(ctx)
		if err != nil {
			return err
		}
		if err := leave(ctx, leader); err != nil {
			return err
		}
		if err := leader.Stop(ctx); err != nil { // waits for the end
			return err
		}
		if err := start(ctx, leader); err != nil { // it joins anew
			return err
		}
		if err := votes(ctx, leader); err != nil {
			return err
		}
		for _, site := range scene.Shuffled(extra) {
			if err := leave(ctx, site); err != nil {
				return err
			}
			if err := site.Stop(ctx); err != nil { // or it would join again
				return err
			}
		}
		return nil
	}
	return wound, nil
}

// votes waits until a site is one of those who decide.
func votes(ctx context.Context, site Site) error {
	return Eventually(ctx, 2*time.Minute, func(ctx context.Context) error {
		log, err := LogOf(ctx, site)
		switch {
		case err != nil:
			return err
		case log.Role != "follower" && log.Role != "leader":
			return fmt.Errorf("%s doesn't vote: it is a %s", site.Name(), log.Role)
		}
		return nil
	})
}

// leave takes a node out of the federation, with all that it has still to do. It
// answers before it stops, or is gone before it has answered.
func leave(ctx context.Context, site Site) error {
	return Eventually(ctx, time.Minute, func(ctx context.Context) error {
		err := send(ctx, site, http.MethodPost, "/federation/leave?force=true")
		var refused *Refused
		if err != nil && !errors.As(err, &refused) {
			return nil
		}
		return err
	})
}

// kept is how many entries of the log nodes on a local network keep for those who were
// away, and how many more there may be until they look (consensus.LAN).
const kept = 4096 + 1024

// fallBehind cuts a follower off until the others have trimmed away what it misses.
func fallBehind(ctx context.Context, scene *Scene) (*Wound, error) {
	leader, followers, err := scene.Leader(ctx)
	if err != nil {
		return nil, err
	}
	behind := scene.One(followers)
	log, err := LogOf(ctx, behind)
	if err != nil {
		return nil, err
	}
	var others []Site
	for _, site := range scene.Sites {
		if site != behind {
			others = append(others, site)
		}
	}
	wound := &Wound{
		Says: "cut off " + behind.Name() + " until the log that it misses was trimmed", Minority: []string{behind.Name()},
		Meanwhile: func(ctx context.Context) error {
			enough := log.Applied + kept + 1000
			if err := write(ctx, scene, leader, others, enough); err != nil {
				return err
			}
			return trimmed(ctx, others, log.Applied+1)
		},
		Heal: scene.Network.Clear,
	}
	return wound, cut(ctx, scene, []Site{behind}, others)
}

// trimmed waits until none of the sites keeps an entry: whoever leads can but send the
// whole record then. They look twice a minute whether there is something to trim.
func trimmed(ctx context.Context, sites []Site, entry uint64) error {
	return Eventually(ctx, 2*time.Minute, func(ctx context.Context) error {
		for _, site := range sites {
			log, err := LogOf(ctx, site)
			if err != nil {
				return err
			}
			if log.First <= entry {
				return fmt.Errorf("%s keeps entries from %d on, and %d is to be trimmed away", site.Name(), log.First, entry)
			}
		}
		return nil
	})
}

// write has the log grow until an entry is applied at a site.
func write(ctx context.Context, scene *Scene, at Site, by []Site, until uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	writing, stop := context.WithCancel(ctx)
	var writers sync.WaitGroup
	for i := range 24 {
		writers.Go(func() {
			for writing.Err() == nil {
				_ = scene.Strong.Write(writing, by[i%len(by)])
			}
		})
	}
	defer writers.Wait()
	defer stop()
	return Eventually(ctx, 4*time.Minute, func(ctx context.Context) error {
		log, err := LogOf(ctx, at)
		if err == nil && log.Applied < until {
			err = fmt.Errorf("%s has applied %d entries of the %d that are to be written", at.Name(), log.Applied, until)
		}
		return err
	})
}
