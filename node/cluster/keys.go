package cluster

import (
	"starling/federation/certificate"
)

// Sources are this node's certificates and gossip keys, which may be exchanged
// while it runs.
func (c *Cluster) Sources() (list []certificate.Source) {
	f := c.config
	if c.credentials != nil {
		list = append(list, certificate.Source{
			Name: "federation", Files: []string{f.CA, f.Certificate, f.Key},
			Reload: c.credentials.Reload, Expires: c.credentials.Expires,
		})
	}
	if f.GossipKeys != "" {
		list = append(list, certificate.Source{Name: "gossip", Files: []string{f.GossipKeys}, Reload: c.rekey})
	}
	return list
}

// rekey has gossip use the keys that the file holds now.
func (c *Cluster) rekey() error {
	keys, err := certificate.GossipKeys(c.config.GossipKeys)
	if err != nil {
		return err
	}
	return c.gossip.Load().Rekey(keys)
}
