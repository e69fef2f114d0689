package config

import (
	"net"
	"net/url"
	"strings"

	"starling/federation/identity"
)

// derive fills in what depends on other values and on the host.
func (c *Config) derive(host string) {
	if c.Name == "" {
		c.Name = nameOf(host)
		if c.Dev || c.Name == "" {
			c.Name = "dev"
		}
	}
	c.URL = strings.TrimRight(c.URL, "/")
	if c.URL == "" && !wildcard(c.HTTP) {
		c.URL = "http://" + c.HTTP
		if c.TLS.Set() {
			c.URL = "https://" + c.HTTP
		}
	}
	if len(c.Auth.Audience) == 0 && c.URL != "" {
		c.Auth.Audience = []string{c.URL}
	}
	c.Tracing.Endpoint = strings.TrimRight(c.Tracing.Endpoint, "/")
	c.Connect.URL = strings.TrimRight(c.Connect.URL, "/")
	if c.Connect.URL == "" && c.Dev {
		c.Connect.URL = otherLoopback(c.URL)
	}
}

// otherLoopback is a URL of this machine with another name for it, which makes
// it another origin for browsers; "" where the URL is not of this machine.
func otherLoopback(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || !loopback(net.JoinHostPort(u.Hostname(), "0")) {
		return ""
	}
	other := "localhost"
	if u.Hostname() == other {
		other = "127.0.0.1"
	}
	if u.Port() != "" {
		other = net.JoinHostPort(other, u.Port())
	}
	u.Host = other
	return u.String()
}

// nameOf makes a node name of a host's first label, or "" where it can't be one.
func nameOf(host string) string {
	label, _, _ := strings.Cut(strings.ToLower(host), ".")
	if identity.NodeName(label).Validate() != nil {
		return ""
	}
	return label
}

// wildcard reports whether an address stands for all of the host's addresses.
func wildcard(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// loopback reports whether an address can only be reached from this machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Or returns the capacities, those that are zero taken from the machine's. GPUs
// are only what was said.
func (c Capacity) Or(machine Capacity) Capacity {
	if c.Cores == 0 {
		c.Cores = machine.Cores
	}
	if c.Memory == 0 {
		c.Memory = machine.Memory
	}
	if c.Storage == 0 {
		c.Storage = machine.Storage
	}
	return c
}
