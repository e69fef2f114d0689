package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"starling/accounting"
	"starling/accounting/expression"
	"starling/federation/address"
	"starling/federation/identity"
)

// checker reports what is wrong with values that are well formed, naming the
// source of the key that should be changed.
type checker struct {
	sources map[string]string
	bad     *problems
}

// want reports a key unless the condition holds.
func (k checker) want(holds bool, key, format string, args ...any) {
	if !holds {
		k.bad.add(k.source(key), key, format, args...)
	}
}

// source is where a key stands or, where it is missing, what it is missing in.
func (k checker) source(key string) string {
	for at := key; at != ""; at = at[:max(0, strings.LastIndexAny(at, ".["))] {
		if source := k.sources[at]; source != "" {
			return source
		}
	}
	return "default"
}

// check is what bounds of single values can't say.
func (c *Config) check(k checker) {
	if err := identity.NodeName(c.Name).Validate(); err != nil {
		k.want(false, "name", "%s", err)
	}
	k.address(c)
	k.want(c.Data != "", "data", "must name a directory")
	k.want(len(slices.Compact(slices.Sorted(slices.Values(c.Executors)))) == len(c.Executors), "executors", "names an executor twice")
	k.want(c.Offers.DefaultDuration <= c.Offers.MaxDuration, "offers.defaultDuration",
		"%s is longer than offers.maxDuration, %s",
		formatDuration(c.Offers.DefaultDuration), formatDuration(c.Offers.MaxDuration))
	for i, proxy := range c.Proxies {
		k.want(isNetwork(proxy), "proxies", "entry %d, %q, is neither an address nor a network, as 10.0.0.0/8 is", i+1, proxy)
	}
	if _, i, err := address.ParseRanges(c.Connect.Networks); err != nil {
		k.want(false, "connect.networks", "entry %d, %s", i+1, err)
	}
	if _, i, err := address.ParseRanges(c.Outbound.Allow); err != nil {
		k.want(false, "outbound.allow", "entry %d, %s", i+1, err)
	}
	k.tls(c)
	k.tracing(c.Tracing)
	k.federation(c)
	k.auth(c)
	k.storage(c)
	k.tariff(c.Tariff)
	k.policy(c)
}

func (k checker) address(c *Config) {
	_, port, err := net.SplitHostPort(c.HTTP)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil {
		k.want(false, "http", "%q is not HOST:PORT, as 127.0.0.1:7733 is", c.HTTP)
		return
	}
	k.want(!c.Dev || loopback(c.HTTP), "http",
		"%s can be reached from outside; a development node listens on loopback only, as 127.0.0.1:%s is", c.HTTP, port)
	k.want(!wildcard(c.HTTP) || c.URL != "", "url",
		"is needed with the wildcard address %s: clients must know under which name to find this node", c.HTTP)
	k.want(n != 0 || c.URL != "", "url", "is needed with port 0")
	if c.URL == "" {
		return
	}
	k.want(baseOfURLs(c.URL), "url", "%q is not the base of URLs, as https://broker.example.org is", c.URL)
	pages := strings.Replace(c.Connect.URL, "*", "x", 1)
	k.want(pages == "" || baseOfURLs(pages), "connect.url", "%q is not the base of URLs, as https://*.pages.example.org is", c.Connect.URL)
	k.want(pages == "" || hostOf(pages) != hostOf(c.URL), "connect.url", "%q has the host of url; pages of sessions want one of their own", c.Connect.URL)
}

func baseOfURLs(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

func (k checker) tariff(t Tariff) {
	k.want(currency.MatchString(t.Currency), "tariff.currency", "%q is not three capital letters, as EUR is", t.Currency)
	if !currency.MatchString(t.Currency) {
		return
	}
	if _, err := t.Costs(); err != nil {
		k.expressions("tariff.", err)
	}
}

// policy reports what is wrong with a site's policy. Without a tariff that can be
// read, nobody knows what has a price.
func (k checker) policy(c *Config) {
	costs, err := c.Tariff.Costs()
	if err != nil {
		return
	}
	if _, err := c.Policy.Compile(c.Name, costs.Units()); err != nil {
		k.expressions("policy.", err)
	}
}

// expressions reports what is wrong with models and discounts, or with rules, one
// by one.
func (k checker) expressions(above string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			k.expressions(above, one)
		}
		return
	}
	var at *expression.Error
	if errors.As(err, &at) {
		k.want(false, above+at.Key, "%s", at.Detail())
		return
	}
	// The simple tariff's errors begin with the key and end with the reason.
	key, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), above[:len(above)-1]+": "), ": ")
	reason := err.Error()
	if refusal := new(accounting.Refusal); errors.As(err, &refusal) {
		reason = refusal.Reason
	}
	k.want(false, above+key, "%s", reason)
}

func isNetwork(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}
