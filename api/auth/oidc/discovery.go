package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"starling/api/auth/jwks"
)

// wellKnown is where an issuer's document stands, below its URL.
const wellKnown = "/.well-known/openid-configuration"

// What an issuer may send; INDIGO IAM's document has 3 KiB.
const (
	maxDocument = 64 << 10 // bytes
	maxURL      = 2048
	maxGrants   = 64
)

// Endpoints is where an issuer does what, and what it offers. An endpoint that it
// hasn't is empty.
type Endpoints struct {
	Token               string   `json:"token_endpoint"`
	DeviceAuthorization string   `json:"device_authorization_endpoint"`
	Revocation          string   `json:"revocation_endpoint"`
	GrantTypes          []string `json:"grant_types_supported"`
}

// Offers reports whether the issuer says that it offers a grant.
func (e Endpoints) Offers(grantType string) bool { return slices.Contains(e.GrantTypes, grantType) }

// document is what is read of an issuer's.
type document struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
	Endpoints
}

// asker asks an issuer's server.
type asker struct {
	issuer   string
	client   *http.Client
	insecure bool // http on loopback will do
}

// ask fetches what the issuer says now. skipped says which of its keys are not
// used, and why.
func (a asker) ask(ctx context.Context) (d document, set jwks.Set, skipped []error, err error) {
	body, err := a.get(ctx, strings.TrimSuffix(a.issuer, "/")+wellKnown, maxDocument)
	if err != nil {
		return document{}, jwks.Set{}, nil, err
	}
	if d, err = a.parse(body); err != nil {
		return document{}, jwks.Set{}, nil, err
	}
	if body, err = a.get(ctx, d.Keys, jwks.MaxBytes); err != nil {
		return document{}, jwks.Set{}, nil, err
	}
	if set, skipped, err = jwks.Parse(body); err != nil {
		return document{}, jwks.Set{}, nil, fmt.Errorf("%s: %w", d.Keys, err)
	}
	return d, set, skipped, nil
}

// parse reads an issuer's document.
func (a asker) parse(body []byte) (document, error) {
	var d document
	if json.Unmarshal(body, &d) != nil {
		return document{}, errors.New("its document is not a JSON object with each member once")
	}
	// Another's document would bring another's keys.
	if d.Issuer != a.issuer {
		return document{}, fmt.Errorf("its document is that of issuer %.200q: configure exactly that, or mend the issuer", d.Issuer)
	}
	if d.Keys == "" {
		return document{}, errors.New("its document names no keys (jwks_uri)")
	}
	for _, endpoint := range []string{d.Keys, d.Token, d.DeviceAuthorization, d.Revocation} {
		if endpoint != "" && !a.fit(endpoint) {
			return document{}, fmt.Errorf("its document names %.200q, which is no https URL", endpoint)
		}
	}
	if len(d.GrantTypes) > maxGrants {
		return document{}, fmt.Errorf("its document names %d grant types; at most %d are read", len(d.GrantTypes), maxGrants)
	}
	return d, nil
}

// fit reports whether keys and tokens may travel to and from a URL.
func (a asker) fit(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || a.insecure && u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// get fetches a document of bounded size. Redirects are not followed.
func (a asker) get(ctx context.Context, from string, most int) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", from, answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", from, err)
	}
	if len(body) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", from, most)
	}
	return body, nil
}
