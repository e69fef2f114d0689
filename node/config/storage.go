package config

import (
	"net/url"
	"strings"

	"starling/scheduling"
	"starling/scheduling/transfer"
)

// Host is that of the element's URL, "" where it has none.
func (e StorageElement) Host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// TransferSite is how data come to the site, as it is configured. Hosts are written
// in any case.
func (c *Config) TransferSite() transfer.Site {
	site := transfer.Site{
		Start: scheduling.SpanOf(c.Transfers.Start), Size: int64(c.Transfers.Size),
		Links: []transfer.Link{{Source: transfer.Anywhere, Rate: transfer.Rate(c.Transfers.Bandwidth)}},
	}
	for _, e := range c.StorageElements {
		site.Elements = append(site.Elements, transfer.Element{Name: e.Name, Host: e.Host(), Rate: transfer.Rate(e.Bandwidth)})
	}
	for _, l := range c.Bandwidths {
		site.Links = append(site.Links, transfer.Link{Source: l.From, Rate: transfer.Rate(l.Bandwidth)})
		if host := strings.ToLower(l.From); host != l.From && strings.Contains(host, ".") {
			site.Links = append(site.Links, transfer.Link{Source: host, Rate: transfer.Rate(l.Bandwidth)})
		}
	}
	return site
}
