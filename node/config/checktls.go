package config

import (
	"net/url"
)

// tls reports what is wrong with the way in which clients reach a node.
func (k checker) tls(c *Config) {
	k.want(c.TLS.Certificate == "" || c.TLS.Key != "", "tls.key", "is needed with tls.certificate")
	k.want(c.TLS.Key == "" || c.TLS.Certificate != "", "tls.certificate", "is needed with tls.key")
	if c.TLS.Proxied {
		k.want(loopback(c.HTTP) || len(c.Proxies) > 0, "proxies",
			"is needed with tls.proxied, unless http is on loopback: say where the proxy is that ends TLS, so that nobody else is taken for it")
	}
	if u, err := url.Parse(c.URL); err == nil && c.URL != "" {
		k.want(u.Scheme == "https" || !c.TLS.Set() && !c.TLS.Proxied, "url",
			"%q must begin with https://, since clients reach this node over TLS", c.URL)
	}
}
