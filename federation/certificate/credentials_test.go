package certificate_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

func TestCredentialsAreOfTheNodeAndEndWithItsCertificate(t *testing.T) {
	ca := certificatetest.New(t)
	credentials := ca.Credentials(t, "jodrell")
	assert.Equal(t, "jodrell", credentials.Name())
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), credentials.Expires(), time.Minute)
}

// What ends first counts: nobody believes a certificate whose CA has ended.
func TestCredentialsEndWithTheirCA(t *testing.T) {
	ca := certificatetest.New(t)
	files := ca.Odd(t, "a", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(1000 * 24 * time.Hour) })
	credentials, err := certificate.Load(files, "a", time.Now)
	require.NoError(t, err)
	assert.Equal(t, ca.Expires().UTC(), credentials.Expires().UTC())
}

// Each mistake is found at the start, not when the first node calls.
func TestBadCredentialsAreRefusedWithTheFileAndTheReason(t *testing.T) {
	ca, other := certificatetest.New(t), certificatetest.New(t)
	good, foreign := ca.Files(t, "a"), other.Files(t, "a")
	odd := func(change func(*x509.Certificate)) certificate.Files { return ca.Odd(t, "odd", change) }
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	open := filepath.Join(dir, "open-key.pem")
	key, err := os.ReadFile(good.Key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(open, key, 0o600))
	require.NoError(t, os.Chmod(open, 0o640))

	for name, c := range map[string]struct {
		files certificate.Files
		node  string
		want  []string
	}{
		"nothing": {certificate.Files{}, "a", []string{"the CA: certificate: no file is given"}},
		"no CA": {certificate.Files{CA: dir + "/none.pem", Certificate: good.Certificate, Key: good.Key}, "a",
			[]string{dir + "/none.pem", "no such file"}},
		"no PEM": {certificate.Files{CA: file("empty.pem", "hello", 0o600), Certificate: good.Certificate, Key: good.Key}, "a",
			[]string{dir + "/empty.pem", "there is none in it"}},
		"too large": {certificate.Files{CA: file("large.pem", string(make([]byte, 2<<20)), 0o600), Certificate: good.Certificate, Key: good.Key}, "a",
			[]string{dir + "/large.pem", "larger than 1024 KiB"}},
		"a key for a certificate": {certificate.Files{CA: good.CA, Certificate: good.Key, Key: good.Key}, "a",
			[]string{good.Key, "it holds a PRIVATE KEY"}},
		"a certificate for a key": {certificate.Files{CA: good.CA, Certificate: good.Certificate, Key: good.Certificate}, "a",
			[]string{good.Certificate, "don't go together"}},
		"a node's certificate for the CA's": {certificate.Files{CA: good.Certificate, Certificate: good.Certificate, Key: good.Key}, "a",
			[]string{good.Certificate, "is not a CA's"}},
		"others can read the key": {certificate.Files{CA: good.CA, Certificate: good.Certificate, Key: open}, "a",
			[]string{open, "others can read it (its mode is 0640): chmod 600 " + open}},
		"another key": {certificate.Files{CA: good.CA, Certificate: good.Certificate, Key: foreign.Key}, "a",
			[]string{foreign.Key, good.Certificate, "don't go together"}},
		"another CA": {certificate.Files{CA: good.CA, Certificate: foreign.Certificate, Key: foreign.Key}, "a",
			[]string{foreign.Certificate, "it is not of the CA in " + good.CA}},
		"another node": {good, "b", []string{good.Certificate, "the certificate is for a, this node is b"}},
		"expired":      {odd(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "odd", []string{"it ended on", "starling keygen node"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certificate.Load(c.files, c.node, time.Now)
			for _, want := range append(c.want, "node "+c.node) {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "BEGIN")
		})
	}
}

// The role stands in the name: a certificate of the CA is not enough.
func TestACertificateOfAnotherRoleIsNoNodes(t *testing.T) {
	ca := certificatetest.New(t)
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		want   string
	}{
		"not yet":          {func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, "is this machine's clock right?"},
		"no name":          {func(c *x509.Certificate) { c.DNSNames = nil }, "the certificate is no node's"},
		"an executor":      {func(c *x509.Certificate) { c.DNSNames = []string{"a.executor.starling"} }, "none of its names (a.executor.starling) ends in .node.starling"},
		"deeper":           {func(c *x509.Certificate) { c.DNSNames = []string{"a.b.node.starling"} }, "lower-case letters"},
		"any node":         {func(c *x509.Certificate) { c.DNSNames = []string{"*.node.starling"} }, "lower-case letters"},
		"two nodes":        {func(c *x509.Certificate) { c.DNSNames = []string{"a.node.starling", "b.node.starling"} }, "names two nodes, a and b"},
		"a common name":    {func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "a.node.starling" }, "the certificate is no node's"},
		"servers only":     {func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }, "for servers and for clients"},
		"clients only":     {func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] }, "for servers and for clients"},
		"a host elsewhere": {func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "example.org") }, "not permitted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certificate.Load(ca.Odd(t, "a", c.change), "a", time.Now)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// Files that were exchanged badly leave the node with what it had.
func TestReloadTakesAllOrNothing(t *testing.T) {
	ca := certificatetest.New(t)
	files := ca.Files(t, "a")
	credentials, err := certificate.Load(files, "a", time.Now)
	require.NoError(t, err)
	before := credentials.Expires()

	require.NoError(t, os.WriteFile(files.Certificate, []byte("half a certif"), 0o600))
	assert.ErrorContains(t, credentials.Reload(), files.Certificate)
	assert.Equal(t, before, credentials.Expires())

	ca.Odd(t, "a", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(2 * time.Hour) })
	require.NoError(t, credentials.Reload())
	assert.NotEqual(t, before, credentials.Expires())
}

func TestTheCAVouchesForNoNodeLongerThanItself(t *testing.T) {
	ca := certificatetest.New(t)
	_, err := ca.Issue("a", time.Now(), 11*24*time.Hour)
	assert.ErrorContains(t, err, "the CA's certificate ends on")
	_, err = ca.Issue("A.b", time.Now(), time.Hour)
	assert.ErrorContains(t, err, "node name")
}

func TestACAIsReadBackFromItsFiles(t *testing.T) {
	made, err := certificate.NewAuthority("flock", time.Now(), time.Hour)
	require.NoError(t, err)
	pair, err := made.Pair()
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
	require.NoError(t, certificate.WriteNew(
		certificate.File{Path: cert, Content: pair.Certificate}, certificate.File{Path: key, Content: pair.Key, Secret: true}))
	read, err := certificate.LoadAuthority(cert, key)
	require.NoError(t, err)
	assert.Equal(t, made.Certificate(), read.Certificate())

	files := certificatetest.New(t).Files(t, "a")
	_, err = certificate.LoadAuthority(files.Certificate, files.Key)
	assert.ErrorContains(t, err, "is not a CA's certificate")
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "key"), filepath.Join(dir, "cert")
	require.NoError(t, os.WriteFile(second, []byte("precious"), 0o600))
	err := certificate.WriteNew(
		certificate.File{Path: first, Content: []byte("new"), Secret: true}, certificate.File{Path: second, Content: []byte("new")})
	assert.ErrorContains(t, err, second+" is there already")
	assert.NoFileExists(t, first, "all or nothing")
	text, err := os.ReadFile(second)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(text))

	require.NoError(t, certificate.WriteNew(certificate.File{Path: first, Content: []byte("new"), Secret: true}))
	info, err := os.Stat(first)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestTheKeyIsTheCertificatesAsItWasReadLast(t *testing.T) {
	ca := certificatetest.New(t)
	c := ca.Credentials(t, "a")
	first, edition := c.Key(), c.Edition()
	ca.Files(t, "a")
	assert.Equal(t, first, c.Key(), "not before it is told to")
	require.NoError(t, c.Reload())
	assert.NotEqual(t, first, c.Key())
	assert.NotEqual(t, edition, c.Edition())
}
