package systemtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// issuer is `starling issuer` in a process of its own, with a certificate that
// only who is told so believes.
type issuer struct {
	*launch.Process
	t                *testing.T
	url, data        string
	authority        string // PEM file
	certificate, key string
}

// issue starts an issuer.
func issue(t *testing.T, flags ...string) *issuer {
	t.Helper()
	dir := t.TempDir()
	i := &issuer{t: t, data: filepath.Join(dir, "issuer"), certificate: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	i.authority = i.certificate
	i.certify()
	i.Process = &launch.Process{Program: binary, Log: filepath.Join(dir, "issuer.log")}
	i.start("127.0.0.1:0", flags...)
	t.Cleanup(func() {
		assert.NoError(t, i.Stop(patience))
		assert.NotContains(t, i.Said(), "DATA RACE")
		assert.NotContains(t, i.Said(), "panic")
	})
	return i
}

// certify makes a certificate for loopback, of nobody but itself.
func (i *issuer) certify() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(i.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(i.t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(i.t, err)
	require.NoError(i.t, os.WriteFile(i.certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(i.t, os.WriteFile(i.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}

func (i *issuer) start(listen string, flags ...string) {
	i.t.Helper()
	i.Arguments = append([]string{"issuer", "--listen", listen, "--data", i.data, "--tls-cert", i.certificate, "--tls-key", i.key}, flags...)
	said := len(i.Said())
	require.NoError(i.t, i.Start())
	named := regexp.MustCompile(`it is (https://\S+), with`)
	eventually(i.t, "the issuer to say where it is", func() bool {
		if !i.Alive() {
			i.t.Fatalf("the issuer has ended; it said:\n%s", i.Said())
		}
		found := named.FindStringSubmatch(i.Said()[said:])
		if found != nil {
			i.url = found[1]
		}
		return found != nil
	})
}

// client believes the issuer's certificate.
func (i *issuer) client() *http.Client {
	text, err := os.ReadFile(i.authority)
	require.NoError(i.t, err)
	pool := x509.NewCertPool()
	require.True(i.t, pool.AppendCertsFromPEM(text))
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// believing starts a node that believes an issuer.
func believing(t *testing.T, i *issuer) *Node {
	t.Helper()
	n := newNode(t, filepath.Join(t.TempDir(), "data"))
	config, err := os.OpenFile(n.Data+".yaml", os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	fmt.Fprintf(config, `
auth:
  issuers:
    - {url: %q, ca: %q, allowPrivate: true, prefix: "ska:", login: {clientID: starling}}
  roles:
    - {role: user, user: "*"}
    - {role: auditor, group: ska/auditors}
`, i.url, i.authority)
	require.NoError(t, config.Close())
	n.Start()
	return n
}

// asUser runs one command line of somebody who has no token but that of a login.
func (n *Node) asUser(i *issuer, args ...string) said {
	n.t.Helper()
	return command(n.t, n.userEnv(i), "", args...)
}

func (n *Node) userEnv(i *issuer) []string {
	return []string{"STARLING_NODE=" + n.URL, "STARLING_CA=" + i.authority, "STARLING_TOKEN=", "COLUMNS=80", "XDG_CONFIG_HOME=" + n.Data + "-home"}
}

// logIn runs `starling login`, and says yes on the issuer's page.
func (n *Node) logIn(i *issuer, user, groups string) said {
	t := n.t
	t.Helper()
	var out bytes.Buffer
	errs := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(errs)
	require.NoError(t, err)
	defer file.Close()
	login := exec.Command(binary, "login")
	login.Env = append(os.Environ(), n.userEnv(i)...)
	login.Stdout, login.Stderr = &out, file
	require.NoError(t, login.Start())
	shown := regexp.MustCompile(`enter  (\S+)\n`)
	var code string
	eventually(t, "a code", func() bool {
		text, _ := os.ReadFile(errs)
		if found := shown.FindSubmatch(text); found != nil {
			code = string(found[1])
		}
		return code != ""
	})
	resp, err := i.client().PostForm(i.url+"/device", url.Values{"user_code": {code}, "user": {user}, "groups": {groups}, "answer": {"yes"}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	_ = login.Wait() // its status is looked at
	text, err := os.ReadFile(errs)
	require.NoError(t, err)
	return said{login.ProcessState.ExitCode(), out.String(), string(text)}
}

// outlive waits until the token of the user's login is over.
func (n *Node) outlive(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(n.Data + "-home/starling/logins/*.json")
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var kept struct{ Expires time.Time }
	require.NoError(t, json.Unmarshal(text, &kept))
	eventually(t, "the token to be over", func() bool { return time.Now().After(kept.Expires) })
}

// A user logs in at an issuer that the node believes, and is that user at the
// node from then on: over the ends of tokens, a change of keys, and an issuer
// that is killed.
func TestAUserLogsInAtAnIssuerOfTheNode(t *testing.T) {
	t.Parallel()
	i := issue(t, "--for", "5s")
	n := believing(t, i)
	got := n.logIn(i, "alice", "ska/pulsars ska/auditors")
	require.Zero(t, got.status, got.err)
	assert.Contains(t, got.err, "logged in as ska:alice at test\n")
	assert.NotContains(t, i.Said()+n.Said()+got.err, "eyJ", "a token is in no log")

	who := func() string {
		t.Helper()
		got := n.asUser(i, "whoami")
		assert.Zero(t, got.status, got.err)
		return got.out
	}
	assert.Regexp(t, `user +ska:alice\n`, who())
	assert.Regexp(t, `roles +(user, auditor|auditor, user)\n`, who())
	got = n.asUser(i, "run", "--", "sh", "-c", "sleep 8; echo done")
	require.Zero(t, got.status, got.err)
	assert.Equal(t, "done\n", got.out, "longer than a token is good")

	// A new key signs at once, which nodes find out within half a minute.
	before := n.asUser(i, "token", "--user", "carol", "--issuer", i.data)
	require.Zero(t, before.status, before.err)
	require.Zero(t, n.asUser(i, "issuer", "rotate", "--data", i.data, "--key", "rs256", "--ahead", "0s").status)
	after := n.asUser(i, "token", "--user", "carol", "--issuer", i.data)
	require.Zero(t, after.status, after.err)
	taken := func(token said) bool {
		return n.asUser(i, "whoami", "--token", strings.TrimSpace(token.out)).status == 0
	}
	eventually(t, "the node to know the new key", func() bool { return taken(after) })
	assert.True(t, taken(before), "the old one is published still")

	// Many processes at once refresh the login once, so that it goes on.
	for range 2 {
		n.outlive(t)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				got := n.asUser(i, "whoami")
				assert.Zero(t, got.status, got.err)
				assert.Regexp(t, `user +ska:alice\n`, got.out)
			})
		}
		wait.Wait()
	}

	// Its logins outlive the issuer's process, and nodes need it only for keys.
	i.Kill()
	assert.Equal(t, 0, n.asUser(i, "--token", "", "nodes").status)
	i.start(strings.TrimPrefix(i.url, "https://"), "--for", "5s")
	n.outlive(t)
	assert.Regexp(t, `user +ska:alice\n`, who())

	// What a script asks for, the node takes; what is for another, it doesn't.
	script := n.asUser(i, "token", "--user", "bob", "--issuer", i.data)
	require.Zero(t, script.status, script.err)
	assert.Contains(t, n.asUser(i, "whoami", "--token", strings.TrimSpace(script.out)).out, "ska:bob")
	script = n.asUser(i, "token", "--user", "bob", "--issuer", i.data, "--audience", "https://broker.example.org")
	got = n.asUser(i, "whoami", "--token", strings.TrimSpace(script.out))
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "it is for another audience")

	got = n.asUser(i, "logout")
	assert.Zero(t, got.status)
	assert.Contains(t, got.err, "is forgotten, and over at "+i.url)
	assert.Regexp(t, `user +dev\n`, who())
}
