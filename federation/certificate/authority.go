package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"starling/federation/identity"
)

// backdated is how long before its making a certificate is good already: what
// is made here may be read where the clock is late.
const backdated = 24 * time.Hour

// An Authority is a federation's CA with its private key.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// A Pair is a certificate and its private key, in PEM. The key is secret.
type Pair struct {
	Certificate, Key []byte
}

// NewAuthority makes a CA for a federation; the name is for people. It can vouch
// for names below .starling only, so that nobody else has to fear it.
func NewAuthority(federation string, now time.Time, lifetime time.Duration) (*Authority, error) {
	if len(federation) == 0 || len(federation) > 64 {
		return nil, errors.New("name of the federation: want 1 to 64 characters")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the CA's key: %w", err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{federation}, CommonName: federation + " CA"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{"starling"},
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the CA's certificate: %w", err)
	}
	return &Authority{certificate, key}, nil
}

// LoadAuthority reads a CA from the files of its certificate and its key.
func LoadAuthority(certificate, key string) (*Authority, error) {
	own, err := loadPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	signer, ok := own.PrivateKey.(crypto.Signer)
	if !ok || !own.Leaf.IsCA {
		return nil, fmt.Errorf("read the CA: %s is not a CA's certificate", certificate)
	}
	return &Authority{own.Leaf, signer}, nil
}

// Pair returns the CA's own certificate and key, to be kept.
func (a *Authority) Pair() (Pair, error) { return pairOf(a.certificate, a.key) }

// Certificate returns the CA's certificate in PEM, for every node to have.
func (a *Authority) Certificate() []byte { return encodeCertificate(a.certificate) }

// Expires is when the CA's certificate ends, and with it all that it vouches for.
func (a *Authority) Expires() time.Time { return a.certificate.NotAfter }

// Issue makes a node's certificate, with a key of its own. It must end before the
// CA's does.
func (a *Authority) Issue(node string, now time.Time, lifetime time.Duration) (Pair, error) {
	if err := identity.NodeName(node).Validate(); err != nil {
		return Pair{}, err
	}
	if ends := now.Add(lifetime); ends.After(a.certificate.NotAfter) {
		return Pair{}, fmt.Errorf("the CA's certificate ends on %s, before that of %s would (%s): ask for fewer days, or make another CA",
			day(a.certificate.NotAfter), node, day(ends))
	}
	return a.Sign(&x509.Certificate{
		Subject:   pkix.Name{Organization: a.certificate.Subject.Organization, CommonName: node},
		DNSNames:  []string{HostOf(node)},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature,
		// A node calls and is called.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// Sign makes any other certificate, with a key of its own: what tests call
// strangers have some.
func (a *Authority) Sign(template *x509.Certificate) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key: %w", err)
	}
	certificate, err := sign(template, a.certificate, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("make a certificate: %w", err)
	}
	return pairOf(certificate, key)
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func pairOf(certificate *x509.Certificate, key crypto.Signer) (Pair, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("encode a key: %w", err)
	}
	return Pair{encodeCertificate(certificate), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}, nil
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// loadPair reads a certificate, with those between it and the CA behind it, and
// its key.
func loadPair(certificate, key string) (tls.Certificate, error) {
	own, err := readCertificates(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := readSecret(key, "private key")
	if err != nil {
		return tls.Certificate{}, err
	}
	var chain []byte
	for _, c := range own {
		chain = append(chain, encodeCertificate(c)...)
	}
	pair, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		// What it says may be of either file; it tells nothing of the key itself.
		return tls.Certificate{}, fmt.Errorf("private key %s and certificate %s don't go together: %w", key, certificate, err)
	}
	pair.Leaf = own[0]
	return pair, nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
