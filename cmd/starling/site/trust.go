package site

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"starling/api"
	"starling/api/auth"
	"starling/api/auth/exchange"
	"starling/api/auth/oidc"
	"starling/federation/outbound"
	"starling/node/config"
	"starling/node/credentials"
)

// trust is whose tokens a node believes, and what it makes of their bearers.
type trust struct {
	bearer  auth.Bearer
	issuers []api.Issuer
	// providers are the same issuers, by their URLs.
	providers map[string]*oidc.Provider
	// exchanges are those that give tokens in exchange for their users'.
	exchanges map[string]*exchange.Client
}

// openTrust begins to ask the configured issuers for their keys; none of them has
// to be there. The node's own key counts in development, or where configuration
// says so.
func openTrust(o Options, metrics prometheus.Registerer, stops *stack) (trust, error) {
	c := o.Config
	t := trust{providers: map[string]*oidc.Provider{}, exchanges: map[string]*exchange.Client{}}
	var trusted []auth.Trusted
	for _, issuer := range c.Auth.Issuers {
		client, err := issuerClient(o, issuer)
		if err != nil {
			return trust{}, err
		}
		provider, err := oidc.Open(oidc.Options{Issuer: issuer.URL, Client: client, Insecure: c.Dev, Logger: o.Log, Metrics: metrics, Now: o.Now})
		if err != nil {
			return trust{}, err
		}
		stops.push(func() error { provider.Close(); return nil })
		t.providers[issuer.URL] = provider
		if issuer.Exchange.ClientID != "" {
			if t.exchanges[issuer.URL], err = newExchange(o, issuer, provider, client); err != nil {
				return trust{}, err
			}
		}
		trusted = append(trusted, auth.Trusted{Name: issuer.URL, Audiences: c.Auth.Audience, Keys: provider, Groups: issuer.Groups})
		t.issuers = append(t.issuers, api.Issuer{
			URL: issuer.URL, ClientID: issuer.Login.ClientID, Scopes: issuer.Login.Scopes,
		})
	}
	mapping := auth.MappingOptions{Rules: c.Auth, Dev: c.Dev}
	if c.Dev || c.Auth.OwnKey {
		own, err := auth.LoadIssuer(c.Data)
		if err != nil {
			return trust{}, err
		}
		mapping.Own = own.Name()
		trusted = append(trusted, own.Trusted())
	}
	if c.Auth.OwnKey && !c.Dev {
		o.Log.Warn("auth.ownKey is set: whoever can read the data directory can be any user, with any role", "data", c.Data)
	}
	t.bearer = auth.Bearer{
		Verifier: auth.NewVerifier(o.Now, c.Auth.Leeway, trusted...), Mapping: auth.NewMapping(mapping), Dev: c.Dev,
	}
	return t, nil
}

// troubles are the issuers that don't answer, for /readyz.
func (t trust) troubles() []string {
	var all []string
	for _, issuer := range t.issuers {
		if err := t.providers[issuer.URL].Trouble(); err != nil {
			all = append(all, err.Error())
		}
	}
	return all
}

// issuerClient is the way to one issuer.
func issuerClient(o Options, issuer config.Issuer) (*http.Client, error) {
	c := o.Config
	options := outbound.Options{
		Allow: c.Outbound.Ranges(), AllowPrivate: c.Dev || issuer.AllowPrivate, HTTPS: !c.Dev,
		Connect: 5 * time.Second, Headers: 5 * time.Second, Whole: 10 * time.Second, MaxBody: 1 << 20, Now: o.Now,
	}
	var err error
	if options.RootCAs, err = authority(issuer.CA); err != nil {
		return nil, fmt.Errorf("read the authority of issuer %s (auth.issuers, ca): %w", issuer.URL, err)
	}
	return outbound.New(options), nil
}

// authority reads the certificates of an authority from a PEM file; nil, for the
// system's, where there is no file.
func authority(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}

// newExchange makes what gets tokens of an issuer in exchange for those of its
// users.
func newExchange(o Options, issuer config.Issuer, provider *oidc.Provider, client *http.Client) (*exchange.Client, error) {
	secret := exchange.SecretFile(issuer.Exchange.SecretFile)
	if _, err := secret(); err != nil {
		return nil, fmt.Errorf("issuer %s (auth.issuers, exchange): %w", issuer.URL, err)
	}
	return exchange.New(exchange.Options{
		Issuer: issuer.URL, ClientID: issuer.Exchange.ClientID, Secret: secret, HTTP: client, Now: o.Now,
		Endpoint: func(ctx context.Context) (exchange.Endpoint, error) {
			at, err := provider.Endpoints(ctx)
			return exchange.Endpoint{URL: at.Token, Grants: at.GrantTypes}, err
		},
	}), nil
}

// openCredentials makes what gets and keeps the tokens with which sessions' data
// are fetched; nil where no data want any.
func openCredentials(o Options, known trust) (*credentials.Keeper, error) {
	c := o.Config
	if len(c.DataTokens) == 0 {
		return nil, nil
	}
	options := credentials.Options{Dir: c.Data, Now: o.Now, Issuers: map[string]credentials.Issuer{}}
	for _, d := range c.DataTokens {
		options.Sources = append(options.Sources, credentials.Source(d))
	}
	for url, issuer := range known.exchanges {
		options.Issuers[url] = issuer
	}
	return credentials.Open(options)
}
