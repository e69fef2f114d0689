// Package certificatetest gives tests a federation's CA and the credentials of
// nodes, good ones and others.
package certificatetest

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
)

// A CA vouches for the nodes of one test.
type CA struct {
	*certificate.Authority
	dir string
}

// New makes a CA whose files end with the test.
func New(t testing.TB) *CA {
	t.Helper()
	authority, err := certificate.NewAuthority("test", time.Now(), 10*24*time.Hour)
	require.NoError(t, err)
	return &CA{authority, t.TempDir()}
}

// Files writes a new certificate of a node, over what was written before.
func (ca *CA) Files(t testing.TB, node string) certificate.Files {
	t.Helper()
	pair, err := ca.Issue(node, time.Now(), 24*time.Hour)
	require.NoError(t, err)
	return ca.write(t, node, pair)
}

// Odd writes a certificate that is like a node's but for what change does to it.
func (ca *CA) Odd(t testing.TB, node string, change func(*x509.Certificate)) certificate.Files {
	t.Helper()
	template := &x509.Certificate{
		DNSNames:  []string{certificate.HostOf(node)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(template)
	pair, err := ca.Sign(template)
	require.NoError(t, err)
	return ca.write(t, node, pair)
}

// Credentials are those of a node.
func (ca *CA) Credentials(t testing.TB, node string) *certificate.Credentials {
	t.Helper()
	credentials, err := certificate.Load(ca.Files(t, node), node, time.Now)
	require.NoError(t, err)
	return credentials
}

func (ca *CA) write(t testing.TB, node string, pair certificate.Pair) certificate.Files {
	t.Helper()
	files := certificate.Files{
		CA:          filepath.Join(ca.dir, "ca.pem"),
		Certificate: filepath.Join(ca.dir, node+".pem"),
		Key:         filepath.Join(ca.dir, node+"-key.pem"),
	}
	require.NoError(t, os.WriteFile(files.CA, ca.Certificate(), 0o600))
	require.NoError(t, os.WriteFile(files.Certificate, pair.Certificate, 0o600))
	require.NoError(t, os.WriteFile(files.Key, pair.Key, 0o600))
	return files
}
