package inject

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"starling/federation/certificate"
)

// A node whose disk is gone comes back with nothing under its name: with the key that
// it had, or, as another machine, with a new one. What it alone had is lost; what it
// had handed over is in the record, and must be found there by the new one.
func wipes() []Fault {
	return []Fault{{
		Name: "wiped", Title: "a node wiped, and another under its name", Runs: 5, Short: true, Expects: majority,
		Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
			site, err := leaderOrNot(ctx, scene)
			if err != nil {
				return nil, err
			}
			fresh := scene.Random.IntN(2) == 0
			says := "wiped " + site.Name()
			if fresh {
				says += ", which comes back with another key"
			}
			wound := &Wound{
				Says: says, Lasts: scene.Between(time.Second, 20*time.Second), Lost: []string{site.Name()},
				Heal: func(ctx context.Context) error {
					if fresh {
						if err := scene.certify(site, 24*time.Hour); err != nil {
							return err
						}
					}
					if err := scene.rejoins(site); err != nil {
						return err
					}
					return start(ctx, site)
				},
			}
			if err := site.Kill(ctx); err != nil {
				return nil, err
			}
			return wound, empty(site.Data())
		},
	}}
}

// rejoins has a node that has lost everything join the others, whichever began the
// federation: a founder that finds nothing would begin another one.
func (s *Scene) rejoins(site Site) error {
	for _, other := range s.Sites {
		if other.Name() != site.Name() {
			site.Set("federation.bootstrap", "false")
			site.Set("federation.join", fmt.Sprintf("[%q]", other.Name()+".wan:7734"))
			return nil
		}
	}
	return fmt.Errorf("there is nobody whom %s could join", site.Name())
}

// authority is the federation's CA.
func (s *Scene) authority() (*certificate.Authority, error) {
	return certificate.LoadAuthority(filepath.Join(s.Federation, "ca.pem"), filepath.Join(s.Federation, "ca.key"))
}

// certify gives a node a new key and certificate, good for so long from now on.
func (s *Scene) certify(site Site, lifetime time.Duration) error {
	authority, err := s.authority()
	if err != nil {
		return err
	}
	pair, err := authority.Issue(site.Name(), time.Now(), lifetime)
	if err != nil {
		return err
	}
	return s.replace(site, map[string][]byte{"node.pem": pair.Certificate, "node.key": pair.Key})
}

// replace puts files of a node's keys in place, each as a whole and with the owner of
// what it replaces.
func (s *Scene) replace(site Site, files map[string][]byte) error {
	for name, text := range files {
		path := filepath.Join(site.Etc(), name)
		if err := putInPlace(path, text); err != nil {
			return fmt.Errorf("replace %s: %w", path, err)
		}
	}
	return nil
}

func putInPlace(path string, text []byte) error {
	owner, err := ownerOf(path)
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return err
	}
	if err := os.Lchown(fresh, owner.uid, owner.gid); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
