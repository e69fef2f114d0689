package config

import (
	"net"
	"net/url"
	"strings"
)

// tracing reports what is wrong with where spans go.
func (k checker) tracing(t Tracing) {
	k.want(t.Endpoint != "" || t.CA == "", "tracing.endpoint", "is needed with tracing.ca: it says where spans go")
	k.want(t.Endpoint != "" || t.HeadersFile == "", "tracing.endpoint", "is needed with tracing.headersFile: it says where spans go")
	if t.Endpoint == "" {
		return
	}
	if u, err := url.Parse(t.Endpoint); err == nil && u.User != nil {
		k.want(false, "tracing.endpoint", "has a user's name in it, and perhaps a password: what the collector wants to see goes into tracing.headersFile")
		return
	}
	k.want(baseOfURLs(t.Endpoint), "tracing.endpoint", "%q is not the base of a collector's URLs, as https://collector.example.org:4318 is", t.Endpoint)
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return
	}
	k.want(!strings.HasSuffix(u.Path, "/v1/traces"), "tracing.endpoint", "%q: leave out /v1/traces, which is added", t.Endpoint)
	k.want(t.HeadersFile == "" || u.Scheme == "https" || loopback(net.JoinHostPort(u.Hostname(), "0")), "tracing.endpoint",
		"%q must begin with https:// where there is tracing.headersFile: what is in it would go over the network in clear", t.Endpoint)
}
