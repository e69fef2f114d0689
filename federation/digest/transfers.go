package digest

import "starling/scheduling/transfer"

// Transfers is the model of how data come to the node's site. It costs some
// microseconds for each link, and is good for as long as the slow part is.
func (s *Slow) Transfers() *transfer.Model {
	site := transfer.Default()
	if s == nil {
		return transfer.New(site)
	}
	for _, e := range s.Elements[:min(len(s.Elements), transfer.MaxElements)] {
		site.Elements = append(site.Elements, transfer.Element{Name: e.Name, Host: e.Host, Rate: transfer.Rate(e.Bandwidth)})
	}
	for _, l := range s.Links[:min(len(s.Links), transfer.MaxLinks)] {
		site.Links = append(site.Links, transfer.Link{Source: l.Source, Rate: transfer.Rate(l.Bandwidth), Samples: l.Samples})
	}
	return transfer.New(site)
}
