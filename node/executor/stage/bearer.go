package stage

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"starling/federation/identity"
)

// Bearer is a token that a file's server wants to see.
type Bearer struct {
	Token   identity.Secret // zero: none
	Expires time.Time
}

// ErrExpired says that a token ended before its file was there. With another one
// a new attempt may fare better.
var ErrExpired = errors.New("the token for it has expired; it is fetched again with another")

// show puts the token into a request to the very origin of the location. Where
// that redirects to another, package outbound takes it out again.
func (b Bearer) show(r *http.Request) error {
	if b.Token.IsZero() {
		return nil
	}
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		return permanent(errors.New("its token would go over the network in clear, and isn't sent; the location must be https"))
	}
	r.Header.Set("Authorization", "Bearer "+b.Token.Reveal())
	return nil
}

// refused says what an answer means that there is no access, 401 or 403.
func (b Bearer) refused(answered error) error {
	switch {
	case b.Token.IsZero():
		return permanent(because(answered, "the node has no credentials for it, make it public or use a signed URL"))
	case !time.Now().Before(b.Expires):
		return permanent(ErrExpired)
	}
	return permanent(because(answered, "it doesn't take the token that your issuer gave for this: may you read it? If so, the site's operator should look at dataTokens"))
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
