package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"starling/scheduling/transfer"
)

// storage reports what is wrong with where data lie, and how they come here.
func (k checker) storage(c *Config) {
	k.want(len(c.StorageElements) <= maxElements, "storageElements", "are %d; a site has at most %d", len(c.StorageElements), maxElements)
	for i, e := range c.StorageElements {
		key := fmt.Sprintf("storageElements[%d]", i)
		k.want(e.Name != transfer.Anywhere && sourceName(e.Name), key+".name", "%q is no name; write it as replicas of data name it, in at most %d printing bytes, as JPSRC_STORM", e.Name, maxSource)
		before := slices.IndexFunc(c.StorageElements[:i], func(o StorageElement) bool { return o.Name == e.Name })
		k.want(before < 0, key+".name", "%s is that of storageElements[%d] too", e.Name, before)
		k.want(e.URL == "" || elementURL(e.URL), key+".url",
			"%q is not the base of a storage, as https://storm.example.org:8443/ska is: without user, query and fragment", e.URL)
	}
	k.want(len(c.Bandwidths) <= transfer.MaxConfigured, "bandwidths", "are %d; at most %d can be set", len(c.Bandwidths), transfer.MaxConfigured)
	for i, l := range c.Bandwidths {
		key := fmt.Sprintf("bandwidths[%d]", i)
		k.want(l.From != transfer.Anywhere, key+".from", "%s is no source; for all that have no entry of their own set transfers.bandwidth", l.From)
		k.want(sourceName(l.From), key+".from",
			"%q is neither the name of a storage element, as SPSRC_STORM is, nor a host, as archive.example.org is", l.From)
		before := slices.IndexFunc(c.Bandwidths[:i], func(o Link) bool { return o.From == l.From })
		k.want(before < 0, key+".from", "%s is that of bandwidths[%d] too", l.From, before)
		own := slices.IndexFunc(c.StorageElements, func(e StorageElement) bool { return e.Name == l.From })
		k.want(own < 0, key+".from", "%s is this site's own; set storageElements[%d].bandwidth", l.From, own)
	}
}

// Bounds of what a site has.
const (
	maxElements = 100
	maxSource   = 200 // bytes
)

// sourceName reports whether a text may name a storage element or a host, which an
// address is, too.
func sourceName(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil || strings.TrimSpace(text) != "" && plainName(text, maxSource) && !strings.ContainsAny(text, "/:@?#[]")
}

// elementURL reports whether a text is a URL below which objects lie.
func elementURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && u.User == nil && !strings.ContainsAny(text, "?#") && u.RawPath == "" && plainName(text, maxRuleArg)
}
