package inject

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"starling/federation/certificate"
)

// Certificates and gossip keys are exchanged while everybody works, by the operators'
// page; they end, or are wrong. What can't be used must change nothing, and be said.
func keys() []Fault {
	of := func(name, title string, runs int, inject func(context.Context, *Scene) (*Wound, error)) Fault {
		return Fault{Name: name, Title: title, Runs: runs, Expects: majority, Inject: inject}
	}
	return []Fault{
		of("certificates-exchanged", "certificates of all nodes exchanged", 2, exchangeCertificates),
		of("certificate-ended", "a certificate that has ended", 1, endCertificate),
		of("certificate-of-a-stranger", "a certificate of another CA", 1, func(ctx context.Context, scene *Scene) (*Wound, error) {
			stranger, err := certificate.NewAuthority("stranger", time.Now(), 24*time.Hour)
			if err != nil {
				return nil, err
			}
			return misplace(ctx, scene, stranger, func(of Site) string { return of.Name() })
		}),
		of("certificate-of-another", "a certificate in another's name", 1, func(ctx context.Context, scene *Scene) (*Wound, error) {
			authority, err := scene.authority()
			if err != nil {
				return nil, err
			}
			return misplace(ctx, scene, authority, func(of Site) string {
				if of.Name() == scene.Sites[0].Name() {
					return scene.Sites[1].Name()
				}
				return scene.Sites[0].Name()
			})
		}),
		of("ca-exchanged", "the CA exchanged", 1, exchangeAuthority),
		of("gossip-key-exchanged", "the gossip key exchanged", 1, exchangeGossipKey),
		of("gossip-key-wrong", "a node with another gossip key", 1, loseGossipKey),
	}
}

// readAgain is how long a node may take to read files that have changed: it looks every
// three seconds.
const readAgain = 30 * time.Second

func exchangeCertificates(_ context.Context, scene *Scene) (*Wound, error) {
	nothing := func(context.Context) error { return nil }
	return &Wound{
		Says: "gave every node another key and certificate",
		Meanwhile: func(ctx context.Context) error {
			for _, site := range scene.Shuffled(scene.Sites) {
				if err := scene.certify(site, 24*time.Hour); err != nil {
					return err
				}
				if err := shows(ctx, site); err != nil {
					return err
				}
			}
			return nil
		},
		Heal: nothing,
	}, nil
}

// shows waits until a node shows the certificate that is in its file.
func shows(ctx context.Context, site Site) error {
	text, err := os.ReadFile(filepath.Join(site.Etc(), "node.pem"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("node.pem of %s holds no certificate", site.Name())
	}
	return Eventually(ctx, readAgain, func(ctx context.Context) error {
		shown, err := shownBy(ctx, site)
		if err != nil {
			return err
		}
		if !bytes.Equal(shown, block.Bytes) {
			return fmt.Errorf("%s shows another certificate than its file has", site.Name())
		}
		return nil
	})
}

// shownBy is the certificate that a node shows to other nodes. Whoever has none himself
// gets no further than that.
func shownBy(ctx context.Context, site Site) ([]byte, error) {
	at, err := site.WAN(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}} //nolint:gosec // it is only looked at
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(at.String(), "7735"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw, nil
}

// endCertificate gives a node a certificate that ends soon, and waits until it has: then
// nobody speaks with it any more.
func endCertificate(ctx context.Context, scene *Scene) (*Wound, error) {
	site, err := leaderOrNot(ctx, scene)
	if err != nil {
		return nil, err
	}
	wound := &Wound{
		Says:  "let the certificate of " + site.Name() + " end",
		Lasts: scene.Between(10*time.Second, 25*time.Second), Minority: []string{site.Name()},
		Heal: func(ctx context.Context) error {
			if err := scene.certify(site, 24*time.Hour); err != nil {
				return err
			}
			return shows(ctx, site)
		},
	}
	const left = 15 * time.Second
	ends := time.Now().Add(left)
	if err := scene.certify(site, left); err != nil {
		return wound, err
	}
	if err := shows(ctx, site); err != nil {
		return wound, err
	}
	return wound, Wait(ctx, time.Until(ends)+2*time.Second) // and what was under way
}

// misplace gives a node a certificate that it can't use; it goes on with the one that
// it has, and says so.
func misplace(_ context.Context, scene *Scene, authority *certificate.Authority, name func(of Site) string) (*Wound, error) {
	site := scene.One(scene.Sites)
	before := map[string][]byte{}
	for _, file := range []string{"node.pem", "node.key"} {
		text, err := os.ReadFile(filepath.Join(site.Etc(), file))
		if err != nil {
			return nil, err
		}
		before[file] = text
	}
	pair, err := authority.Issue(name(site), time.Now(), time.Hour)
	if err != nil {
		return nil, err
	}
	return &Wound{
		Says: fmt.Sprintf("gave %s a certificate that it can't use", site.Name()),
		Meanwhile: func(ctx context.Context) error {
			if err := warns(ctx, site, "node.pem"); err != nil {
				return err
			}
			return Wait(ctx, 10*time.Second)
		},
		Heal: func(ctx context.Context) error {
			if err := scene.replace(site, before); err != nil {
				return err
			}
			return shows(ctx, site)
		},
	}, scene.replace(site, map[string][]byte{"node.pem": pair.Certificate, "node.key": pair.Key})
}

// warns waits until a node takes work, and mentions something at /readyz.
func warns(ctx context.Context, site Site, of string) error {
	return Eventually(ctx, readAgain, func(ctx context.Context) error {
		status, said, err := readiness(ctx, site)
		if err != nil {
			return err
		}
		if status/100 != 2 || !bytes.Contains([]byte(said), []byte(of)) {
			return fmt.Errorf("%s should take work and warn of %s; its /readyz says %d: %s", site.Name(), of, status, said)
		}
		return nil
	})
}

// exchangeAuthority goes from one CA to another: first everybody believes both, then
// everybody has a certificate of the new one, then nobody believes the old one.
func exchangeAuthority(_ context.Context, scene *Scene) (*Wound, error) {
	old, err := scene.authority()
	if err != nil {
		return nil, err
	}
	fresh, err := certificate.NewAuthority("another", time.Now(), 90*24*time.Hour)
	if err != nil {
		return nil, err
	}
	pair, err := fresh.Pair()
	if err != nil {
		return nil, err
	}
	believe := func(authorities ...*certificate.Authority) error {
		var all []byte
		for _, a := range authorities {
			all = append(all, a.Certificate()...)
		}
		for _, site := range scene.Sites {
			if err := scene.replace(site, map[string][]byte{"ca.pem": all}); err != nil {
				return err
			}
		}
		return nil
	}
	finish := func(ctx context.Context) error {
		// From the beginning, wherever it has stopped.
		if err := believe(old, fresh); err != nil {
			return err
		}
		if err := Wait(ctx, 2*lookEvery); err != nil { // nothing tells from outside whom a node believes
			return err
		}
		for name, text := range map[string][]byte{"ca.pem": pair.Certificate, "ca.key": pair.Key} {
			if err := putInPlace(filepath.Join(scene.Federation, name), text); err != nil {
				return err
			}
		}
		for _, site := range scene.Sites {
			if err := scene.certify(site, 24*time.Hour); err != nil {
				return err
			}
			if err := shows(ctx, site); err != nil {
				return err
			}
		}
		return believe(fresh)
	}
	return &Wound{Says: "exchanged the CA, and all certificates", Meanwhile: finish, Heal: finish}, nil
}

// lookEvery is how often nodes look at their files.
const lookEvery = 3 * time.Second

// exchangeGossipKey goes from one key to another: everybody can read the new one, then
// everybody writes with it, then nobody reads the old one.
func exchangeGossipKey(_ context.Context, scene *Scene) (*Wound, error) {
	path := filepath.Join(scene.Federation, "gossip.keys")
	old, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fresh := certificate.NewGossipKeys()
	finish := func(ctx context.Context) error {
		for keys, text := range [][]byte{slices.Concat(old, fresh), slices.Concat(fresh, old), fresh} {
			for _, site := range scene.Shuffled(scene.Sites) {
				if err := scene.replace(site, map[string][]byte{"gossip.keys": text}); err != nil {
					return err
				}
			}
			if err := scene.readGossipKeys(ctx, min(2, 3-keys)); err != nil {
				return err
			}
		}
		return putInPlace(path, fresh)
	}
	return &Wound{Says: "exchanged the gossip key", Meanwhile: finish, Heal: func(context.Context) error { return nil }}, nil
}

// readGossipKeys waits until every node has told every other one that it reads so many
// keys, and all the same ones.
func (s *Scene) readGossipKeys(ctx context.Context, many int) error {
	return Eventually(ctx, 2*time.Minute, func(ctx context.Context) error {
		var first []string
		for _, site := range s.Sites {
			var board struct {
				Nodes []struct {
					Name   string
					Member struct{ GossipKeys []string }
				}
			}
			if err := get(ctx, site, "/federation/nodes", &board); err != nil {
				return err
			}
			for _, n := range board.Nodes {
				if first == nil {
					first = n.Member.GossipKeys
				}
				if len(n.Member.GossipKeys) != many || !slices.Equal(n.Member.GossipKeys, first) {
					return fmt.Errorf("%s says that %s reads gossip keys %v, another %v", site.Name(), n.Name, n.Member.GossipKeys, first)
				}
			}
		}
		return nil
	})
}

// loseGossipKey has a node that understands nobody's gossip; the log and requests go on
// by other connections.
func loseGossipKey(_ context.Context, scene *Scene) (*Wound, error) {
	site := scene.One(scene.Sites)
	before, err := os.ReadFile(filepath.Join(site.Etc(), "gossip.keys"))
	if err != nil {
		return nil, err
	}
	return &Wound{
		Says:  "gave " + site.Name() + " another gossip key",
		Lasts: scene.Between(15*time.Second, 30*time.Second),
		Heal: func(context.Context) error {
			return scene.replace(site, map[string][]byte{"gossip.keys": before})
		},
	}, scene.replace(site, map[string][]byte{"gossip.keys": certificate.NewGossipKeys()})
}
