package launch

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"starling/api/auth/issuer"
	"starling/deploy/cluster"
	"starling/federation/certificate"
)

// issuerName is the issuer's service, and its directory.
const issuerName = "issuer"

// containerUser is whom everything belongs to that containers read and write: where we
// are root nobody in particular, and else ourselves.
func containerUser() (uid, gid int) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid()
	}
	return 65532, 65532
}

// makeKeys makes what the cluster has once: the federation's CA and gossip keys in
// federation/, which no container sees as a whole, the authority of its servers, and
// the issuer.
func (c *Cluster) makeKeys() error {
	now := time.Now()
	authority, err := certificate.NewAuthority(c.Project, now, webLifetime)
	if err != nil {
		return err
	}
	pair, err := authority.Pair()
	if err != nil {
		return err
	}
	web, err := newWebAuthority(now)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(web.key)
	if err != nil {
		return err
	}
	if err := writeAll(c.federation(), map[string][]byte{
		"ca.pem": pair.Certificate, "ca.key": pair.Key, "gossip.keys": certificate.NewGossipKeys(), "web.key": key,
	}); err != nil {
		return err
	}
	if err := os.WriteFile(c.CA(), web.PEM(), 0o644); err != nil {
		return err
	}
	c.authorities = web.pool()
	return c.makeIssuer(web, now)
}

func (c *Cluster) federation() string { return filepath.Join(c.Dir, "federation") }

// web reads the authority of the servers back.
func (c *Cluster) web() (*webAuthority, error) {
	text, err := os.ReadFile(filepath.Join(c.federation(), "web.key"))
	if err != nil {
		return nil, err
	}
	return readWebAuthority(c.CA(), text)
}

func (c *Cluster) makeIssuer(web *webAuthority, now time.Time) (err error) {
	tls, key, err := web.server(now, "issuer.localhost")
	if err != nil {
		return err
	}
	users, err := cluster.Files.ReadFile("users.yaml")
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Dir, issuerName)
	if err := writeAll(filepath.Join(dir, "etc"), map[string][]byte{"tls.pem": tls, "tls.key": key, "users.yaml": users}); err != nil {
		return err
	}
	if c.issuer, err = issuer.MakeDirectory(c.IssuerDir(), issuer.Identity{URL: c.IssuerURL(), Profile: issuer.ProfileWLCG}, issuer.ES256, time.Now); err != nil {
		return err
	}
	return giveAway(dir)
}

// executorToken is how long an executor's token is good: longer than any cluster.
const executorToken = webLifetime

// Certify makes the node a new certificate with a new key, by which other nodes know it.
// A node that runs takes it up by itself.
func (s *Site) Certify() error {
	authority, err := certificate.LoadAuthority(filepath.Join(s.cluster.federation(), "ca.pem"), filepath.Join(s.cluster.federation(), "ca.key"))
	if err != nil {
		return err
	}
	node, err := authority.Issue(s.Name, time.Now(), webLifetime-time.Hour)
	if err != nil {
		return err
	}
	if err := writeAll(s.Etc(), map[string][]byte{"ca.pem": authority.Certificate(), "node.pem": node.Certificate, "node.key": node.Key}); err != nil {
		return err
	}
	return giveAway(s.Etc())
}

// makeFiles makes all that a site has beside its configuration.
func (s *Site) makeFiles() error {
	if err := s.Certify(); err != nil {
		return err
	}
	gossip, err := os.ReadFile(filepath.Join(s.cluster.federation(), "gossip.keys"))
	if err != nil {
		return err
	}
	web, err := s.cluster.web()
	if err != nil {
		return err
	}
	tls, key, err := web.server(time.Now(), s.Name+".localhost", "*."+s.Name+"-pages.localhost")
	if err != nil {
		return err
	}
	if err := writeAll(s.Etc(), map[string][]byte{
		"gossip.keys": gossip, "tls.pem": tls, "tls.key": key, "web.pem": web.PEM(),
	}); err != nil {
		return err
	}
	token, err := s.cluster.TokenFor(executorToken, s.executor())
	if err != nil {
		return err
	}
	if err := writeAll(filepath.Join(s.ExecutorDir(), "etc"), map[string][]byte{"web.pem": web.PEM(), "token": []byte(token + "\n")}); err != nil {
		return err
	}
	for _, dir := range []string{s.Data, filepath.Join(s.ExecutorDir(), "data")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return giveAway(filepath.Join(s.cluster.Dir, s.Name))
}

// writeAll writes files that only their owner reads.
func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// giveAway gives all below a directory to the containers' user.
func giveAway(dir string) error {
	uid, gid := containerUser()
	if uid == os.Getuid() {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// fill is a template of deploy/cluster with its braces filled in.
func fill(name string, with any) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(cluster.Files, name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, with); err != nil {
		return nil, fmt.Errorf("fill %s in: %w", name, err)
	}
	return out.Bytes(), nil
}
