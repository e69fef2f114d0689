package certificate

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Files are where a node's credentials lie.
type Files struct {
	CA          string // certificates of the federation's CA: two while it is exchanged
	Certificate string // the node's own, of that CA
	Key         string // its private key, mode 0600
}

// Credentials are what a node presents to others, and whom it believes. They may
// be used by any goroutine.
type Credentials struct {
	files   Files
	node    string
	now     func() time.Time
	current atomic.Pointer[set]
}

// set is what the files held when they were read last.
type set struct {
	authorities *x509.CertPool
	own         tls.Certificate
	expires     time.Time
	server      *tls.Config
	edition     int // of all that were read
}

// Load reads the credentials of the node so named. All that could make another
// node refuse them is found here, as far as it can be known.
func Load(files Files, node string, now func() time.Time) (*Credentials, error) {
	c := &Credentials{files: files, node: node, now: now}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. Connections that are made from then on use what
// they hold now; those that are open stay. If something is wrong with them, all
// stays as it was.
func (c *Credentials) Reload() error {
	authorities, err := c.loadAuthorities()
	if err != nil {
		return fmt.Errorf("credentials of node %s: %w", c.node, err)
	}
	own, err := loadPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return fmt.Errorf("credentials of node %s: %w", c.node, err)
	}
	expires, err := c.check(own, authorities)
	if err != nil {
		return fmt.Errorf("credentials of node %s: certificate %s: %w", c.node, c.files.Certificate, err)
	}
	next := &set{authorities: authorities, own: own, expires: expires}
	next.server = c.serverOf(next)
	if before := c.current.Load(); before != nil {
		next.edition = before.edition + 1
	}
	c.current.Store(next)
	return nil
}

func (c *Credentials) loadAuthorities() (*x509.CertPool, error) {
	found, err := readCertificates(c.files.CA)
	if err != nil {
		return nil, fmt.Errorf("the CA: %w", err)
	}
	pool := x509.NewCertPool()
	for _, authority := range found {
		if !authority.IsCA || !authority.BasicConstraintsValid {
			return nil, fmt.Errorf("the CA: certificate %s: that of %q is not a CA's", c.files.CA, authority.Subject.CommonName)
		}
		pool.AddCert(authority)
	}
	return pool, nil
}

// check finds what others would refuse in the node's own certificate, and says
// when it ends.
func (c *Credentials) check(own tls.Certificate, authorities *x509.CertPool) (expires time.Time, err error) {
	leaf, now := own.Leaf, c.now()
	const remedy = "make another with `starling keygen node`"
	switch {
	case now.After(leaf.NotAfter):
		return expires, fmt.Errorf("it ended on %s: %s", day(leaf.NotAfter), remedy)
	case now.Before(leaf.NotBefore):
		return expires, fmt.Errorf("it begins on %s: is this machine's clock right?", day(leaf.NotBefore))
	}
	name, err := NodeOf(leaf)
	if err != nil {
		return expires, fmt.Errorf("%w: %s", err, remedy)
	}
	if name != c.node {
		return expires, fmt.Errorf("the certificate is for %s, this node is %s", name, c.node)
	}
	between := x509.NewCertPool()
	for _, der := range own.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		chains, err := leaf.Verify(x509.VerifyOptions{
			Roots: authorities, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use},
		})
		if err != nil {
			return expires, c.explain(err)
		}
		expires = endOf(chains)
	}
	return expires, nil
}

// explain says what to do about a certificate that doesn't verify.
func (c *Credentials) explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("it is not of the CA in %s", c.files.CA)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return errors.New("it must be good for servers and for clients (extended key usage serverAuth and clientAuth)")
	}
	return fmt.Errorf("the CA in %s: %w", c.files.CA, err)
}

// endOf is when the last of the chains breaks.
func endOf(chains [][]*x509.Certificate) (last time.Time) {
	for _, chain := range chains {
		end := chain[0].NotAfter
		for _, c := range chain {
			if c.NotAfter.Before(end) {
				end = c.NotAfter
			}
		}
		if end.After(last) {
			last = end
		}
	}
	return last
}

// Name is the node for which these credentials are.
func (c *Credentials) Name() string { return c.node }

// Expires is when others will refuse them: they must be exchanged before.
func (c *Credentials) Expires() time.Time { return c.current.Load().expires }

// Key is the private key of the node's certificate, to sign with.
func (c *Credentials) Key() crypto.Signer {
	return c.current.Load().own.PrivateKey.(crypto.Signer) // tls.X509KeyPair reads no other
}

// Fingerprint is that of the node's own certificate.
func (c *Credentials) Fingerprint() string { return Fingerprint(c.current.Load().own.Leaf) }

// Edition is another number whenever Reload has read others.
func (c *Credentials) Edition() int { return c.current.Load().edition }
