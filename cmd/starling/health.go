package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/localhost"
	"starling/node/config"
)

// newHealth returns the command that Docker, systemd and Kubernetes ask.
func newHealth(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Say whether a node takes work, for health checks",
		Long: `Ask a node's /readyz: the exit status is 0 where it takes work, and 1 with the reasons
where it doesn't. It needs no token.

Without --node it is the node of this machine that has the configuration in --config,
at the address where that listens. Its certificate isn't looked at then: nothing secret
is sent, and whether clients believe it is for those to say.`,
		Example: `  starling health --config /etc/starling/site.yaml
  starling health --node https://broker.example.org`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask, err := a.healthQuestion(cmd, file)
			if err != nil {
				return err
			}
			defer ask.client.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(cmd.Context(), min(a.timeout, healthTimeout))
			defer cancel()
			return a.tellHealth(ctx, ask)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file of a node of this machine (STARLING_CONFIG)")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

// healthTimeout bounds the question: who asks asks again in seconds.
const healthTimeout = 10 * time.Second

// healthQuestion is whom to ask, and how.
type healthQuestion struct {
	url    string
	client *http.Client
}

func (a *app) healthQuestion(cmd *cobra.Command, file string) (healthQuestion, error) {
	transport := &http.Transport{DialContext: localhost.Aware((&net.Dialer{}).DialContext)}
	q := healthQuestion{client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if a.healthByURL(file) {
		authorities, err := a.authorities()
		if err != nil {
			return q, err
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
		u, err := url.Parse(a.nodeURL())
		if err != nil || u.Host == "" {
			return q, usage("--node: %q is not the URL of a node, as http://127.0.0.1:7733 is", a.nodeURL())
		}
		q.url = strings.TrimRight(a.nodeURL(), "/")
		return q, nil
	}
	c, err := a.loadConfig(cmd.Flags(), settings{file: file})
	if err != nil {
		return q, err
	}
	scheme, address, err := listens(c)
	if err != nil {
		return q, err
	}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // see Long
	q.url = scheme + "://" + address
	return q, nil
}

// healthByURL reports whether a URL says which node is asked, rather than the
// configuration of one of this machine.
func (a *app) healthByURL(file string) bool {
	switch {
	case a.node != "" || file != "":
		return a.node != ""
	case a.getenv("STARLING_NODE") != "":
		return true
	}
	return a.getenv("STARLING_CONFIG") == ""
}

// listens is where on this machine a node with this configuration is reached.
func listens(c config.Config) (scheme, address string, err error) {
	scheme = "http"
	if c.TLS.Set() {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(c.HTTP)
	if err != nil {
		return "", "", fmt.Errorf("http: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if err == nil && ip.Is6() {
			host = "::1"
		}
	}
	return scheme, net.JoinHostPort(host, port), nil
}

// maxReadiness bounds what is read of an answer, in bytes.
const maxReadiness = 64 << 10

func (a *app) tellHealth(ctx context.Context, ask healthQuestion) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ask.url+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := ask.client.Do(r)
	if err != nil {
		return fmt.Errorf("the node doesn't answer: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReadiness))
	if err != nil {
		return fmt.Errorf("the node at %s breaks its answer off: %w", ask.url, err)
	}
	var said struct {
		Reasons, Messages []string
	}
	understood := json.Unmarshal(text, &said) == nil
	switch {
	case answer.StatusCode == http.StatusOK && understood:
		say(a.out, "the node at %s takes work", ask.url)
		for _, m := range said.Messages {
			say(a.err, "! %s", m)
		}
		return nil
	case len(said.Reasons) > 0:
		return fmt.Errorf("the node at %s takes no work: %s", ask.url, strings.Join(said.Reasons, "; "))
	}
	return fmt.Errorf("what is at %s is no node that takes work: its /readyz answers %s", ask.url, answer.Status)
}
