package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

func TestACertificateThatClientsWouldRefuseIsRefusedFirst(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		host   string
		want   string
	}{
		"good":             {func(*x509.Certificate) {}, "localhost", ""},
		"any host":         {func(*x509.Certificate) {}, "", ""},
		"of another host":  {func(*x509.Certificate) {}, "broker.example.org", "it must be for the host of url"},
		"over":             {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }, "localhost", "have another issued"},
		"not yet":          {func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, "localhost", "is this machine's clock right?"},
		"for clients only": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "localhost", "serverAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			pem, key := certificatetest.Server(t, t.TempDir(), c.change)
			_, err := certificate.LoadPublic(pem, key, c.host, time.Now)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, pem, "it says which file")
		})
	}
	t.Run("a key that others can read", func(t *testing.T) {
		pem, key := certificatetest.Server(t, t.TempDir())
		require.NoError(t, os.Chmod(key, 0o644))
		_, err := certificate.LoadPublic(pem, key, "localhost", time.Now)
		assert.ErrorContains(t, err, "chmod 600")
	})
	t.Run("a key of another certificate", func(t *testing.T) {
		pem, _ := certificatetest.Server(t, t.TempDir())
		_, key := certificatetest.Server(t, t.TempDir())
		_, err := certificate.LoadPublic(pem, key, "localhost", time.Now)
		assert.ErrorContains(t, err, "don't go together")
	})
}

// shownBy is the certificate that a server shows a client that speaks at most so
// new a TLS.
func shownBy(t *testing.T, p *certificate.Public, newest uint16) (*x509.Certificate, error) {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Server(there, p.Server()).Handshake()
		_ = there.Close()
	}()
	defer func() { _ = here.Close(); <-done }()
	conn := tls.Client(here, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: newest}) // only looked at
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestClientsSeeWhatWasReadLastAndABrokenPairChangesNothing(t *testing.T) {
	dir := t.TempDir()
	pem, key := certificatetest.Server(t, dir)
	p, err := certificate.LoadPublic(pem, key, "localhost", time.Now)
	require.NoError(t, err)
	first, err := shownBy(t, p, tls.VersionTLS13)
	require.NoError(t, err)

	certificatetest.Server(t, dir)
	before, err := shownBy(t, p, tls.VersionTLS13)
	require.NoError(t, err)
	assert.Equal(t, first.SerialNumber, before.SerialNumber, "not before it is told to")
	require.NoError(t, p.Reload())
	second, err := shownBy(t, p, tls.VersionTLS12)
	require.NoError(t, err)
	assert.NotEqual(t, first.SerialNumber, second.SerialNumber)

	require.NoError(t, os.WriteFile(key, []byte("broken"), 0o600))
	require.Error(t, p.Reload())
	third, err := shownBy(t, p, tls.VersionTLS13)
	require.NoError(t, err)
	assert.Equal(t, second.SerialNumber, third.SerialNumber)

	_, err = shownBy(t, p, tls.VersionTLS11)
	assert.Error(t, err, "nothing older than TLS 1.2")
}
