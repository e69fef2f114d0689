package inject

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The greater part of the voters is lost for good, with their disks. Those who are left
// go on by themselves, and then the operators go README's way ("When a majority is
// lost"), with new machines under the old names. The leader is among those who are
// left, since it has all that was acknowledged: what only the lost ones had nobody can
// bring back, and README says so.
func majorities() []Fault {
	return []Fault{{
		Name: "majority-lost", Title: "a majority lost for good, and recovered", Runs: 2, Expects: minority,
		Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
			leader, followers, err := scene.Leader(ctx)
			if err != nil {
				return nil, err
			}
			followers = scene.Shuffled(followers)
			most := len(scene.Sites)/2 + 1
			lost, left := followers[:most], append([]Site{leader}, followers[most:]...)
			wound := &Wound{
				Says:     fmt.Sprintf("lost %s for good; %s are left", strings.Join(names(lost), ", "), strings.Join(names(left), ", ")),
				Lasts:    scene.Between(10*time.Second, 20*time.Second),
				Minority: names(left), Lost: names(lost),
				Heal: func(ctx context.Context) error { return scene.recovers(ctx, left, lost) },
			}
			err = each(lost, func(site Site) error { return site.Kill(ctx) })
			return wound, errors.Join(err, each(lost, func(site Site) error { return empty(site.Data()) }))
		},
	}}
}

// recovers goes README's steps, and then gives new machines the places that are free.
func (s *Scene) recovers(ctx context.Context, left, lost []Site) error {
	if err := each(left, func(site Site) error { return site.Stop(ctx) }); err != nil {
		return err
	}
	longest, err := chooseLongest(ctx, left)
	if err != nil {
		return err
	}
	if _, err := longest.Command(ctx, "debug", "recover", "--yes", "--data", dataInside); err != nil {
		return err
	}
	if err := start(ctx, longest); err != nil {
		return err
	}
	joins := func(site Site) error {
		site.Set("federation.bootstrap", "false")
		site.Set("federation.join", fmt.Sprintf("[%q]", longest.Name()+".wan:7734"))
		return start(ctx, site)
	}
	for _, site := range left {
		if site == longest {
			continue
		}
		if _, err := site.Command(ctx, "debug", "recover", "--rejoin", "--yes", "--data", dataInside); err != nil {
			return err
		}
		if err := joins(site); err != nil {
			return err
		}
	}
	for _, site := range lost {
		if err := joins(site); err != nil {
			return err
		}
	}
	return nil
}

// chooseLongest is the site whose log ends last: in the last term, at the last entry.
func chooseLongest(ctx context.Context, sites []Site) (Site, error) {
	type end struct {
		site                Site
		LastTerm, LastIndex uint64
	}
	var ends []end
	for _, site := range sites {
		said, err := site.Command(ctx, "debug", "recover", "--data", dataInside, "-o", "json")
		if err != nil {
			return nil, err
		}
		e := end{site: site}
		// docker-compose says what it does before, in lines of its own.
		at := strings.Index(said, "{")
		if at < 0 {
			return nil, fmt.Errorf("%s: debug recover says %q", site.Name(), said)
		}
		if err := json.NewDecoder(strings.NewReader(said[at:])).Decode(&e); err != nil {
			return nil, fmt.Errorf("%s: debug recover says %q: %w", site.Name(), said, err)
		}
		ends = append(ends, e)
	}
	return slices.MaxFunc(ends, func(a, b end) int {
		return cmp.Or(cmp.Compare(a.LastTerm, b.LastTerm), cmp.Compare(a.LastIndex, b.LastIndex))
	}).site, nil
}
