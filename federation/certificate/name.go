package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"starling/federation/identity"
)

// nodeDomain marks the role: certificates of what isn't a node have names below
// another domain, or none.
const nodeDomain = ".node.starling"

// HostOf is the DNS name in a node's certificate. No server knows it.
func HostOf(node string) string { return node + nodeDomain }

// NodeOf returns the name of the node for which a certificate is. One for
// anything else, or for two nodes, is an error.
func NodeOf(c *x509.Certificate) (string, error) {
	var found string
	for _, host := range c.DNSNames {
		name, ok := strings.CutSuffix(host, nodeDomain)
		if !ok {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("the certificate names two nodes, %s and %s", found, name)
		}
		if err := identity.NodeName(name).Validate(); err != nil {
			return "", fmt.Errorf("the certificate's name %q: %w", host, err)
		}
		found = name
	}
	if found == "" {
		return "", fmt.Errorf("the certificate is no node's: none of its names (%s) ends in %s", strings.Join(c.DNSNames, ", "), nodeDomain)
	}
	return found, nil
}

// Fingerprint is the SHA-256 of a certificate in lower-case hexadecimal, as openssl
// x509 -fingerprint -sha256 prints it with colons and in capitals.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// FingerprintOf is that of the certificate in a PEM file, and the node for which it
// is.
func FingerprintOf(path string) (fingerprint, node string, err error) {
	found, err := readCertificates(path)
	if err != nil {
		return "", "", err
	}
	if node, err = NodeOf(found[0]); err != nil {
		return "", "", fmt.Errorf("certificate %s: %w", path, err)
	}
	return Fingerprint(found[0]), node, nil
}

// Ends is when the certificates with which the other end was verified are over.
func Ends(state tls.ConnectionState) time.Time { return endOf(state.VerifiedChains) }

// Left is for how long they are good yet, by the clock that verified them.
func (c *Credentials) Left(state tls.ConnectionState) time.Duration { return Ends(state).Sub(c.now()) }

// errNoCertificate is what no connection of Credentials can lead to.
var errNoCertificate = errors.New("the other side has shown no certificate that was verified")

// Peer returns the name of the node at the other end of a connection that was
// made with Credentials.
func Peer(state tls.ConnectionState) (string, error) {
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return "", errNoCertificate
	}
	return NodeOf(state.PeerCertificates[0])
}
