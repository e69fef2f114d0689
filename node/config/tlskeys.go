package config

// TLS is how clients reach this node in private.
type TLS struct {
	// The certificate that clients see, a PEM file, with those between it and its
	// CA behind it. It must be for the host of url. Files are read again when they
	// change, and on SIGHUP.
	Certificate string `key:"certificate" example:"/etc/starling/tls.pem"`
	// Its private key, a PEM file with mode 0600.
	Key string `key:"key" example:"/etc/starling/tls.key"`
	// Whether a proxy of the site ends TLS in front of this node, which then speaks
	// plain HTTP: on loopback, or else to those in proxies.
	Proxied bool `key:"proxied"`
}

// Set reports whether the node itself speaks TLS.
func (t TLS) Set() bool { return t.Certificate != "" || t.Key != "" }
