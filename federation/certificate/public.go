package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Public is what a server shows its clients: a certificate of a CA that they
// believe, which is none of the federation's, and its key. It may be used by any
// goroutine.
type Public struct {
	certificate, key string
	host             string
	now              func() time.Time
	current          atomic.Pointer[shown]
}

// shown is what the files held when they were read last.
type shown struct {
	pair tls.Certificate
	ends time.Time
}

// LoadPublic reads a certificate, with those between it and its CA behind it, and
// its key. All that could make every client refuse it is found here: that it is
// over, or not for servers, or not for the host ("" for any) by which clients
// reach this one. Which CAs they believe is not known.
func LoadPublic(certificate, key, host string, now func() time.Time) (*Public, error) {
	p := &Public{certificate: certificate, key: key, host: host, now: now}
	if err := p.Reload(); err != nil {
		return nil, err
	}
	return p, nil
}

// Reload reads the files again. Connections that are made from then on use what
// they hold now. If something is wrong with them, all stays as it was.
func (p *Public) Reload() error {
	pair, err := loadPair(p.certificate, p.key)
	if err != nil {
		return fmt.Errorf("TLS for clients: %w", err)
	}
	next := &shown{pair: pair}
	if next.ends, err = p.check(pair); err != nil {
		return fmt.Errorf("TLS for clients: certificate %s: %w", p.certificate, err)
	}
	p.current.Store(next)
	return nil
}

func (p *Public) check(pair tls.Certificate) (ends time.Time, err error) {
	leaf, now := pair.Leaf, p.now()
	chain := []*x509.Certificate{leaf}
	for _, der := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, c)
		}
	}
	ends = endOf([][]*x509.Certificate{chain})
	switch {
	case now.After(ends):
		return ends, fmt.Errorf("it, or one of its chain, ended on %s: have another issued", day(ends))
	case now.Before(leaf.NotBefore):
		return ends, fmt.Errorf("it begins on %s: is this machine's clock right?", day(leaf.NotBefore))
	case !forServers(leaf):
		return ends, errors.New("it must be good for servers (extended key usage serverAuth)")
	}
	if p.host == "" {
		return ends, nil
	}
	if err := leaf.VerifyHostname(p.host); err != nil {
		return ends, fmt.Errorf("%w: it must be for the host of url, by which clients reach this node", err)
	}
	return ends, nil
}

func forServers(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, use := range c.ExtKeyUsage {
		if use == x509.ExtKeyUsageServerAuth || use == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}

// Expires is when clients will refuse the certificate.
func (p *Public) Expires() time.Time { return p.current.Load().ends }

// Server is for whoever serves clients. Each handshake uses what Reload read last.
// TLS 1.2 is for libraries that have nothing newer.
func (p *Public) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		Time:       p.now,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &p.current.Load().pair, nil
		},
	}
}

// Trust reads the certificates of CAs that a client is to believe beside those
// that its machine does.
func Trust(path string) (*x509.CertPool, error) {
	found, err := readCertificates(path)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // there are none
		pool = x509.NewCertPool()
	}
	for _, c := range found {
		pool.AddCert(c)
	}
	return pool, nil
}
