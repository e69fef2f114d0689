package node

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"starling/api/ivoa"
	"starling/node/config"
	"starling/scheduling/transfer"
)

// Where the data of a request are to be had, in the words of package transfer.

// copied is one place where a piece of data is to be had: its storage element, or
// the host of its URL, and that URL, "" where nobody but who knows the data lake can
// tell.
type copied struct {
	source, location string
	host             bool // source is a host
}

// itemsOf is what a request reads.
func itemsOf(data []ivoa.DataResource) []transfer.Item {
	var items []transfer.Item
	for i, d := range data {
		items = append(items, itemOf(i, d, copiesOf(d, nil)))
	}
	return items
}

// fetchable are the copies that count at this site: those of which there is a URL,
// if any, since that is what most executors need.
func fetchable(copies []copied) []copied {
	located := slices.DeleteFunc(slices.Clone(copies), func(c copied) bool { return c.location == "" })
	if len(located) > 0 {
		return located
	}
	return copies
}

func itemOf(i int, d ivoa.DataResource, copies []copied) transfer.Item {
	item := transfer.Item{Name: d.Base().Name(), Bytes: max(dataBytes(d), 0)}
	if item.Name == "" {
		item.Name = "data " + strconv.Itoa(i+1)
	}
	for _, c := range copies {
		item.Sources = append(item.Sources, c.source)
	}
	return item
}

// copiesOf finds the places where a piece of data is to be had, in the order in which
// the request has them. The site's own elements know URLs of replicas that have none.
func copiesOf(d ivoa.DataResource, elements []config.StorageElement) []copied {
	switch d := d.(type) {
	case *ivoa.SimpleDataResource:
		content, _ := ivoa.ParseContent(d.Location)
		return atHost(content.Location, content.Location)
	case *ivoa.S3DataResource:
		return atHost(d.Endpoint, "")
	case *ivoa.RucioDataResource: // it says where its replicas are, which this node doesn't ask
		if d.Rucio != nil {
			return atHost(d.Rucio.Endpoint, "")
		}
	case *ivoa.IvoaDataResource:
		return atHost(accessURL(d.Ivoa), "")
	case *ivoa.SkaoDataResource:
		if d.Skao != nil && len(d.Skao.Replicas) > 0 {
			return replicasOf(d.Skao, elements)
		}
		return atHost(accessURL(d.Ivoa), "")
	}
	return nil
}

// atHost is a copy at the host of a URL, or at a bare host.
func atHost(at, location string) []copied {
	host := hostOf(at)
	if host == "" {
		return nil
	}
	return []copied{{host, location, true}}
}

func hostOf(at string) string {
	if !strings.Contains(at, "://") {
		at = "//" + at
	}
	u, err := url.Parse(at)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func accessURL(i *ivoa.Ivoa) string {
	switch {
	case i == nil:
		return ""
	case i.DataLink != nil && i.DataLink.AccessURL != "":
		return i.DataLink.AccessURL
	case i.ObsCore != nil:
		return i.ObsCore.AccessURL
	}
	return ""
}

// replicasOf finds the replicas of an object of the data lake.
func replicasOf(s *ivoa.Skao, elements []config.StorageElement) []copied {
	var all []copied
	for _, r := range s.Replicas {
		c := copied{source: r.RSEName, location: r.DataURL}
		if u, err := url.Parse(r.DataURL); err != nil || u.Scheme == "" || u.Host == "" {
			c.location = locate(s, c.source, elements)
		}
		if c.source == "" {
			c.source, c.host = hostOf(c.location), true
		}
		if c.source != "" {
			all = append(all, c)
		}
	}
	return all
}

// locate is the URL of an object in one of the site's own elements; "" where it has
// none.
func locate(s *ivoa.Skao, element string, elements []config.StorageElement) string {
	for _, e := range elements {
		if e.Name != element || e.URL == "" || s.ObjectName == "" {
			continue
		}
		return below(e.URL, s.Namespace, s.ObjectName)
	}
	return ""
}

// below is the URL of an object below a base. A name that would lead elsewhere has
// none.
func below(base string, names ...string) string {
	at := strings.TrimRight(base, "/")
	for name := range strings.SplitSeq(strings.Trim(strings.Join(names, "/"), "/"), "/") {
		if name == "" || name == "." || name == ".." {
			return ""
		}
		at += "/" + url.PathEscape(name)
	}
	return at
}

// sha256Of is the SHA-256 of an object of the data lake, in hexadecimal; "" where
// nobody says it.
func sha256Of(d ivoa.DataResource) string {
	skao, ok := d.(*ivoa.SkaoDataResource)
	if !ok || skao.Skao == nil || skao.Skao.Checksum == nil {
		return ""
	}
	name := strings.ReplaceAll(strings.ToLower(skao.Skao.Checksum.Type), "-", "")
	if raw, err := hex.DecodeString(skao.Skao.Checksum.Value); name != "sha256" || err != nil || len(raw) != 32 {
		return ""
	}
	return strings.ToLower(skao.Skao.Checksum.Value)
}
