package login

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"starling/cmd/starling/internal/words"
)

// Origin is the scheme, host and port of a node's URL, in the one form in which
// they are compared: a token for one origin goes to no other.
func Origin(node string) (string, error) {
	u, err := url.Parse(node)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", fmt.Errorf("%q is not the URL of a node", node)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port), nil
}

// Offer is an issuer that a node believes, and as which client to log in there.
type Offer struct {
	Issuer string   `json:"issuer"`
	Client string   `json:"client_id"`
	Scopes []string `json:"scopes"`
}

// Resource is what a node says of who may come to it (RFC 9728 section 2); Offers
// are an extension of ours.
type Resource struct {
	URL     string   `json:"resource"`
	Issuers []string `json:"authorization_servers"`
	Offers  []Offer  `json:"starling_login"`
}

// resourcePath stands between the host and the path of a node's URL (RFC 9728
// section 3.1).
const resourcePath = "/.well-known/oauth-protected-resource"

// ErrNoIssuers says that a node names no issuer.
var ErrNoIssuers = errors.New("the node names no issuer to log in at: it takes tokens of `starling token` only, or is of another kind; --issuer and --client name one")

// Named asks a node which issuers it believes. A node that says it is another one
// is not believed: a token for that one would come here.
func (c Caller) Named(ctx context.Context, node string) (*Resource, error) {
	u, err := url.Parse(node)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(u.Path, "/")
	u.Path = resourcePath + path
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	var said Resource
	_, err = c.fetch(request, node, &said)
	var refused *Refused
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusUnauthorized) {
		return nil, ErrNoIssuers
	}
	var lost *Unreachable
	if errors.As(err, &lost) {
		return nil, fmt.Errorf("no answer from the node at %s: %w", node, lost.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the node %s for its issuers: %w", node, err)
	}
	asked, err := Origin(node)
	if err != nil {
		return nil, err
	}
	if its, err := Origin(said.URL); err != nil || its != asked {
		return nil, fmt.Errorf("the node at %s calls itself %.200q: ask it by that URL (--node), or have its operator set `url`", node, words.Clean(said.URL))
	}
	return &said, nil
}

// Choose picks the issuer to log in at: the one that is wanted, or the only one
// there is. client, where it isn't "", stands in for the offer's.
func (r *Resource) Choose(issuer, client string) (Offer, error) {
	offers := r.Offers
	for _, url := range r.Issuers {
		if !r.offers(url) {
			offers = append(offers, Offer{Issuer: url})
		}
	}
	var found []Offer
	var names []string
	for _, o := range offers {
		names = append(names, words.Cut(words.Clean(o.Issuer), 200))
		if issuer == "" || o.Issuer == issuer {
			found = append(found, o)
		}
	}
	list := strings.Join(names, ", ")
	switch {
	case len(offers) == 0:
		return Offer{}, ErrNoIssuers
	case len(found) == 0:
		return Offer{}, fmt.Errorf("the node doesn't believe the issuer %s, but %s", issuer, list)
	case len(found) > 1:
		return Offer{}, fmt.Errorf("the node believes several issuers; choose one with --issuer: %s", list)
	}
	if client != "" {
		found[0].Client = client
	}
	if found[0].Client == "" {
		return Offer{}, fmt.Errorf("the node names no client for logins at %s; --client names one", list)
	}
	return found[0], nil
}

func (r *Resource) offers(issuer string) bool {
	for _, o := range r.Offers {
		if o.Issuer == issuer {
			return true
		}
	}
	return false
}
